/** Nodes in the order in which they feed one another. */

import { sourcesOf } from "./inputs";
import type { Graph, NodeId } from "./types";

/** Sources first; among equals by place on the canvas, from the left. Circles, which a file may hold, come last. */
export function ordered(graph: Pick<Graph, "nodes" | "view">): readonly NodeId[] {
  const left = (id: NodeId) => graph.view[id]?.x ?? 0;
  const ids = Object.keys(graph.nodes).sort((one, other) => left(one) - left(other));
  const readers = new Map<NodeId, NodeId[]>();
  const missing = new Map<NodeId, number>();
  for (const id of ids) {
    const sources = new Set(
      Object.values(graph.nodes[id]?.inputs ?? {}).flatMap((value) => sourcesOf(value).map(([from]) => from)),
    );
    const present = [...sources].filter((from) => graph.nodes[from] !== undefined);
    missing.set(id, present.length);
    for (const from of present) readers.set(from, [...(readers.get(from) ?? []), id]);
  }
  const ready = ids.filter((id) => missing.get(id) === 0);
  const result: NodeId[] = [];
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    result.push(id);
    for (const reader of readers.get(id) ?? []) {
      const waits = (missing.get(reader) ?? 0) - 1;
      missing.set(reader, waits);
      if (waits === 0) ready.push(reader);
    }
  }
  const seen = new Set(result);
  return [...result, ...ids.filter((id) => !seen.has(id))];
}
