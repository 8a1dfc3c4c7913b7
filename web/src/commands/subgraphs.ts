/** Subgraphs: nodes put into one node with a typed interface. */

import type { Draft } from "immer";
import { outputType, type Typed } from "../catalogue/fit";
import { freshName, wordsOf } from "../documents/ids";
import { isInputRef, isLinks, literalOf, sourcesOf } from "../documents/inputs";
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
  type SubgraphInput,
  type SubgraphOutput,
  type WorkflowNode,
} from "../documents/types";
import { downstream, upstream } from "../documents/walk";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";

/** An input of the new subgraph, with what its instance has there. */
interface Entrance extends SubgraphInput {
  readonly value: InputValue;
}

interface Enclosed {
  readonly inner: Readonly<Record<NodeId, WorkflowNode>>;
  readonly entrances: readonly Entrance[];
  readonly exits: readonly SubgraphOutput[];
}

export interface Grouping {
  readonly edit: Edit;
  /** The instance that stands where the nodes stood. */
  readonly id: NodeId;
}

/** Is there an input that takes wires from inside and from outside? The file has no way to write such a one. */
export function mixedInput(graph: Graph, ids: ReadonlySet<NodeId>): readonly [NodeId, string] | undefined {
  for (const id of ids) {
    for (const [input, value] of Object.entries(graph.nodes[id]?.inputs ?? {})) {
      const inside = sourcesOf(value).filter(([source]) => ids.has(source)).length;
      if (inside > 0 && inside < sourcesOf(value).length) return [id, input];
    }
  }
  return undefined;
}

/** Nodes outside that need the group and that it needs: with them left out, the instance would feed itself. */
export function strandedBetween(graph: Graph, ids: ReadonlySet<NodeId>): ReadonlySet<NodeId> {
  const after = downstream(graph.nodes, [...ids]);
  const between = [...upstream(graph.nodes, [...ids])].filter((id) => after.has(id) && !ids.has(id));
  return new Set(between);
}

/**
 * Puts nodes into a subgraph of their own; one instance takes their place. Each wire from outside becomes an input,
 * each output that is read outside an output. Where fields of the form belong to the nodes, those inputs come out too.
 */
export function makeSubgraph(
  document: Document,
  typed: Typed,
  ids: ReadonlySet<NodeId>,
  title: string,
): Grouping {
  const { graph } = typed;
  const key = freshName(document.subgraphs, wordsOf(title));
  const id = freshName(graph.nodes, key);
  const top = graph === (document as Graph);
  const wanted = top ? document.form.filter(({ node }) => ids.has(node)) : [];
  const { inner, entrances, exits } = enclose(typed, ids, wanted);
  const view = viewsOf(graph, ids);
  const subgraph: Subgraph = {
    title,
    nodes: inner,
    view,
    frames: {},
    notes: {},
    rest: {},
    inputs: entrances.map(({ value: _, ...port }) => port),
    outputs: exits,
  };
  const instance: WorkflowNode = {
    type: SUBGRAPH_PREFIX + key,
    version: 1,
    inputs: Object.fromEntries(entrances.map(({ name, value }) => [name, value])),
  };
  const exitOf = ([node, output]: Source) =>
    exits.find(({ from }) => from[0] === node && from[1] === output)?.name ?? output;
  const renamed = (source: Source): Source => (ids.has(source[0]) ? [id, exitOf(source)] : source);
  const edit: Edit = {
    label: editTexts.makeSubgraph,
    recipe: (draft, whole) => {
      for (const old of ids) {
        delete draft.nodes[old];
        delete draft.view[old];
      }
      relink(draft, renamed);
      draft.nodes[id] = instance as Draft<WorkflowNode>;
      draft.view[id] = cornerOf(view) as Draft<NodeView>;
      whole.subgraphs[key] = subgraph as Draft<Subgraph>;
      if (top) whole.form = document.form.map((field) => movedField(field, inner, id)) as Draft<FormField>[];
    },
  };
  return { edit, id };
}

function movedField(field: FormField, inner: Enclosed["inner"], id: NodeId): FormField {
  const value = inner[field.node]?.inputs[field.input];
  return isInputRef(value) ? { ...field, node: id, input: value.input } : field;
}

