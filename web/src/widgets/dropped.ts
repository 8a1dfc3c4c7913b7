/** The picture in what was dropped or pasted: a file, or a picture that was dragged from the gallery. */

import { contentUrl } from "../api/pictures";

const OF_GALLERY = /\/api\/v1\/artifacts\/([^/]+)\/(?:thumbnail|content)/;

function fileIn(data: DataTransfer): File | undefined {
  return [...data.files].find((file) => file.type.startsWith("image/"));
}

/** The address of one of our own pictures; those of other sites are left alone. */
function ownAddress(data: DataTransfer): string | undefined {
  const text = data.getData("text/uri-list").split("\n")[0] ?? "";
  if (!URL.canParse(text)) return undefined;
  const { origin, pathname } = new URL(text);
  const [, artifact] = OF_GALLERY.exec(pathname) ?? [];
  if (origin !== window.location.origin || artifact === undefined) return undefined;
  return contentUrl(decodeURIComponent(artifact));
}

/** Reads `data` at once, since it is empty after the event; the picture itself may take a while to fetch. */
export function pictureIn(data: DataTransfer | null): Promise<File> | undefined {
  if (data === null) return undefined;
  const file = fileIn(data);
  if (file) return Promise.resolve(file);
  const address = ownAddress(data);
  return address === undefined ? undefined : fetched(address);
}

async function fetched(address: string): Promise<File> {
  const blob = await (await fetch(address)).blob();
  return new File([blob], `from_gallery.${blob.type.split("/")[1] ?? "png"}`, { type: blob.type });
}
