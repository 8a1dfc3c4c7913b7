/** Document → the workflow file, in canonical order; sections without content are left out. */

import { compactJson, formatJson } from "./json";
import type { Document, Graph, Json, JsonObject } from "./types";

type Loose = { readonly [key: string]: unknown };

function isEmpty(value: unknown): boolean {
  return Array.isArray(value)
    ? value.length === 0
    : typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** The given keys of an item, in this order, where they are present, and then what the item keeps in `rest`. */
function picked(item: Loose, keys: readonly string[]): JsonObject {
  const present = keys.flatMap((key) => (item[key] === undefined ? [] : [[key, item[key] as Json] as const]));
  return { ...Object.fromEntries(present), ...(item["rest"] as JsonObject | undefined) };
}

function each(items: Readonly<Record<string, object>>, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(items).map(([id, item]) => [id, picked(item as Loose, keys)]));
}

const BOX = ["x", "y", "width", "height", "color"];

function graphSections(graph: Graph): Loose {
  return {
    title: graph.title,
    nodes: each(graph.nodes, ["type", "version", "title", "mode", "inputs"]),
    view: each(graph.view, [...BOX, "collapsed", "routes", "seeds"]),
    frames: each(graph.frames, ["title", ...BOX]),
    notes: each(graph.notes, ["text", ...BOX]),
    rest: graph.rest,
  };
}

function withoutEmpty(sections: Loose, optional: readonly string[]): Loose {
  return Object.fromEntries(
    Object.entries(sections).filter(([key, value]) => !(optional.includes(key) && isEmpty(value))),
  );
}

/** The file's content as JSON. */
export function toJson(document: Document): JsonObject {
  const subgraphs = Object.entries(document.subgraphs).map(([key, graph]) => {
    const sections = withoutEmpty({ ...graphSections(graph), inputs: graph.inputs, outputs: graph.outputs }, [
      "frames",
      "notes",
    ]);
    return [
      key,
      picked(sections, ["title", "inputs", "outputs", "nodes", "view", "frames", "notes"]),
    ] as const;
  });
  const { form, models, meta, signatures } = document;
  const sections = {
    format: 1,
    ...graphSections(document),
    subgraphs: Object.fromEntries(subgraphs),
    form,
    models,
    meta,
    signatures,
  };
  const optional = ["frames", "notes", "subgraphs", "form", "models", "meta", "signatures"];
  return picked(withoutEmpty(sections, optional), ["format", "title", "nodes", "view", ...optional]);
}

/** The text of the file. */
export function toText(document: Document): string {
  return formatJson(toJson(document));
}

/** The file on one line, to send. */
export function toWire(document: Document): string {
  return compactJson(toJson(document));
}
