/** The ground of the canvas: a plain weave, so faint that it only gives the eye a hold. */

import type { FabricView } from "./fabric";

const CELL = 28;
const tiles = new Map<string, OffscreenCanvas>();
const TILES_KEPT = 64;

/** One repeat of a plain weave in device pixels: a dash across, a dash down, like threads over and under. */
function tile(ground: string, mark: string, size: number): OffscreenCanvas {
  const key = `${ground} ${mark} ${size}`;
  const known = tiles.get(key);
  if (known) return known;
  const made = new OffscreenCanvas(size, size);
  const pen = made.getContext("2d") as OffscreenCanvasRenderingContext2D;
  const cell = size / 2;
  const unit = cell / CELL;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = mark;
  pen.lineWidth = Math.max(1, 1.4 * unit);
  pen.lineCap = "round";
  pen.beginPath();
  for (const [x, y, down] of [
    [0.5, 0.5, false],
    [1.5, 0.5, true],
    [0.5, 1.5, true],
    [1.5, 1.5, false],
  ] as const) {
    const [across, along] = down ? [0, 3.5 * unit] : [3.5 * unit, 0];
    pen.moveTo(x * cell - across, y * cell - along);
    pen.lineTo(x * cell + across, y * cell + along);
  }
  pen.stroke();
  if (tiles.size >= TILES_KEPT) tiles.clear();
  tiles.set(key, made);
  return made;
}

/** The tile has whole device pixels and is laid unscaled: thirty times as quick as a scaled one without a GPU. */
export function drawGround(pen: CanvasRenderingContext2D, ratio: number, view: FabricView): void {
  const { camera, palette } = view;
  const [across, down] = [view.width * ratio, view.height * ratio];
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.fillStyle = palette.colour.canvas;
  if (camera.zoom >= 0.25) {
    const scale = (camera.zoom < 0.5 ? camera.zoom * 2 : camera.zoom) * ratio;
    const size = Math.round(CELL * scale) * 2;
    const weave = tile(palette.colour.canvas, palette.colour["canvas-mark"], size);
    const pattern = pen.createPattern(weave, "repeat");
    const [x, y] = [Math.round(camera.x * ratio), Math.round(camera.y * ratio)];
    pattern?.setTransform(new DOMMatrix([1, 0, 0, 1, x, y]));
    if (pattern) pen.fillStyle = pattern;
  }
  pen.fillRect(0, 0, across, down);
}
