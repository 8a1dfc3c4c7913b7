/** Copy, paste and duplicate: a fragment is a part of a graph with the wires inside it, and those that come in. */

import type { Draft } from "immer";
import { freshName } from "../documents/ids";
import { isLink, isLinks, subgraphKey } from "../documents/inputs";
import { compactJson } from "../documents/json";
import {
  type Document,
  type Frame,
  type Graph,
  type InputValue,
  type NodeId,
  type NodeView,
  type Note,
  type Point,
  type Source,
  SUBGRAPH_PREFIX,
  type Subgraph,
  type WorkflowNode,
} from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";

export interface Fragment {
  readonly nodes: Readonly<Record<NodeId, WorkflowNode>>;
  readonly view: Readonly<Record<NodeId, NodeView>>;
  readonly frames: Readonly<Record<string, Frame>>;
  readonly notes: Readonly<Record<string, Note>>;
  /** What the instances among the nodes stand for, those within them included. */
  readonly subgraphs: Readonly<Record<string, Subgraph>>;
}

/** What is taken along beside the nodes. */
export interface Surroundings {
  readonly frames?: readonly string[];
  readonly notes?: readonly string[];
}

export function copyNodes(
  document: Document,
  graph: Graph,
  ids: readonly NodeId[],
  { frames = [], notes = [] }: Surroundings = {},
): Fragment {
  const nodes = picked(graph.nodes, ids);
  return {
    nodes,
    view: picked(graph.view, Object.keys(nodes)),
    frames: picked(graph.frames, frames),
    notes: picked(graph.notes, notes),
    subgraphs: definitions(document, Object.values(nodes)),
  };
}

function picked<Value>(
  from: Readonly<Record<string, Value>>,
  ids: readonly string[],
): Readonly<Record<string, Value>> {
  return Object.fromEntries(ids.flatMap((id) => (from[id] === undefined ? [] : [[id, from[id]]])));
}

function definitions(document: Document, nodes: readonly WorkflowNode[]): Readonly<Record<string, Subgraph>> {
  const found: Record<string, Subgraph> = {};
  const stack = [...nodes];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const key = subgraphKey(node);
    const subgraph = key === undefined ? undefined : document.subgraphs[key];
    if (key === undefined || subgraph === undefined || found[key] !== undefined) continue;
    found[key] = subgraph;
    stack.push(...Object.values(subgraph.nodes));
  }
  return found;
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

export function pasteNodes(
  document: Document,
  graph: Graph,
  fragment: Fragment,
  options: PasteOptions,
): Pasted {
  const names = renamed(graph.nodes, fragment.nodes);
  const frames = renamed(graph.frames, fragment.frames);
  const notes = renamed(graph.notes, fragment.notes);
  const keys = renamedKeys(document.subgraphs, fragment.subgraphs);
  const [left, top] = cornerOf(fragment);
  const shift: Point = [options.at.x - left, options.at.y - top];
  const sourceOf = ([id, output]: Source): Source | undefined => {
    const name = names.get(id);
    if (name !== undefined) return [name, output];
    return options.keepIncoming && graph.nodes[id] !== undefined ? [id, output] : undefined;
  };
  const ids = [...names.values()];
  const edit: Edit = {
    label: editTexts.pasteNodes(ids.length),
    recipe: (draft, whole) => {
      define(whole, fragment.subgraphs, keys);
      for (const [old, id] of frames)
        draft.frames[id] = movedBox(fragment.frames[old], shift) as Draft<Frame>;
      for (const [old, id] of notes) draft.notes[id] = movedBox(fragment.notes[old], shift) as Draft<Note>;
      for (const [old, id] of names) {
        const node = fragment.nodes[old];
        if (node === undefined) continue;
        draft.nodes[id] = {
          ...instanceOf(node, keys),
          inputs: carried(node, sourceOf),
        } as Draft<WorkflowNode>;
        draft.view[id] = shifted(fragment.view[old] ?? { x: left, y: top }, shift) as Draft<NodeView>;
      }
    },
  };
  return { edit, ids };
}

function renamed(
  there: Readonly<Record<string, unknown>>,
  copied: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, string> {
  const taken: Record<string, unknown> = { ...there };
  const names = new Map<string, string>();
  for (const id of Object.keys(copied)) {
    const name = freshName(taken, id);
    taken[name] = true;
    names.set(id, name);
  }
  return names;
}

/** A definition keeps its key where the document has the same one, or none; another one of that key stays as it is. */
function renamedKeys(
  there: Document["subgraphs"],
  copied: Document["subgraphs"],
): ReadonlyMap<string, string> {
  const own = Object.entries(copied).filter(([key, subgraph]) => {
    const known = there[key];
    return known === undefined || compactJson(known as never) === compactJson(subgraph as never);
  });
  const kept = new Map(own.map(([key]) => [key, key]));
  const others = Object.entries(copied).filter(([key]) => !kept.has(key));
  return new Map([...kept, ...renamed({ ...there, ...copied }, Object.fromEntries(others))]);
}

function define(
  whole: Draft<Document>,
  subgraphs: Document["subgraphs"],
  keys: ReadonlyMap<string, string>,
): void {
  for (const [old, key] of keys) {
    const subgraph = subgraphs[old];
    if (subgraph !== undefined && whole.subgraphs[key] === undefined)
      whole.subgraphs[key] = retyped(subgraph, keys) as Draft<Subgraph>;
  }
}

/** Takes a subgraph of another document over, with those within it, under a key that is free or has the same one. */
export function adoptSubgraph(
  document: Document,
  from: Document,
  key: string,
): { readonly edit: Edit; readonly key: string } {
  const subgraphs = definitions(from, [{ type: SUBGRAPH_PREFIX + key, version: 1, inputs: {} }]);
  const keys = renamedKeys(document.subgraphs, subgraphs);
  const edit: Edit = {
    label: editTexts.addNode,
    recipe: (_, whole) => define(whole, subgraphs, keys),
  };
  return { edit, key: keys.get(key) ?? key };
}

function instanceOf(node: WorkflowNode, keys: ReadonlyMap<string, string>): WorkflowNode {
  const key = subgraphKey(node);
  const name = key === undefined ? undefined : keys.get(key);
  return name === undefined || name === key ? node : { ...node, type: SUBGRAPH_PREFIX + name };
}

function retyped(subgraph: Subgraph, keys: ReadonlyMap<string, string>): Subgraph {
  const nodes = Object.entries(subgraph.nodes).map(([id, node]) => [id, instanceOf(node, keys)]);
  return { ...subgraph, nodes: Object.fromEntries(nodes) };
}

function cornerOf({ view, frames, notes }: Fragment): Point {
  const places = [...Object.values(view), ...Object.values(frames), ...Object.values(notes)];
  if (places.length === 0) return [0, 0];
  return [Math.min(...places.map(({ x }) => x)), Math.min(...places.map(({ y }) => y))];
}

function movedBox<Box extends Frame | Note>(box: Box | undefined, [dx, dy]: Point): Box | undefined {
  return box && { ...box, x: box.x + dx, y: box.y + dy };
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
