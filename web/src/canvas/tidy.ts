/** Laying a graph out from left to right along its wires. Loaded when first asked for. */

import { Graph, layout } from "@dagrejs/dagre";
import type { Move } from "../commands/nodes";
import type { NodeId } from "../documents/types";
import type { Scene } from "./scene";
import { union } from "./threads";

const ACROSS = 72;
const DOWN = 36;

/** Where the nodes go; the whole keeps its upper left corner. */
export function tidied(scene: Scene, ids: ReadonlySet<NodeId>, grid: number): readonly Move[] {
  const boxes = [...scene.placed.values()].filter(({ id }) => ids.has(id));
  const corner = union(boxes);
  if (corner === undefined) return [];
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: DOWN, ranksep: ACROSS, edgesep: 12, ranker: "tight-tree" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of boxes) graph.setNode(id, { width, height });
  for (const { key, wire } of scene.threads.values()) {
    if (ids.has(wire.from[0]) && ids.has(wire.to[0])) graph.setEdge(wire.from[0], wire.to[0], {}, key);
  }
  layout(graph);
  const placed = boxes.map((box) => {
    const { x, y } = graph.node(box.id) as { x: number; y: number };
    return { ...box, x: x - box.width / 2, y: y - box.height / 2 };
  });
  const laid = union(placed) ?? corner;
  const snap = (value: number): number => Math.round(value / grid) * grid;
  return placed.map(({ id, x, y }) => ({
    id,
    x: snap(x - laid.x + corner.x),
    y: snap(y - laid.y + corner.y),
  }));
}
