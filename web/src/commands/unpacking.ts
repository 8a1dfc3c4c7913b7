/** Subgraphs: the nodes of an instance taken out of it again. */

import type { Draft } from "immer";
import { freshName } from "../documents/ids";
import { asInput, isInputRef, isLink, isLinks } from "../documents/inputs";
import { instancesOf } from "../documents/instances";
import {
  type Document,
  type FormField,
  type Graph,
  type InputValue,
  type NodeId,
  type NodeView,
  type Source,
  SUBGRAPH_PREFIX,
  type Subgraph,
  type WorkflowNode,
} from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";
import { cornerOf, relink } from "./subgraphs";

export interface Unpacked {
  readonly edit: Edit;
  /** The nodes that were taken out: what to select. */
  readonly ids: readonly NodeId[];
}

/** Takes the nodes of an instance out of it. The definition goes too, where no other instance reads it. */
export function unpackSubgraph(document: Document, graph: Graph, id: NodeId): Unpacked {
  const instance = graph.nodes[id];
  const key = instance?.type.slice(SUBGRAPH_PREFIX.length) ?? "";
  const subgraph = document.subgraphs[key];
  if (instance === undefined || subgraph === undefined)
    throw new Error(`“${id}” is no instance of a subgraph of this document.`);
  const names = namesIn(graph, subgraph, id);
  const nameOf = (inner: NodeId) => names.get(inner) ?? inner;
  const moved = ([node, output]: Source): Source => [nameOf(node), output];
  const exits = new Map(subgraph.outputs.map(({ name, from }) => [name, moved(from)]));
  const corner = cornerOf(subgraph.view);
  const at = graph.view[id] ?? { x: 0, y: 0 };
  const last = instancesOf(document, key) === 1;
  const edit: Edit = {
    label: editTexts.unpackSubgraph,
    recipe: (draft, whole) => {
      delete draft.nodes[id];
      delete draft.view[id];
      for (const [inner, node] of Object.entries(subgraph.nodes)) {
        const inputs = unbound(node, subgraph, instance, moved);
        const mode = instance.mode === undefined ? {} : { mode: instance.mode };
        draft.nodes[nameOf(inner)] = { ...node, ...mode, inputs } as Draft<WorkflowNode>;
        const view = subgraph.view[inner] ?? corner;
        draft.view[nameOf(inner)] = shifted(view, at.x - corner.x, at.y - corner.y) as Draft<NodeView>;
      }
      relink(draft, (source) => (source[0] === id ? (exits.get(source[1]) ?? source) : source));
      whole.form = document.form.map((field) =>
        innerField(field, id, subgraph, nameOf),
      ) as Draft<FormField>[];
      if (last) delete whole.subgraphs[key];
    },
  };
  return { edit, ids: [...names.values()] };
}

function namesIn(graph: Graph, subgraph: Subgraph, id: NodeId): ReadonlyMap<NodeId, NodeId> {
  const taken: Record<string, unknown> = { ...graph.nodes };
  delete taken[id];
  const names = new Map<NodeId, NodeId>();
  for (const inner of Object.keys(subgraph.nodes)) {
    const name = freshName(taken, inner);
    taken[name] = true;
    names.set(inner, name);
  }
  return names;
}

function unbound(
  node: WorkflowNode,
  subgraph: Subgraph,
  instance: WorkflowNode,
  moved: (source: Source) => Source,
): Readonly<Record<string, InputValue>> {
  const inputs: Record<string, InputValue> = {};
  for (const [name, value] of Object.entries(node.inputs)) {
    if (isLink(value)) inputs[name] = { link: moved(value.link) };
    else if (isLinks(value)) inputs[name] = { links: value.links.map(moved) };
    else if (isInputRef(value)) {
      const standard = subgraph.inputs.find((port) => port.name === value.input)?.default;
      const given = instance.inputs[value.input] ?? (standard === undefined ? undefined : asInput(standard));
      if (given !== undefined) inputs[name] = given;
    } else inputs[name] = value;
  }
  return inputs;
}

function shifted(view: NodeView, dx: number, dy: number): NodeView {
  const routes = Object.entries(view.routes ?? {}).map(([key, points]) => [
    key,
    points.map(([x, y]) => [x + dx, y + dy]),
  ]);
  const moved = { ...view, x: view.x + dx, y: view.y + dy };
  return routes.length === 0 ? moved : { ...moved, routes: Object.fromEntries(routes) };
}

function innerField(
  field: FormField,
  id: NodeId,
  subgraph: Subgraph,
  nameOf: (inner: NodeId) => NodeId,
): FormField {
  if (field.node !== id) return field;
  for (const [inner, node] of Object.entries(subgraph.nodes)) {
    for (const [input, value] of Object.entries(node.inputs)) {
      if (isInputRef(value) && value.input === field.input) return { ...field, node: nameOf(inner), input };
    }
  }
  return field;
}
