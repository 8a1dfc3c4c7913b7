/** Copy, paste and duplicate: a fragment is a part of a graph with the wires inside it, and those that come in. */

import type { Draft } from "immer";
import { freshName } from "../documents/ids";
import { isLink, isLinks } from "../documents/inputs";
import type { Graph, InputValue, NodeId, NodeView, Point, Source, WorkflowNode } from "../documents/types";
import type { Edit } from "./edit";

export interface Fragment {
  readonly nodes: Readonly<Record<NodeId, WorkflowNode>>;
  readonly view: Readonly<Record<NodeId, NodeView>>;
}

export function copyNodes(graph: Graph, ids: readonly NodeId[]): Fragment {
  const present = ids.filter((id) => graph.nodes[id] !== undefined);
  const pick = <T>(from: Readonly<Record<string, T>>) =>
    Object.fromEntries(present.flatMap((id) => (from[id] === undefined ? [] : [[id, from[id]]])));
  return { nodes: pick(graph.nodes), view: pick(graph.view) };
}

export interface PasteOptions {
  /** The fragment's upper left corner comes to this place. */
  readonly at: { readonly x: number; readonly y: number };
  /** Wires from nodes outside the fragment stay where those nodes are in the graph; otherwise they are left out. */
  readonly keepIncoming: boolean;
}

export interface Pasted {
  readonly edit: Edit;
  /** The new nodes, in the fragment's order: what to select. */
  readonly ids: readonly NodeId[];
}

export function pasteNodes(graph: Graph, fragment: Fragment, options: PasteOptions): Pasted {
  const names = renamed(graph, fragment);
  const [left, top] = cornerOf(fragment);
  const shift: Point = [options.at.x - left, options.at.y - top];
  const sourceOf = ([id, output]: Source): Source | undefined => {
    const name = names.get(id);
    if (name !== undefined) return [name, output];
    return options.keepIncoming && graph.nodes[id] !== undefined ? [id, output] : undefined;
  };
  const ids = [...names.values()];
  const edit: Edit = {
    label: ids.length === 1 ? "Paste node" : `Paste ${ids.length} nodes`,
    recipe: (draft) => {
      for (const [old, id] of names) {
        const node = fragment.nodes[old];
        if (node === undefined) continue;
        draft.nodes[id] = { ...node, inputs: carried(node, sourceOf) } as Draft<WorkflowNode>;
        draft.view[id] = shifted(fragment.view[old] ?? { x: left, y: top }, shift) as Draft<NodeView>;
      }
    },
  };
  return { edit, ids };
}

function renamed(graph: Graph, fragment: Fragment): ReadonlyMap<NodeId, NodeId> {
  const taken: Record<string, true> = Object.fromEntries(Object.keys(graph.nodes).map((id) => [id, true]));
  const names = new Map<NodeId, NodeId>();
  for (const id of Object.keys(fragment.nodes)) {
    const name = freshName(taken, id);
    taken[name] = true;
    names.set(id, name);
  }
  return names;
}

function cornerOf(fragment: Fragment): Point {
  const views = Object.values(fragment.view);
  if (views.length === 0) return [0, 0];
  return [Math.min(...views.map(({ x }) => x)), Math.min(...views.map(({ y }) => y))];
}

function shifted(view: NodeView, [dx, dy]: Point): NodeView {
  const moved = { ...view, x: view.x + dx, y: view.y + dy };
  if (view.routes === undefined) return moved;
  const routes = Object.entries(view.routes).map(([key, points]) => [
    key,
    points.map(([x, y]) => [x + dx, y + dy]),
  ]);
  return { ...moved, routes: Object.fromEntries(routes) };
}

function carried(
  node: WorkflowNode,
  sourceOf: (source: Source) => Source | undefined,
): Readonly<Record<string, InputValue>> {
  const inputs: Record<string, InputValue> = {};
  for (const [name, value] of Object.entries(node.inputs)) {
    if (isLink(value)) {
      const link = sourceOf(value.link);
      if (link !== undefined) inputs[name] = { link };
    } else if (isLinks(value)) {
      const links = value.links.map(sourceOf).filter((source) => source !== undefined);
      if (links.length > 0) inputs[name] = { links };
    } else {
      inputs[name] = value;
    }
  }
  return inputs;
}
