/** The catalogue that the editor works with, and the ports of nodes in the open documents. */

import { create } from "zustand";
import type { Typed } from "../catalogue/fit";
import { specOf as specIn } from "../catalogue/ports";
import { type Catalogue, EMPTY_CATALOGUE, type NodeSpec } from "../catalogue/types";
import { EMPTY_DOCUMENT } from "../documents/empty";
import type { Document, NodeId } from "../documents/types";
import { nameNodes } from "../texts/problems";
import { activeGraph, activeTab, documentOf } from "./tabs";

interface CatalogueState {
  readonly state: "loading" | "ready" | "failed";
  readonly catalogue: Catalogue;
  /** Why it could not be had, in a sentence. */
  readonly problem: string | null;
}

export const useCatalogue = create<CatalogueState>(() => ({
  state: "loading",
  catalogue: EMPTY_CATALOGUE,
  problem: null,
}));

export function setCatalogue(catalogue: Catalogue): void {
  nameNodes(catalogue.titles);
  useCatalogue.setState({ state: "ready", catalogue, problem: null });
}

export function catalogueFailed(problem: string): void {
  // A catalogue that was had before stays in use: the server may only be starting again.
  useCatalogue.setState(({ state }) => ({ state: state === "ready" ? "ready" : "failed", problem }));
}

/** The spec of a node on the active canvas, ghosts and subgraphs included. */
export function specOf(id: NodeId): NodeSpec {
  const tab = activeTab();
  const document = tab === undefined ? EMPTY_DOCUMENT : documentOf(tab);
  return specIn(useCatalogue.getState().catalogue, document, activeGraph(), id);
}

/** The specs of the nodes of a document's outermost graph. */
export function specAt(document: Document): (id: NodeId) => NodeSpec {
  const { catalogue } = useCatalogue.getState();
  return (id) => specIn(catalogue, document, document, id);
}

/** The active graph with its specs: the first argument of `fits`, `inputFor` and their like. */
export function typedGraph(): Typed {
  return { graph: activeGraph(), specOf };
}
