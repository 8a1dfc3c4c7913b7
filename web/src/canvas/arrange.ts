/** Lining up and spreading out: where the chosen boxes go. Pure. */

import type { Move } from "../commands/nodes";
import type { NodeId } from "../documents/types";
import type { Box } from "./threads";
import { union } from "./threads";

export interface Placeable extends Box {
  readonly id: NodeId;
}

export type Edge = "left" | "centre" | "right" | "top" | "middle" | "bottom";

export function aligned(boxes: readonly Placeable[], edge: Edge): readonly Move[] {
  const all = union(boxes);
  if (all === undefined) return [];
  return boxes.map(({ id, x, y, width, height }) => {
    switch (edge) {
      case "left":
        return { id, x: all.x, y };
      case "centre":
        return { id, x: Math.round(all.x + (all.width - width) / 2), y };
      case "right":
        return { id, x: all.x + all.width - width, y };
      case "top":
        return { id, x, y: all.y };
      case "middle":
        return { id, x, y: Math.round(all.y + (all.height - height) / 2) };
      case "bottom":
        return { id, x, y: all.y + all.height - height };
      default:
        return edge satisfies never;
    }
  });
}

/** Equal gaps between the boxes, from the first to the last; those two stay. */
export function distributed(boxes: readonly Placeable[], axis: "across" | "down"): readonly Move[] {
  const at = (box: Box): number => (axis === "across" ? box.x : box.y);
  const size = (box: Box): number => (axis === "across" ? box.width : box.height);
  const ordered = boxes.toSorted((one, other) => at(one) - at(other));
  const [first, last] = [ordered[0], ordered.at(-1)];
  if (first === undefined || last === undefined || ordered.length < 3) return [];
  const taken = ordered.reduce((sum, box) => sum + size(box), 0);
  const gap = (at(last) + size(last) - at(first) - taken) / (ordered.length - 1);
  let next = at(first);
  return ordered.map((box) => {
    const place = Math.round(next);
    next += size(box) + gap;
    return axis === "across" ? { id: box.id, x: place, y: box.y } : { id: box.id, x: box.x, y: place };
  });
}
