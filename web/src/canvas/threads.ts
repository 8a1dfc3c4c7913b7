/** The geometry of wires: smooth curves from port to port through their reroute points. */

import type { Point } from "../documents/types";

/** One cubic piece: start, two handles, end. */
export type Cubic = readonly [Point, Point, Point, Point];

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** How far a wire leaves its port straight: longer where it must turn back. */
function reach(from: Point, to: Point): number {
  const dx = to[0] - from[0];
  const dy = Math.abs(to[1] - from[1]);
  if (dx >= 0) return Math.min(Math.max(dx * 0.5, Math.min(28, dx * 0.5 + dy * 0.25)), 220);
  return Math.min(60 - dx * 0.35 + dy * 0.06, 240);
}

/** The curve of a wire. At a reroute point it runs along the line between its neighbours. */
export function curve(from: Point, to: Point, via: readonly Point[] = []): readonly Cubic[] {
  const points = [from, ...via, to];
  const last = points.length - 1;
  const slope = (at: number): Point => {
    const before = points[at - 1] as Point;
    const after = points[at + 1] as Point;
    const length = Math.hypot(after[0] - before[0], after[1] - before[1]) || 1;
    return [(after[0] - before[0]) / length, (after[1] - before[1]) / length];
  };
  const pieces: Cubic[] = [];
  for (let at = 0; at < last; at += 1) {
    const a = points[at] as Point;
    const b = points[at + 1] as Point;
    const bend = via.length === 0 ? reach(a, b) : Math.hypot(b[0] - a[0], b[1] - a[1]) * 0.36;
    const out: Point = at === 0 ? [1, 0] : slope(at);
    const into: Point = at + 1 === last ? [1, 0] : slope(at + 1);
    pieces.push([
      a,
      [a[0] + out[0] * bend, a[1] + out[1] * bend],
      [b[0] - into[0] * bend, b[1] - into[1] * bend],
      b,
    ]);
  }
  return pieces;
}

export function pointAt([a, b, c, d]: Cubic, t: number): Point {
  const s = 1 - t;
  const ka = s * s * s;
  const kb = 3 * s * s * t;
  const kc = 3 * s * t * t;
  const kd = t * t * t;
  return [ka * a[0] + kb * b[0] + kc * c[0] + kd * d[0], ka * a[1] + kb * b[1] + kc * c[1] + kd * d[1]];
}

/** The middle of a wire, where its shape is written. */
export function middle(pieces: readonly Cubic[]): Point {
  const piece = pieces[Math.floor(pieces.length / 2)] as Cubic;
  return pieces.length % 2 === 1 ? pointAt(piece, 0.5) : piece[0];
}

export function bounds(pieces: readonly Cubic[]): Box {
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (const piece of pieces) {
    for (const [x, y] of piece) {
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export function overlaps(a: Box, b: Box, margin = 0): boolean {
  return (
    a.x <= b.x + b.width + margin &&
    b.x <= a.x + a.width + margin &&
    a.y <= b.y + b.height + margin &&
    b.y <= a.y + a.height + margin
  );
}

export function contains(box: Box, [x, y]: Point, margin = 0): boolean {
  return (
    x >= box.x - margin &&
    y >= box.y - margin &&
    x <= box.x + box.width + margin &&
    y <= box.y + box.height + margin
  );
}

export function union(boxes: readonly Box[]): Box | undefined {
  if (boxes.length === 0) return undefined;
  const left = Math.min(...boxes.map((box) => box.x));
  const top = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

const SAMPLES = 24;

/** The distance from a point to a wire, and the piece of it that is nearest (where a new reroute point goes). */
export function nearest(pieces: readonly Cubic[], [x, y]: Point): { distance: number; piece: number } {
  let distance = Number.POSITIVE_INFINITY;
  let piece = 0;
  pieces.forEach((cubic, index) => {
    let [px, py] = cubic[0];
    for (let step = 1; step <= SAMPLES; step += 1) {
      const [qx, qy] = pointAt(cubic, step / SAMPLES);
      const dx = qx - px;
      const dy = qy - py;
      const along = Math.min(1, Math.max(0, ((x - px) * dx + (y - py) * dy) / (dx * dx + dy * dy || 1)));
      const d = Math.hypot(x - px - along * dx, y - py - along * dy);
      if (d < distance) {
        distance = d;
        piece = index;
      }
      [px, py] = [qx, qy];
    }
  });
  return { distance, piece };
}
