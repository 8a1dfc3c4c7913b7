/** The ports of any node: from the catalogue, from a subgraph's interface, or from what the file says of a ghost. */

import { sourcesOf } from "../documents/inputs";
import {
  type Document,
  type Graph,
  type NodeId,
  type Signature,
  SUBGRAPH_PREFIX,
  type Subgraph,
  type WorkflowNode,
} from "../documents/types";
import { subgraphTexts } from "../texts/subgraphs";
import { labelOf } from "./parse";
import type { Catalogue, InputSpec, NodeSpec, OutputSpec } from "./types";

/** The spec of a node of `graph`, which is `document` or the inside of one of its subgraphs. */
export function specOf(catalogue: Catalogue, document: Document, graph: Graph, id: NodeId): NodeSpec {
  const node = graph.nodes[id];
  if (node === undefined) return MISSING;
  const known = catalogue.nodes.get(node.type);
  if (known !== undefined) return known;
  if (node.type.startsWith(SUBGRAPH_PREFIX)) {
    const subgraph = document.subgraphs[node.type.slice(SUBGRAPH_PREFIX.length)];
    if (subgraph !== undefined) return ofSubgraph(node.type, subgraph, catalogue);
  }
  return ofGhost(document, graph, id, node);
}

const subgraphSpecs = new WeakMap<Subgraph, { readonly catalogue: Catalogue; readonly spec: NodeSpec }>();

/** The spec of an instance of a subgraph, with the controls that its inside has. */
export function ofSubgraph(type: string, subgraph: Subgraph, catalogue: Catalogue): NodeSpec {
  const cached = subgraphSpecs.get(subgraph);
  if (cached?.catalogue === catalogue) return cached.spec;
  const inputs = subgraph.inputs.map((port) => ({
    ...plainInput(port.name, port.type),
    ...controlOf(subgraph, port.name, catalogue),
    required: port.default === undefined,
    ...(port.default === undefined ? {} : { default: port.default }),
  }));
  const outputs = subgraph.outputs.map((port) => plainOutput(port.name, port.type));
  const spec: NodeSpec = {
    ...ghost(type, inputs, outputs),
    kind: "subgraph",
    title: subgraph.title,
    category: "subgraphs",
    categoryLabel: subgraphTexts.category,
  };
  subgraphSpecs.set(subgraph, { catalogue, spec });
  return spec;
}

/** The control of the first input inside that reads this one: an instance edits it in the same way. */
function controlOf(subgraph: Subgraph, name: string, catalogue: Catalogue): Partial<InputSpec> {
  for (const node of Object.values(subgraph.nodes)) {
    for (const [input, value] of Object.entries(node.inputs)) {
      const reads = typeof value === "object" && value !== null && "input" in value && value.input === name;
      const inner = reads
        ? catalogue.nodes.get(node.type)?.inputs.find((port) => port.name === input)
        : undefined;
      if (inner === undefined) continue;
      const { widget, socket, list, help } = inner;
      return widget === undefined ? { list, help } : { widget, socket, list, help };
    }
  }
  return {};
}

const ghosts = new WeakMap<Graph["nodes"], Map<NodeId, NodeSpec>>();

/** A ghost keeps the ports of its signature, the inputs that the file gives it, and the outputs that wires name. */
function ofGhost(document: Document, graph: Graph, id: NodeId, node: WorkflowNode): NodeSpec {
  const known = ghosts.get(graph.nodes) ?? new Map<NodeId, NodeSpec>();
  ghosts.set(graph.nodes, known);
  const cached = known.get(id);
  if (cached !== undefined) return cached;
  const signature = document.signatures[node.type];
  const inputs = new Map(signature?.inputs.map((port) => [port.name, plainInput(port.name, port.type)]));
  for (const [name, value] of Object.entries(node.inputs)) {
    if (inputs.has(name)) continue;
    const wired = sourcesOf(value).length > 0;
    inputs.set(name, { ...plainInput(name, wired ? "*" : literalType(value)), socket: wired });
  }
  const outputs = new Map(signature?.outputs.map((port) => [port.name, plainOutput(port.name, port.type)]));
  for (const name of outputsRead(graph, id)) {
    if (!outputs.has(name)) outputs.set(name, plainOutput(name, "*"));
  }
  const spec = { ...ghost(node.type, [...inputs.values()], [...outputs.values()]), version: node.version };
  known.set(id, spec);
  return spec;
}

const outputsReadIn = new WeakMap<Graph["nodes"], ReadonlyMap<NodeId, ReadonlySet<string>>>();

function outputsRead(graph: Graph, id: NodeId): Iterable<string> {
  let read = outputsReadIn.get(graph.nodes);
  if (read === undefined) {
    read = allOutputsRead(graph);
    outputsReadIn.set(graph.nodes, read);
  }
  return read.get(id) ?? [];
}

/** In one walk, since before the catalogue is there every node of a large graph is a ghost. */
function allOutputsRead(graph: Graph): ReadonlyMap<NodeId, ReadonlySet<string>> {
  const read = new Map<NodeId, Set<string>>();
  for (const node of Object.values(graph.nodes)) {
    for (const value of Object.values(node.inputs)) {
      for (const [source, output] of sourcesOf(value)) {
        const names = read.get(source) ?? new Set<string>();
        read.set(source, names.add(output));
      }
    }
  }
  return read;
}

const PRIMITIVES: ReadonlySet<string> = new Set(["Int", "Float", "String", "Boolean"]);

function literalType(value: unknown): string {
  if (typeof value === "boolean") return "Boolean";
  if (typeof value === "bigint") return "Int";
  if (typeof value === "number") return Number.isInteger(value) ? "Int" : "Float";
  return typeof value === "string" ? "String" : "*";
}

function plainInput(name: string, type: string): InputSpec {
  const socket = !PRIMITIVES.has(type);
  return {
    name,
    type,
    label: labelOf(name),
    required: false,
    list: false,
    lazy: false,
    all: false,
    socket,
    help: "",
  };
}

function plainOutput(name: string, type: string): OutputSpec {
  return { name, type, label: labelOf(name), each: false, help: "" };
}

/** The spec of a subgraph of which only the interface is known. */
export function ofInterface(id: string, { title, inputs, outputs }: Interface): NodeSpec {
  const takes = inputs.map(({ name, type }) => plainInput(name, type));
  const gives = outputs.map(({ name, type }) => plainOutput(name, type));
  return {
    ...ghost(id, takes, gives),
    kind: "subgraph",
    title,
    category: "subgraphs",
    categoryLabel: subgraphTexts.category,
  };
}

export interface Interface extends Signature {
  readonly title: string;
}

function ghost(id: string, inputs: readonly InputSpec[], outputs: readonly OutputSpec[]): NodeSpec {
  return {
    kind: "ghost",
    id,
    version: 1,
    title: id,
    category: "",
    categoryLabel: "",
    summary: "",
    help: "",
    references: [],
    aliases: [],
    pure: true,
    sink: false,
    source: "",
    inputs,
    outputs,
  };
}

/** Stands for a node that was just removed, while what drew it has not been taken down yet. */
const MISSING = ghost("?", [], []);
