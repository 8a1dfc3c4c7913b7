/** Drawing threads: woven near by, hairs far away. */

import { dye } from "./dyes";
import type { FabricView } from "./fabric";
import type { Thread } from "./scene";
import type { Cubic } from "./threads";

function trace(pen: CanvasRenderingContext2D | Path2D, pieces: readonly Cubic[]): void {
  for (const [a, b, c, d] of pieces) {
    pen.moveTo(a[0], a[1]);
    pen.bezierCurveTo(b[0], b[1], c[0], c[1], d[0], d[1]);
  }
}

function traceStraight(pen: CanvasRenderingContext2D, pieces: readonly Cubic[]): void {
  for (const [a, , , d] of pieces) {
    pen.moveTo(a[0], a[1]);
    pen.lineTo(d[0], d[1]);
  }
}

/** Below this zoom a thread's bends are a pixel or two. */
const STRAIGHT = 0.12;

function strength(view: FabricView, thread: Thread): number {
  const { node: reader } = view.scene.placed.get(thread.wire.to[0]) ?? {};
  const { node: source } = view.scene.placed.get(thread.wire.from[0]) ?? {};
  return (reader?.mode || source?.mode ? 0.35 : 1) * (view.dimmed ? 0.35 : 1);
}

/** Far away many threads share one stroke: a colour is a path, and a line of one pixel is by far the quickest to draw. */
function drawHairs(pen: CanvasRenderingContext2D, view: FabricView, threads: readonly Thread[]): void {
  const byColour = new Map<string, Thread[]>();
  for (const thread of threads) {
    const colour = dye(thread.type, view.palette.theme);
    const known = byColour.get(colour);
    if (known) known.push(thread);
    else byColour.set(colour, [thread]);
  }
  pen.lineWidth = 1 / view.camera.zoom;
  pen.globalAlpha = 0.9;
  const along = view.camera.zoom < STRAIGHT ? traceStraight : trace;
  for (const [colour, group] of byColour) {
    pen.strokeStyle = colour;
    pen.beginPath();
    for (const { pieces } of group) along(pen, pieces);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

/** More threads than this in view, and their rims cost more than they show. */
const RIMS = 160;

/** Below this zoom a thread of its own width is hardly wider than a pixel. */
const HAIR = 0.6;

/** The threads in view; what is touched stands out at every zoom at which nodes have elements. */
export function drawThreads(
  pen: CanvasRenderingContext2D,
  view: FabricView,
  threads: readonly Thread[],
): void {
  const { camera, far, hot } = view;
  const plain = (thread: Thread): boolean =>
    far ||
    (thread.key !== hot && !touched(view, thread) && strength(view, thread) === 1 && thread.via.length === 0);
  if (camera.zoom < HAIR) drawHairs(pen, view, threads.filter(plain));
  drawWoven(pen, view, camera.zoom < HAIR ? threads.filter((thread) => !plain(thread)) : threads);
}

function touched({ selected }: FabricView, { wire }: Thread): boolean {
  return selected.has(wire.from[0]) || selected.has(wire.to[0]);
}

/** Near by every thread has a rim in the ground's colour, so that crossings look woven. */
function drawWoven(pen: CanvasRenderingContext2D, view: FabricView, threads: readonly Thread[]): void {
  const { palette, hot } = view;
  const ordered = [
    ...threads.filter((thread) => thread.key !== hot && !touched(view, thread)),
    ...threads.filter((thread) => thread.key !== hot && touched(view, thread)),
    ...threads.filter((thread) => thread.key === hot),
  ];
  for (const thread of ordered) {
    const emphasised = thread.key === hot || touched(view, thread);
    const path = new Path2D();
    trace(path, thread.pieces);
    if (threads.length <= RIMS || emphasised) {
      pen.lineCap = "butt";
      pen.strokeStyle = palette.colour.canvas;
      pen.lineWidth = emphasised ? 8 : 6.5;
      pen.stroke(path);
    }
    pen.lineCap = "round";
    const colour = dye(thread.type, palette.theme);
    pen.globalAlpha = strength(view, thread);
    pen.strokeStyle = colour;
    pen.lineWidth = emphasised ? 3.4 : 2.2;
    pen.stroke(path);
    pen.globalAlpha = 1;
    for (const [x, y] of thread.via) {
      pen.beginPath();
      pen.arc(x, y, 5, 0, Math.PI * 2);
      pen.fillStyle = palette.colour.canvas;
      pen.fill();
      pen.lineWidth = 2;
      pen.strokeStyle = colour;
      pen.stroke();
    }
  }
}
