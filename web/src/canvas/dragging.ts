/** Dragging nodes: a shift on the stage while the pointer is down, one edit when it is released. */

import { type Edit, together } from "../commands/edit";
import { type Move, moveNodes } from "../commands/nodes";
import { insertOnWire, routeKey, setRoute } from "../commands/wires";
import type { Wire } from "../documents/inputs";
import type { NodeId, Point } from "../documents/types";
import { downstream } from "../documents/walk";
import { useSettings } from "../store/settings";
import { activeGraph, edit, select } from "../store/tabs";
import { dropCopy } from "./clipboard";
import { selectionOf } from "./current";
import { insertion } from "./fitting";
import { DRAG_START, follow } from "./pointer";
import { type Placed, threadAt } from "./scene";
import { stage, worldOf } from "./stage";
import { moveCamera } from "./viewport";

const EDGE = 36;

/** Selection as a press on a node changes it: the node alone, or with Shift or Ctrl one more or one less. */
function selectPressed(id: NodeId, more: boolean): void {
  const selected = selectionOf();
  if (more) {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    select(next);
  } else if (!selected.has(id)) {
    select([id]);
  }
}

export function pressNode(id: NodeId, event: PointerEvent): void {
  const more = event.shiftKey || event.ctrlKey || event.metaKey;
  const wasSelected = selectionOf().has(id);
  selectPressed(id, more);
  if (!selectionOf().has(id)) return;
  let moved = false;
  const copy = event.altKey;
  const drag = beginDrag([...selectionOf()], id, event);
  follow(event.pointerId, {
    move: (next) => {
      moved ||= Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) >= DRAG_START;
      if (moved) drag.to(next);
    },
    up: () => {
      if (moved) drag.drop(copy);
      else if (!more && wasSelected) select([id]);
    },
    cancel: drag.stop,
  });
}

interface Drag {
  readonly to: (event: PointerEvent) => void;
  readonly drop: (copy: boolean) => void;
  readonly stop: () => void;
}

function beginDrag(ids: readonly NodeId[], lead: NodeId, start: PointerEvent): Drag {
  const origin = worldOf(start);
  const { x: leadX, y: leadY } = stage.getState().scene.placed.get(lead) ?? { x: 0, y: 0 };
  const moving = new Set(ids);
  let last = start;
  let frame = 0;

  const place = (): void => {
    const { grid } = useSettings.getState();
    const [x, y] = worldOf(last);
    const snap = (value: number): number =>
      last.ctrlKey ? Math.round(value) : Math.round(value / grid) * grid;
    const dx = snap(leadX + x - origin[0]) - leadX;
    const dy = snap(leadY + y - origin[1]) - leadY;
    stage.setState({
      shift: { ids: moving, dx, dy },
      hot: ids.length === 1 ? wireUnder(lead, last) : undefined,
    });
  };
  const crawl = (): void => {
    frame = 0;
    if (!crawled(last)) return;
    place();
    frame = requestAnimationFrame(crawl);
  };
  const stop = (): void => {
    cancelAnimationFrame(frame);
    stage.setState({ shift: undefined, hot: undefined });
  };
  return {
    to: (event) => {
      last = event;
      place();
      if (frame === 0) frame = requestAnimationFrame(crawl);
    },
    drop: (copy) => {
      const { shift, hot } = stage.getState();
      stop();
      if (shift === undefined || (shift.dx === 0 && shift.dy === 0)) return;
      if (copy) dropCopy(ids, shift.dx, shift.dy);
      else dropMoved(ids, shift.dx, shift.dy, hot);
    },
    stop,
  };
}

/** Near the edge of the canvas the camera moves along; true while it does. */
function crawled(event: PointerEvent): boolean {
  const { width, height, left, top, camera } = stage.getState();
  const push = (at: number, size: number): number =>
    at < EDGE ? Math.min(EDGE - at, EDGE) / 3 : at > size - EDGE ? -Math.min(at - size + EDGE, EDGE) / 3 : 0;
  const dx = push(event.clientX - left, width);
  const dy = push(event.clientY - top, height);
  if (dx === 0 && dy === 0) return false;
  moveCamera({ ...camera, x: camera.x + dx, y: camera.y + dy });
  return true;
}

/** The wire that a dragged node would go into: it must fit on both sides and be none of its own. */
function wireUnder(id: NodeId, event: PointerEvent): string | undefined {
  const { scene, camera } = stage.getState();
  const placed = scene.placed.get(id);
  if (placed === undefined) return undefined;
  const hit = threadAt(scene, worldOf(event), 26 / camera.zoom);
  return hit && insertion(hit.thread.wire, id) ? hit.thread.key : undefined;
}

/** The edits that move reroute points along with both ends of their wires. */
export function movedRoutes(ids: ReadonlySet<NodeId>, dx: number, dy: number): readonly Edit[] {
  const { view } = activeGraph();
  return [...stage.getState().scene.threads.values()].flatMap(({ wire }) => {
    const [id, input] = wire.to;
    const points = view[id]?.routes?.[routeKey(input, wire.index)];
    if (points === undefined || !ids.has(id) || !ids.has(wire.from[0])) return [];
    const moved = points.map(([x, y]): Point => [x + dx, y + dy]);
    return [setRoute({ node: id, input }, wire.index, moved)];
  });
}

function dropMoved(ids: readonly NodeId[], dx: number, dy: number, hot: string | undefined): void {
  const { view } = activeGraph();
  const moves = ids.map((id) => ({ id, x: (view[id]?.x ?? 0) + dx, y: (view[id]?.y ?? 0) + dy }));
  const move = moveNodes(moves);
  const routes = movedRoutes(new Set(ids), dx, dy);
  const thread = hot === undefined ? undefined : stage.getState().scene.threads.get(hot);
  const [id] = ids;
  const ends = thread && id !== undefined ? insertion(thread.wire, id) : undefined;
  if (thread && id !== undefined && ends) {
    const insert = insertOnWire(thread.wire, id, ends.input, ends.output);
    edit(together(insert.label, [move, ...roomFor(thread.wire, id, moves[0]), insert]));
  } else {
    edit(routes.length === 0 ? move : together(move.label, [move, ...routes]));
  }
}

const GAP = 48;

/** Where a node went into a short wire, it keeps clear of its source, and what comes after it moves along. */
function roomFor(wire: Wire, id: NodeId, at: Move | undefined): readonly Edit[] {
  const { placed } = stage.getState().scene;
  const [node, source, reader] = [placed.get(id), placed.get(wire.from[0]), placed.get(wire.to[0])];
  if (!at || !node || !source || !reader) return [];
  const level = (other: Placed): boolean => at.y < other.y + other.height && other.y < at.y + node.height;
  const x = level(source) ? Math.max(at.x, source.x + source.width + GAP) : at.x;
  const push = x + node.width + GAP - reader.x;
  const edits = x === at.x ? [] : [moveNodes([{ id, x, y: at.y }])];
  if (push <= 0 || !level(reader)) return edits;
  const after = [...downstream(activeGraph().nodes, [reader.id])].flatMap((other) => placed.get(other) ?? []);
  const pushed = after.filter((other) => other.x >= reader.x && other.id !== id);
  return [...edits, moveNodes(pushed.map((other) => ({ id: other.id, x: other.x + push, y: other.y })))];
}
