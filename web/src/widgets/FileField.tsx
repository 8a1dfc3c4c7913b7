/** A file of a model folder, by name, with its size. */

import { refreshFolder, useFolder } from "../store/folders";
import { canvasTexts } from "../texts/canvas";
import { folderOf } from "./kinds";
import { PickList } from "./PickList";
import type { WidgetProps } from "./props";
import { plainText } from "./ValueText";

export function FileField({ input, value, label, compact, invalid, onChange, onSettled }: WidgetProps) {
  const kind = folderOf(input);
  const files = useFolder(kind);
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
        detail: sizeText(file.size),
        ...(file.name.includes("/") ? { group: file.name.slice(0, file.name.lastIndexOf("/")) } : {}),
      }))}
      empty={canvasTexts.noFiles}
      onOpen={() => void refreshFolder(kind)}
      onPick={(next) => {
        onChange(next);
        onSettled();
      }}
      foot={missing ? <p className="hint picklist__empty">{canvasTexts.missingFile}</p> : undefined}
    />
  );
}

function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${Math.round(bytes / 1e6)} MB`;
  return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}
