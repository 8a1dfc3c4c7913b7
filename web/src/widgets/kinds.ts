/** Which control an input gets. What the catalogue asks for wins; an unknown control falls back to its type's. */

import type { InputSpec } from "../catalogue/types";
import type { Json } from "../documents/types";
import type { Bounds } from "./numbers";

export type WidgetKind =
  | "int"
  | "float"
  | "seed"
  | "text"
  | "multiline"
  | "choice"
  | "file"
  | "image"
  | "boolean"
  | "colour"
  | "json";

const BY_TYPE: Readonly<Record<string, WidgetKind>> = {
  Int: "int",
  Float: "float",
  String: "text",
  Boolean: "boolean",
};

export function widgetKind(input: InputSpec): WidgetKind {
  const byType = BY_TYPE[input.type] ?? "json";
  switch (input.widget?.kind) {
    case "seed":
      return "seed";
    case "multiline":
      return "multiline";
    case "choice":
      return "choice";
    case "file":
      return input.widget.folder === "input" ? "image" : "file";
    case "colour":
      return "colour";
    default:
      return byType;
  }
}

/** The room a control takes on a node; `grows` says that it also takes what a taller node has left. */
export function widgetRoom(kind: WidgetKind): { readonly height: number; readonly grows: boolean } {
  switch (kind) {
    case "multiline":
      return { height: 96, grows: true };
    case "image":
      return { height: 166, grows: true };
    default:
      return { height: 26, grows: false };
  }
}

const asNumber = (value: Json | undefined, otherwise: number): number =>
  typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : otherwise;

/** The range of a number, from its marker or from its type. */
export function boundsOf(input: InputSpec): Bounds {
  const whole = input.type === "Int";
  const widget = input.widget ?? { kind: "" };
  return {
    min: asNumber(widget.min, Number.NEGATIVE_INFINITY),
    max: asNumber(widget.max, Number.POSITIVE_INFINITY),
    step: asNumber(widget.step, whole ? 1 : 0.01),
    whole,
  };
}

/** Is the range narrow enough that a bar under the number helps? */
export function hasBar({ min, max, step }: Bounds): boolean {
  return Number.isFinite(min) && Number.isFinite(max) && (max - min) / step <= 1000;
}

export function optionsOf(input: InputSpec): readonly string[] {
  const options = input.widget?.options;
  return Array.isArray(options) ? options.map(String) : [];
}

/** The kind of model folder a file input chooses from. */
export function folderOf(input: InputSpec): string {
  const folder = input.widget?.folder;
  return typeof folder === "string" ? folder : "input";
}

/** What an input holds where the file says nothing. */
export function emptyValue(input: InputSpec): Json {
  if (input.default !== undefined) return input.default;
  const bounds = boundsOf(input);
  switch (widgetKind(input)) {
    case "int":
    case "float":
    case "seed":
      return Number.isFinite(bounds.min) && bounds.min > 0 ? bounds.min : 0;
    case "choice":
      return optionsOf(input)[0] ?? "";
    case "boolean":
      return false;
    case "colour":
      return input.type === "Int" ? 0 : "#000000";
    case "text":
    case "multiline":
    case "file":
    case "image":
      return "";
    case "json":
      return null;
  }
}
