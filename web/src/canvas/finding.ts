/** Finding nodes in a graph: by id, title, type, and by the values that they hold. Pure. */

import type { NodeSpec } from "../catalogue/types";
import { literalOf } from "../documents/inputs";
import type { Graph, NodeId } from "../documents/types";

/** The nodes that hold every word of the query; those that are named so come before those that hold it as a value. */
export function findNodes(graph: Graph, specOf: (id: NodeId) => NodeSpec, query: string): readonly NodeId[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const named: NodeId[] = [];
  const holding: NodeId[] = [];
  for (const [id, node] of Object.entries(graph.nodes)) {
    const name = [id, node.title ?? "", node.type, specOf(id).title].join(" ").toLowerCase();
    if (words.every((word) => name.includes(word))) {
      named.push(id);
      continue;
    }
    const values = Object.values(node.inputs).map((input) => String(literalOf(input) ?? ""));
    const text = `${name} ${values.join(" ").toLowerCase()}`;
    if (words.every((word) => text.includes(word))) holding.push(id);
  }
  return [...named, ...holding];
}
