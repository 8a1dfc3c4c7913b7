/** Walks along the wires of a graph. Every walk carries the set of what it has seen, so a cycle ends it. */

import { sourcesOf } from "./inputs";
import type { NodeId, WorkflowNode } from "./types";

type Nodes = Readonly<Record<NodeId, WorkflowNode>>;

/** The nodes that `start` needs, itself included. */
export function upstream(nodes: Nodes, start: readonly NodeId[]): ReadonlySet<NodeId> {
  return reached(start, (id) =>
    Object.values(nodes[id]?.inputs ?? {}).flatMap((input) => sourcesOf(input).map(([source]) => source)),
  );
}

/** The nodes that need one of `start`, those included. */
export function downstream(nodes: Nodes, start: readonly NodeId[]): ReadonlySet<NodeId> {
  const readers = readersOf(nodes);
  return reached(start, (id) => readers.get(id) ?? []);
}

/** Would a wire from one node to another close a circle? */
export function closesCycle(nodes: Nodes, from: NodeId, to: NodeId): boolean {
  return upstream(nodes, [from]).has(to);
}

function readersOf(nodes: Nodes): ReadonlyMap<NodeId, readonly NodeId[]> {
  const readers = new Map<NodeId, NodeId[]>();
  for (const [id, node] of Object.entries(nodes)) {
    for (const input of Object.values(node.inputs)) {
      for (const [source] of sourcesOf(input)) {
        const known = readers.get(source);
        if (known === undefined) readers.set(source, [id]);
        else known.push(id);
      }
    }
  }
  return readers;
}

function reached(start: readonly NodeId[], next: (id: NodeId) => readonly NodeId[]): ReadonlySet<NodeId> {
  const seen = new Set(start);
  const stack = [...start];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    for (const other of next(id)) {
      if (!seen.has(other)) {
        seen.add(other);
        stack.push(other);
      }
    }
  }
  return seen;
}
