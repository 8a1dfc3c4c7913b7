/** Changing the size of a node by its corner. */

import type { NodeSpec } from "../catalogue/types";
import { changeView } from "../commands/nodes";
import type { NodeId } from "../documents/types";
import { edit, seal, undo } from "../store/tabs";
import { freshGesture } from "../widgets/props";
import { follow } from "./pointer";
import { canGrow, LEAST_WIDTH, leastHeight, type Shape } from "./shape";
import { worldOf } from "./stage";

export function pressResize(id: NodeId, spec: NodeSpec, shape: Shape, event: PointerEvent): void {
  event.stopPropagation();
  const start = worldOf(event);
  const gesture = freshGesture(`resize:${id}`);
  const least = leastHeight(spec);
  const grows = canGrow(shape);
  let changed = false;
  follow(event.pointerId, {
    move: (next) => {
      const [x, y] = worldOf(next);
      const width = Math.max(LEAST_WIDTH, Math.round(shape.width + x - start[0]));
      const height = Math.max(least, Math.round(shape.height + y - start[1]));
      changed = true;
      edit(changeView([id], grows ? { width, height } : { width }, gesture));
    },
    up: seal,
    cancel: () => {
      seal();
      if (changed) undo();
    },
  });
}
