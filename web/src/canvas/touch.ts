/** Fingers on the canvas: two move and zoom it wherever they are, one that rests opens the menu of what is under it. */

import type { Point } from "../documents/types";
import { DRAG_START, letGo } from "./pointer";
import { heldZoom, stage, worldOf } from "./stage";
import { moveCamera } from "./viewport";

/** Milliseconds that a finger rests for a menu; as long as systems have it. */
const HOLD_MS = 500;
/** A resting finger trembles more than a mouse. */
const TREMBLE = DRAG_START * 2.5;

interface Finger {
  readonly at: Point;
  readonly start: Point;
}

const fingers = new Map<number, Finger>();
/** From a second finger or a menu on, React Flow's own gestures stay out of the touch. */
let taken = false;
let resting: ReturnType<typeof setTimeout> | undefined;
let opened = false;

/** Notes a finger; true where the touch is no press on what lies under it. */
export function fingerDown(event: PointerEvent): boolean {
  // Until another press: the events of the last touch still come when its fingers are gone.
  if (fingers.size === 0) [taken, opened] = [false, false];
  if (event.pointerType !== "touch") return false;
  if (fingers.size === 0) listen();
  const at: Point = [event.clientX, event.clientY];
  fingers.set(event.pointerId, { at, start: at });
  clearTimeout(resting);
  if (fingers.size === 1) {
    const { target } = event;
    if (target instanceof Element && target.closest("input, textarea") === null)
      resting = setTimeout(() => openMenu(target, at), HOLD_MS);
    return false;
  }
  taken = true;
  letGo();
  return true;
}

/** Do fingers mean something else than React Flow would take them for? */
export function fingersTaken(): boolean {
  return taken;
}

/** Has the touch opened a menu? What the browser makes of it then (its own menu, a click) comes too late. */
export function menuOpened(): boolean {
  return opened;
}

function openMenu(target: Element, [clientX, clientY]: Point): void {
  taken = true;
  letGo();
  target.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX, clientY }));
  opened = true;
}

function moved(event: PointerEvent): void {
  const finger = fingers.get(event.pointerId);
  if (finger === undefined) return;
  const before = span();
  fingers.set(event.pointerId, { ...finger, at: [event.clientX, event.clientY] });
  const [x, y] = finger.start;
  if (Math.hypot(event.clientX - x, event.clientY - y) > TREMBLE) clearTimeout(resting);
  if (fingers.size === 2) pinch(before, span());
}

function lifted(event: PointerEvent): void {
  clearTimeout(resting);
  fingers.delete(event.pointerId);
  if (fingers.size > 0) return;
  window.removeEventListener("pointermove", moved, true);
  window.removeEventListener("pointerup", lifted, true);
  window.removeEventListener("pointercancel", lifted, true);
}

function listen(): void {
  window.addEventListener("pointermove", moved, true);
  window.addEventListener("pointerup", lifted, true);
  window.addEventListener("pointercancel", lifted, true);
}

interface Span {
  readonly middle: Point;
  readonly length: number;
}

function span(): Span {
  const [one, other] = [...fingers.values()].map(({ at }) => at);
  const [ax, ay] = one ?? [0, 0];
  const [bx, by] = other ?? [ax, ay];
  return { middle: [(ax + bx) / 2, (ay + by) / 2], length: Math.hypot(bx - ax, by - ay) };
}

/** What was between the fingers stays between them. */
function pinch(before: Span, after: Span): void {
  const { camera, left, top } = stage.getState();
  const [clientX, clientY] = before.middle;
  const [x, y] = worldOf({ clientX, clientY });
  const zoom = heldZoom(camera.zoom * (after.length / Math.max(1, before.length)));
  moveCamera({ x: after.middle[0] - left - x * zoom, y: after.middle[1] - top - y * zoom, zoom });
}
