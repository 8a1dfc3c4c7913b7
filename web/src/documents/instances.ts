/** Where a document's subgraphs are used. */

import { type Document, SUBGRAPH_PREFIX } from "./types";

/** How many nodes of the whole document stand for a subgraph. */
export function instancesOf(document: Document, key: string): number {
  return [document, ...Object.values(document.subgraphs)].reduce(
    (count, graph) =>
      count + Object.values(graph.nodes).filter(({ type }) => type === SUBGRAPH_PREFIX + key).length,
    0,
  );
}

/** Would an instance of `key` within the subgraph `scope` contain itself? */
export function containsItself(document: Document, key: string, scope: string): boolean {
  const seen = new Set<string>();
  const stack = [key];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next === scope) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    for (const { type } of Object.values(document.subgraphs[next]?.nodes ?? {})) {
      if (type.startsWith(SUBGRAPH_PREFIX)) stack.push(type.slice(SUBGRAPH_PREFIX.length));
    }
  }
  return false;
}
