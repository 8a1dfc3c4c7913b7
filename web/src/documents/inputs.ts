/** Reading the value of an input: a literal, one wire, several wires, or the input of the surrounding subgraph. */

import {
  type InputRef,
  type InputValue,
  type Json,
  type Link,
  type Links,
  type NodeId,
  type Source,
  SUBGRAPH_PREFIX,
  type WorkflowNode,
  type Wrapped,
} from "./types";

function isObject(value: InputValue | undefined): value is Link | Links | Wrapped | InputRef {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isLink(value: InputValue | undefined): value is Link {
  return isObject(value) && "link" in value;
}

export function isLinks(value: InputValue | undefined): value is Links {
  return isObject(value) && "links" in value;
}

export function isInputRef(value: InputValue | undefined): value is InputRef {
  return isObject(value) && "input" in value;
}

/** True where the value comes from elsewhere: the input has no literal of its own. */
export function isWired(value: InputValue | undefined): boolean {
  return isLink(value) || isLinks(value) || isInputRef(value);
}

/** The wires that end at an input: none, one, or the several of a list input. */
export function sourcesOf(value: InputValue | undefined): readonly Source[] {
  if (isLink(value)) return [value.link];
  if (isLinks(value)) return value.links;
  return [];
}

/** The literal of an input; `undefined` where it is absent or wired. */
export function literalOf(value: InputValue | undefined): Json | undefined {
  if (value === undefined || isWired(value)) return undefined;
  if (isObject(value)) return (value as Wrapped).value;
  return value as Json;
}

/** How a literal is written in the file: objects are wrapped, so that they are never mistaken for wires. */
export function asInput(value: Json): InputValue {
  const bare = typeof value !== "object" || value === null || Array.isArray(value);
  return bare ? (value as InputValue) : { value };
}

/** A wire, addressed by where it ends: `index` counts the wires of a list input, and is 0 elsewhere. */
export interface Wire {
  readonly from: Source;
  readonly to: readonly [node: NodeId, input: string];
  readonly index: number;
}

export function wiresInto(id: NodeId, node: WorkflowNode): readonly Wire[] {
  return Object.entries(node.inputs).flatMap(([input, value]) =>
    sourcesOf(value).map((from, index) => ({ from, to: [id, input] as const, index })),
  );
}

/** Every wire of a graph, in the order of the file. */
export function wiresOf(nodes: Readonly<Record<NodeId, WorkflowNode>>): readonly Wire[] {
  return Object.entries(nodes).flatMap(([id, node]) => wiresInto(id, node));
}

/** The name of a wire in a graph, stable while the wire stays where it ends. */
export function wireKey(wire: Wire): string {
  return `${wire.to[0]}.${wire.to[1]}.${wire.index}`;
}

/** The subgraph that a node stands for, if any. */
export function subgraphKey({ type }: WorkflowNode): string | undefined {
  return type.startsWith(SUBGRAPH_PREFIX) ? type.slice(SUBGRAPH_PREFIX.length) : undefined;
}
