/** What a run made, small: a picture's thumbnail, the beginning of a text, the sign of any other file. */

import { File, FileAudio, FileBox, FileJson, FileText, FileVideo, type LucideIcon } from "lucide-react";
import { isPicture, isText, thumbnailUrl } from "../api/pictures";
import type { Artifact } from "../api/types";
import { useResultText } from "../store/resultText";

/** The text of a result; what went wrong stands in its place. */
export function ResultText({ artifact }: { readonly artifact: Artifact }) {
  const loaded = useResultText(artifact);
  if (loaded.kind === "failed") return <p className="hint">{loaded.message}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by key, too
    <pre className="result-text nowheel" tabIndex={0} data-interactive>
      {loaded.kind === "ready" ? loaded.value : ""}
    </pre>
  );
}

/** A small card that fills its place. */
export function ResultThumbnail({ artifact, size }: { readonly artifact: Artifact; readonly size?: number }) {
  if (isPicture(artifact))
    return <img src={thumbnailUrl(artifact.id, size)} alt="" loading="lazy" draggable={false} />;
  if (isText(artifact)) return <TextThumbnail artifact={artifact} />;
  const Icon = resultIcon(artifact);
  return (
    <span className="result-card">
      <Icon size={26} strokeWidth={1.5} aria-hidden />
      <span className="ellipsis">{artifact.name}</span>
    </span>
  );
}

function TextThumbnail({ artifact }: { readonly artifact: Artifact }) {
  const loaded = useResultText(artifact);
  return <span className="result-card result-card--text">{loaded.kind === "ready" ? loaded.value : ""}</span>;
}

export function resultIcon({ kind, mime }: Artifact): LucideIcon {
  if (mime === "application/json") return FileJson;
  switch (kind) {
    case "text":
      return FileText;
    case "video":
      return FileVideo;
    case "audio":
      return FileAudio;
    case "latent":
      return FileBox;
    default:
      return File;
  }
}
