/** A file of a model folder, by name, with its size and the models that it is for. */

import { refreshFamilies, refreshFolder, useFamilies, useFolder } from "../store/folders";
import { canvasTexts } from "../texts/canvas";
import { byteSize } from "../texts/figures";
import { folderOf } from "./kinds";
import { PickList } from "./PickList";
import type { WidgetProps } from "./props";
import { plainText } from "./ValueText";

export function FileField({ input, value, label, compact, invalid, onChange, onSettled }: WidgetProps) {
  const kind = folderOf(input);
  const files = useFolder(kind);
  const families = useFamilies(kind);
  const text = plainText(value);
  // A picture of another folder, `name [output]`, is none of this one's: the server says where one is missing.
  const elsewhere = / \[(input|output|temp)\]$/.test(text);
  const missing =
    files !== undefined && text !== "" && !elsewhere && !files.some((file) => file.name === text);
  return (
    <PickList
      label={label}
      compact={compact}
      value={text}
      invalid={invalid === true || missing}
      options={(files ?? []).map((file) => ({
        value: file.name,
        detail: [families?.get(file.name), byteSize(file.size)]
          .filter((part) => part !== undefined)
          .join(" · "),
        ...(file.name.includes("/") ? { group: file.name.slice(0, file.name.lastIndexOf("/")) } : {}),
      }))}
      empty={canvasTexts.noFiles}
      onOpen={() => {
        void refreshFolder(kind);
        if (kind !== "input") void refreshFamilies(kind);
      }}
      onPick={(next) => {
        onChange(next);
        onSettled();
      }}
      foot={missing ? <p className="hint picklist__empty">{canvasTexts.missingFile}</p> : undefined}
    />
  );
}