function enclose(typed: Typed, ids: ReadonlySet<NodeId>, fields: readonly FormField[]): Enclosed {
  const { graph } = typed;
  const entrances = new Map<string, Entrance>();
  const names: Record<string, true> = {};
  const enter = (place: string, name: string, type: string, value: InputValue): InputValue => {
    const known = entrances.get(place);
    if (known !== undefined) return { input: known.name };
    const free = freshName(names, name);
    names[free] = true;
    const literal = literalOf(value);
    entrances.set(place, { name: free, type, value, ...(literal === undefined ? {} : { default: literal }) });
    return { input: free };
  };
  const inner: Record<NodeId, WorkflowNode> = {};
  for (const id of ids) {
    const node = graph.nodes[id];
    if (node === undefined) continue;
    const inputs = Object.entries(node.inputs).map(([name, value]): readonly [string, InputValue] => {
      const outside = sourcesOf(value).filter(([source]) => !ids.has(source));
      const [first] = outside;
      if (first !== undefined) {
        const place = isLinks(value) ? `${id}.${name}` : first.join(".");
        return [name, enter(place, name, shownType(outputType(typed, first)), value)];
      }
      if (isInputRef(value))
        return [name, enter(`input ${value.input}`, name, inputTypeOf(typed, id, name), value)];
      const field = fields.some((one) => one.node === id && one.input === name);
      return [name, field ? enter(`${id}.${name}`, name, inputTypeOf(typed, id, name), value) : value];
    });
    inner[id] = { ...node, inputs: Object.fromEntries(inputs) };
  }
  return { inner, entrances: [...entrances.values()], exits: exitsOf(typed, ids) };
}

function inputTypeOf(typed: Typed, id: NodeId, name: string): string {
  return shownType(typed.specOf(id).inputs.find((port) => port.name === name)?.type ?? "*");
}

/** A type variable that nothing has fixed stands for any type. */
export function shownType(type: string): string {
  return /^[A-Z]$/.test(type) ? "*" : type;
}

function exitsOf(typed: Typed, ids: ReadonlySet<NodeId>): readonly SubgraphOutput[] {
  const { graph } = typed;
  const outside = Object.entries(graph.nodes).filter(([id]) => !ids.has(id));
  const read = outside.flatMap(([, node]) => Object.values(node.inputs).flatMap(sourcesOf));
  const own = "outputs" in graph ? (graph as Subgraph).outputs.map(({ from }) => from) : [];
  const names: Record<string, true> = {};
  const exits = new Map<string, SubgraphOutput>();
  for (const from of [...read, ...own]) {
    if (!ids.has(from[0]) || exits.has(from.join("."))) continue;
    const name = freshName(names, from[1]);
    names[name] = true;
    exits.set(from.join("."), { name, type: shownType(outputType(typed, from)), from });
  }
  return [...exits.values()];
}

function viewsOf(graph: Graph, ids: ReadonlySet<NodeId>): Readonly<Record<NodeId, NodeView>> {
  return Object.fromEntries(
    [...ids].flatMap((id) => {
      const view = graph.view[id];
      return view === undefined ? [] : [[id, view]];
    }),
  );
}

/** The upper left corner of some nodes. */
export function cornerOf(views: Readonly<Record<NodeId, NodeView>>): NodeView {
  const all = Object.values(views);
  if (all.length === 0) return { x: 0, y: 0 };
  return { x: Math.min(...all.map(({ x }) => x)), y: Math.min(...all.map(({ y }) => y)) };
}

/** Every reader of a graph, and the outputs of the graph itself where it is a subgraph, read from other sources. */
export function relink(graph: Draft<Graph>, sourceOf: (source: Source) => Source): void {
  for (const node of Object.values(graph.nodes)) {
    for (const [name, value] of Object.entries(node.inputs)) {
      const before = sourcesOf(value as InputValue);
      const after = before.map(sourceOf);
      // Readers of other nodes keep their objects, so that nothing about them is drawn again.
      if (after.every((source, place) => source === before[place])) continue;
      node.inputs[name] = (
        isLinks(value as InputValue) ? { links: after } : { link: after[0] }
      ) as Draft<InputValue>;
    }
  }
  if ("outputs" in graph) {
    for (const output of (graph as Draft<Subgraph>).outputs) {
      output.from = sourceOf(output.from as Source) as [string, string];
    }
  }
}
