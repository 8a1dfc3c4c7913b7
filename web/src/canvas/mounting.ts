/** Which nodes have elements: those in view, a few more a frame, none when far away. */

import type { NodeId } from "../documents/types";
import { visibleBox } from "./fabric";
import { FAR, type Stage, stage } from "./stage";
import { overlaps } from "./threads";

const A_FRAME = 4;
/** Elements stay a little beyond the edge, so that small pans mount nothing. */
const ENTER = 80;
const LEAVE = 420;

function wanted(state: Stage, now: ReadonlySet<NodeId>): { keep: NodeId[]; add: NodeId[] } {
  const keep: NodeId[] = [];
  const add: NodeId[] = [];
  const far = state.camera.zoom < FAR;
  const visible = visibleBox(state.camera, state.width, state.height);
  for (const placed of state.scene.placed.values()) {
    const { id } = placed;
    // The field for a name is there before anything is typed, wherever its node is.
    if (id === state.naming) (now.has(id) ? keep : add).unshift(id);
    else if (far) continue;
    else if (now.has(id)) {
      if (overlaps(placed, visible, LEAVE / state.camera.zoom)) keep.push(id);
    } else if (overlaps(placed, visible, ENTER / state.camera.zoom)) add.push(id);
  }
  return { keep, add };
}

/** Keep `stage.mounted` in step with camera and scene; returns the way to stop. */
export function keepMounted(): () => void {
  let frame = 0;
  const step = (): void => {
    cancelAnimationFrame(frame);
    frame = 0;
    const state = stage.getState();
    const { keep, add } = wanted(state, state.mounted);
    const next = [...keep, ...add.slice(0, A_FRAME)];
    if (next.length !== state.mounted.size || next.some((id) => !state.mounted.has(id))) {
      stage.setState({ mounted: new Set(next) });
    }
    if (add.length > A_FRAME) frame = requestAnimationFrame(step);
  };
  const stop = stage.subscribe((state, before) => {
    if (state.naming !== before.naming) step();
    const moved = state.camera !== before.camera || state.scene !== before.scene;
    if ((moved || state.width !== before.width || state.height !== before.height) && frame === 0) {
      frame = requestAnimationFrame(step);
    }
  });
  step();
  return () => {
    stop();
    cancelAnimationFrame(frame);
  };
}
