/** A picture from outside becomes an image node: uploaded, chosen, and selected, as soon as the nodes are known. */

import { uploadPicture } from "../api/pictures";
import { setValue } from "../commands/values";
import { useCatalogue } from "../store/catalogue";
import { refreshFolder } from "../store/folders";
import { report } from "../store/notices";
import { edit, useTabs } from "../store/tabs";
import { until } from "../store/until";
import { widgetKind } from "../widgets/kinds";
import { addNodeOfType } from "./adding";
import { worldOf } from "./stage";

/** The node that takes a picture: LoadImage where it is there, else the first with an image control and an Image out. */
function loader() {
  const { nodes } = useCatalogue.getState().catalogue;
  const takes = [...nodes.values()].filter(
    (spec) =>
      spec.outputs.some(({ type }) => type === "Image") &&
      spec.inputs.some((input) => widgetKind(input) === "image"),
  );
  return takes.find(({ id }) => id === "LoadImage") ?? takes[0];
}

export async function addPicture(
  picture: File | Promise<File>,
  place: { clientX: number; clientY: number },
): Promise<void> {
  await until(useCatalogue, ({ state }) => state === "ready");
  await until(useTabs, ({ active }) => active !== null);
  const spec = loader();
  const input = spec?.inputs.find((port) => widgetKind(port) === "image");
  if (spec === undefined || input === undefined) return;
  try {
    const file = await picture;
    const { name } = await uploadPicture(file, file.name || "pasted.png");
    await refreshFolder("input");
    const id = addNodeOfType(spec.id, worldOf(place));
    if (id !== undefined) edit(setValue(id, input.name, name));
  } catch (problem) {
    report(problem);
  }
}
