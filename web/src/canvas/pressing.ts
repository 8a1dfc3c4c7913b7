/** Presses on the canvas itself: on wires, reroute points, far nodes, frames, or the open ground. */

import { together } from "../commands/edit";
import { moveFrame, nodesInFrame } from "../commands/frames";
import { routeKey, setRoute } from "../commands/wires";
import type { NodeId, Point } from "../documents/types";
import { useSettings } from "../store/settings";
import { activeGraph, edit, seal, select, undo } from "../store/tabs";
import { freshGesture } from "../widgets/props";
import { selectionOf } from "./current";
import { movedRoutes, pressNode } from "./dragging";
import { openMenuAt } from "./menu";
import { DRAG_START, follow } from "./pointer";
import { nodeAt, nodesIn, pinAt, type Thread, threadAt } from "./scene";
import { FAR, stage, worldOf } from "./stage";
import type { Box } from "./threads";

const THREAD_REACH = 7;
const PIN_REACH = 9;

/** Begin what a press on the ground means; true where it is ours and the camera is to stay. */
export function pressGround(event: PointerEvent): boolean {
  const { scene, camera } = stage.getState();
  const at = worldOf(event);
  if (event.button !== 0) return false;
  if (camera.zoom < FAR) {
    const placed = nodeAt(scene, at);
    if (placed) {
      pressNode(placed.id, event);
      return true;
    }
  } else {
    const pin = pinAt(scene, at, PIN_REACH / camera.zoom);
    if (pin) {
      dragPin(pin.thread, pin.index, false, event);
      return true;
    }
    const hit = threadAt(scene, at, THREAD_REACH / camera.zoom);
    if (hit && event.altKey) {
      dragPin(hit.thread, hit.piece, true, event);
      return true;
    }
    if (hit && !event.shiftKey && !event.ctrlKey && !event.metaKey) {
      onClick(event, (released) => openMenuAt(released, onThread(hit.thread, hit.piece)));
      return false;
    }
  }
  if (event.shiftKey || event.ctrlKey || event.metaKey) {
    lasso(event);
    return true;
  }
  onClick(event, () => select([]));
  return false;
}

/** What a click means; a drag moves the camera instead. */
function onClick(event: PointerEvent, then: (released: PointerEvent) => void): void {
  let moved = false;
  follow(event.pointerId, {
    move: (next) => {
      moved ||= Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) >= DRAG_START;
    },
    up: (released) => {
      if (!moved) then(released);
    },
    cancel: () => undefined,
  });
}

function boxBetween([ax, ay]: Point, [bx, by]: Point): Box {
  return { x: Math.min(ax, bx), y: Math.min(ay, by), width: Math.abs(bx - ax), height: Math.abs(by - ay) };
}

function lasso(event: PointerEvent): void {
  const start = worldOf(event);
  const before = event.shiftKey ? selectionOf() : new Set<NodeId>();
  follow(event.pointerId, {
    move: (next) => {
      const box = boxBetween(start, worldOf(next));
      stage.setState({ lasso: box });
      select([...before, ...nodesIn(stage.getState().scene, box)]);
    },
    up: () => stage.setState({ lasso: undefined }),
    cancel: () => {
      stage.setState({ lasso: undefined });
      select(before);
    },
  });
}

export function pointsOf(thread: Thread): readonly Point[] {
  const [id, input] = thread.wire.to;
  return activeGraph().view[id]?.routes?.[routeKey(input, thread.wire.index)] ?? [];
}

/** Drag a reroute point; where there is none yet, the drag makes one. */
function dragPin(thread: Thread, index: number, fresh: boolean, event: PointerEvent): void {
  const [node, input] = thread.wire.to;
  const before = pointsOf(thread);
  const gesture = freshGesture("route");
  let moved = false;
  const pin = (x: number, y: number): void => {
    const points = before.toSpliced(index, fresh ? 0 : 1, [Math.round(x), Math.round(y)]);
    edit(setRoute({ node, input }, thread.wire.index, points, gesture));
  };
  if (fresh) pin(...worldOf(event));
  follow(event.pointerId, {
    move: (next) => {
      moved ||= Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) >= DRAG_START;
      if (!moved) return;
      pin(...worldOf(next));
      stage.setState({ hot: thread.key });
    },
    up: (released) => {
      seal();
      if (!moved && !fresh) openMenuAt(released, { kind: "pin", key: thread.key, index });
    },
    cancel: () => {
      seal();
      if (moved || fresh) undo();
    },
  });
}

function onThread(thread: Thread, piece: number) {
  return { kind: "thread", key: thread.key, piece } as const;
}

/** The menu for what is under the pointer. */
export function menuOnGround(event: MouseEvent): void {
  const { scene, camera } = stage.getState();
  const at = worldOf(event);
  const far = camera.zoom < FAR ? nodeAt(scene, at) : undefined;
  const pin = pinAt(scene, at, PIN_REACH / camera.zoom);
  const hit = threadAt(scene, at, THREAD_REACH / camera.zoom);
  if (far) openMenuAt(event, { kind: "node", id: far.id });
  else if (pin) openMenuAt(event, { kind: "pin", key: pin.thread.key, index: pin.index });
  else if (hit) openMenuAt(event, onThread(hit.thread, hit.piece));
  else openMenuAt(event, { kind: "ground" });
}

/** A frame moves with the nodes that stood in it when the drag began. */
export function pressFrame(id: string, event: PointerEvent): void {
  const graph = activeGraph();
  const frame = graph.frames[id];
  if (frame === undefined) return;
  const { scene } = stage.getState();
  const sizeOf = (node: NodeId) => scene.placed.get(node) ?? { width: 0, height: 0 };
  const inside = new Set(nodesInFrame(graph, frame, sizeOf));
  const start = worldOf(event);
  const { grid } = useSettings.getState();
  const shiftAt = (next: PointerEvent): Point => {
    const [x, y] = worldOf(next);
    const snap = (value: number): number => Math.round(value / grid) * grid;
    return [snap(frame.x + x - start[0]) - frame.x, snap(frame.y + y - start[1]) - frame.y];
  };
  let [dx, dy]: Point = [0, 0];
  const stop = (): void => stage.setState({ shift: undefined });
  follow(event.pointerId, {
    move: (next) => {
      [dx, dy] = shiftAt(next);
      stage.setState({ shift: { ids: inside, dx, dy, frame: id } });
    },
    up: () => {
      stop();
      if (dx === 0 && dy === 0) return;
      const moves = [...inside].map((node) => {
        const { x, y } = graph.view[node] ?? { x: 0, y: 0 };
        return { id: node, x: x + dx, y: y + dy };
      });
      const move = moveFrame(id, frame.x + dx, frame.y + dy, moves);
      edit(together(move.label, [move, ...movedRoutes(inside, dx, dy)]));
    },
    cancel: stop,
  });
}
