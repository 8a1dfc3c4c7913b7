/** Hooks on the active tab. Each wakes only when what it returns is another object. */

import { specOf } from "../catalogue/ports";
import type { NodeSpec } from "../catalogue/types";
import { graphAt } from "../commands/edit";
import { EMPTY_DOCUMENT } from "../documents/empty";
import type { Document, Graph, NodeId, NodeView, Scope, WorkflowNode } from "../documents/types";
import { useCatalogue } from "./catalogue";
import { activeGraph, activeTab, documentOf, scopeOf, type Tab, useTabs } from "./tabs";

export function useTab(): Tab | undefined {
  return useTabs(activeTab);
}

/** The id of the active tab, which names its document to the server; empty without one. */
export function useDocumentId(): string {
  return useTabs((state) => state.active ?? "");
}

export function useDocument(): Document {
  return useTabs((state) => {
    const tab = activeTab(state);
    return tab === undefined ? EMPTY_DOCUMENT : documentOf(tab);
  });
}

/** Which graph of the document is on the canvas. */
export function useScope(): Scope {
  return useTabs((state) => {
    const tab = activeTab(state);
    return tab === undefined ? null : scopeOf(tab);
  });
}

/** The graph on the active canvas: the document or the subgraph that was entered. */
export function useGraph(): Graph {
  return useTabs(activeGraph);
}

export function useNode(id: NodeId): WorkflowNode | undefined {
  return useTabs((state) => activeGraph(state).nodes[id]);
}

export function useNodeView(id: NodeId): NodeView | undefined {
  return useTabs((state) => activeGraph(state).view[id]);
}

export function useSelected(id: NodeId): boolean {
  return useTabs((state) => activeTab(state)?.selection.has(id) ?? false);
}

/** The spec of a node on the active canvas, ghosts and subgraphs included. */
export function useSpec(id: NodeId): NodeSpec {
  const catalogue = useCatalogue((state) => state.catalogue);
  return useTabs((state) => {
    const tab = activeTab(state);
    if (tab === undefined) return specOf(catalogue, EMPTY_DOCUMENT, EMPTY_DOCUMENT, id);
    return specOf(catalogue, documentOf(tab), graphAt(documentOf(tab), scopeOf(tab)), id);
  });
}
