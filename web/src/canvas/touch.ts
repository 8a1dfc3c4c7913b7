/**
 * Fingers on the canvas: two move and zoom it wherever they are, one that rests opens the menu of what is under it, and
 * two taps are a double click.
 */

import type { Point } from "../documents/types";
import { DRAG_START, letGo } from "./pointer";
import { heldZoom, stage, worldOf } from "./stage";
import { moveCamera } from "./viewport";

/** Milliseconds that a finger rests for a menu; as long as systems have it. */
const HOLD_MS = 500;
/** A resting finger trembles more than a mouse. */
const TREMBLE = DRAG_START * 2.5;

interface Finger {
  readonly target: EventTarget | null;
  readonly at: Point;
  readonly start: Point;
}

/** Two taps are one double tap within this time and this distance. */
const DOUBLE_MS = 350;
const DOUBLE_REACH = TREMBLE * 3;

const fingers = new Map<number, Finger>();
/** From a second finger or a menu on, React Flow's own gestures stay out of the touch. */
let taken = false;
let resting: ReturnType<typeof setTimeout> | undefined;
let opened = false;
let lastTap: { readonly at: Point; readonly time: number } | undefined;

/** Notes a finger; true where the touch is no press on what lies under it. */
export function fingerDown(event: PointerEvent): boolean {
  // Until another press: the events of the last touch still come when its fingers are gone.
  if (fingers.size === 0) [taken, opened] = [false, false];
  if (event.pointerType !== "touch") return false;
  if (fingers.size === 0) listen();
  const at: Point = [event.clientX, event.clientY];
  fingers.set(event.pointerId, { target: event.target, at, start: at });
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

/** Has the touch opened something? What the browser makes of it then (its own menu, a click) comes too late. */
export function touchAnswered(): boolean {
  return opened;
}

function openMenu(target: Element, [clientX, clientY]: Point): void {
  taken = true;
  letGo();
  target.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX, clientY }));
  opened = true;
}

/** A second tap at the same place means what a double click means there. */
function tapped({ target, at }: Finger, time: number): void {
  const [x, y] = at;
  const twice =
    lastTap !== undefined &&
    time - lastTap.time <= DOUBLE_MS &&
    Math.hypot(x - lastTap.at[0], y - lastTap.at[1]) <= DOUBLE_REACH;
  lastTap = twice ? undefined : { at, time };
  if (!twice) return;
  target?.dispatchEvent(
    new MouseEvent("dblclick", { bubbles: true, cancelable: true, clientX: x, clientY: y }),
  );
  opened = true;
}

function moved(event: PointerEvent): void {
  const finger = fingers.get(event.pointerId);
  if (finger === undefined) return;
  const before = span();
  fingers.set(event.pointerId, { ...finger, at: [event.clientX, event.clientY] });
  if (trembled(finger, event)) clearTimeout(resting);
  if (fingers.size === 2) pinch(before, span());
}

/** Has a finger moved more than one that rests? */
function trembled({ start: [x, y] }: Finger, { clientX, clientY }: PointerEvent): boolean {
  return Math.hypot(clientX - x, clientY - y) > TREMBLE;
}

function lifted(event: PointerEvent): void {
  clearTimeout(resting);
  const finger = fingers.get(event.pointerId);
  fingers.delete(event.pointerId);
  if (fingers.size > 0) return;
  if (finger && event.type === "pointerup" && !taken && !trembled(finger, event))
    tapped(finger, event.timeStamp);
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
