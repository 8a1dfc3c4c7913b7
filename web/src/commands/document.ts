/** Commands on the document as a whole. */

import type { Draft } from "immer";
import type { Json, JsonObject } from "../documents/types";
import { type EditTexts, editTexts } from "../texts/edits";
import type { Edit } from "./edit";

export function setTitle(title: string): Edit {
  return {
    label: editTexts.renameWorkflow,
    gesture: "title",
    recipe: (graph) => {
      graph.title = title;
    },
  };
}

/** Names a subgraph: what its instances are called that have no name of their own. */
export function setSubgraphTitle(key: string, title: string): Edit {
  return {
    label: editTexts.renameSubgraph,
    recipe: (_, document) => {
      const subgraph = document.subgraphs[key];
      if (subgraph !== undefined && title.trim() !== "") subgraph.title = title;
    },
  };
}

/** An entry of `meta`: author, licence, description, tags. An empty one leaves the file. */
export function setMeta(key: keyof EditTexts["meta"], value: string | readonly string[]): Edit {
  return {
    label: editTexts.meta[key],
    gesture: `meta:${key}`,
    recipe: (_, document) => {
      const meta: Record<string, Json> = { ...(document.meta as JsonObject) };
      if (value.length === 0) delete meta[key];
      else meta[key] = value;
      document.meta = meta as Draft<JsonObject>;
    },
  };
}
