/** Edits as values: an edit applied to a document gives the next document and the patches that undo and redo it. */

import { applyPatches, type Draft, enablePatches, type Patch, produceWithPatches } from "immer";
import type { Document, Graph, Scope } from "../documents/types";

enablePatches();

export interface Edit {
  /** What was done, as the undo menu says it: "Move 3 nodes". */
  readonly label: string;
  /** Edits that follow each other with the same gesture are one entry of the history. */
  readonly gesture?: string;
  readonly recipe: (graph: Draft<Graph>, document: Draft<Document>) => void;
}

export interface Change {
  readonly document: Document;
  readonly redo: readonly Patch[];
  readonly undo: readonly Patch[];
}

/** The graph that a scope names, or the document where the scope is gone. */
export function graphAt(document: Document, scope: Scope): Graph {
  return scope === null ? document : (document.subgraphs[scope] ?? document);
}

export function applyEdit(document: Document, scope: Scope, edit: Edit): Change {
  const [next, redo, undo] = produceWithPatches(document, (draft) => {
    const graph = scope === null ? draft : draft.subgraphs[scope];
    if (graph === undefined) throw new Error(`The subgraph “${scope}” is not part of this document.`);
    edit.recipe(graph, draft);
  });
  return { document: next, redo, undo };
}

export function patched(document: Document, patches: readonly Patch[]): Document {
  return applyPatches(document, patches as Patch[]);
}

/** Several edits as one, under one name. */
export function together(label: string, edits: readonly Edit[]): Edit {
  return {
    label,
    recipe: (graph, document) => {
      for (const edit of edits) edit.recipe(graph, document);
    },
  };
}
