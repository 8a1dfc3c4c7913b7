/** One look at several pictures of one thing: the same place of each in the middle, at the same share of its size. Pure. */

import type { Point } from "../documents/types";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Look {
  /** The place in the middle, as shares of width and height from the upper left corner. */
  readonly at: Point;
  /** 1 shows the picture whole. */
  readonly zoom: number;
}

export const WHOLE: Look = { at: [0.5, 0.5], zoom: 1 };

/** Screen pixels that a pixel of a picture is enlarged to at most. */
const LARGEST_PIXEL = 16;

/** How large a picture is drawn, in screen pixels for each of its own. */
export function scaleOf({ zoom }: Look, pane: Size, picture: Size): number {
  return Math.min(pane.width / picture.width, pane.height / picture.height) * zoom;
}

/** Where the picture lies in its pane. */
export function placeOf(
  look: Look,
  pane: Size,
  picture: Size,
): Size & { readonly x: number; readonly y: number } {
  const scale = scaleOf(look, pane, picture);
  const width = picture.width * scale;
  const height = picture.height * scale;
  return { x: pane.width / 2 - look.at[0] * width, y: pane.height / 2 - look.at[1] * height, width, height };
}

/** The place of the picture under a point of the pane, as shares. */
export function placeUnder([x, y]: Point, look: Look, pane: Size, picture: Size): Point {
  const place = placeOf(look, pane, picture);
  return [(x - place.x) / place.width, (y - place.y) / place.height];
}

export function pan(look: Look, [dx, dy]: Point, pane: Size, picture: Size): Look {
  const { width, height } = placeOf(look, pane, picture);
  return kept({ ...look, at: [look.at[0] - dx / width, look.at[1] - dy / height] }, pane, picture);
}

/** The nearest look at pictures of which this is the largest: its pixels are plainly seen. */
export function mostZoom(pane: Size, largest: Size): number {
  return Math.max(1, LARGEST_PIXEL / scaleOf(WHOLE, pane, largest));
}

/** What a picture is looked at through: its pane, and how near a look may come. */
export interface Frame extends Size {
  readonly mostZoom: number;
}

/** Zooms so that what is under a point of the pane stays there. */
export function zoomAt(look: Look, factor: number, point: Point, pane: Frame, picture: Size): Look {
  const zoom = Math.max(1, Math.min(pane.mostZoom, look.zoom * factor));
  const [u, v] = placeUnder(point, look, pane, picture);
  const { width, height } = placeOf({ ...look, zoom }, pane, picture);
  const at: Point = [u - (point[0] - pane.width / 2) / width, v - (point[1] - pane.height / 2) / height];
  return kept({ at, zoom }, pane, picture);
}

/** No look goes past the edge of the picture; what is smaller than the pane stays in the middle. */
function kept(look: Look, pane: Size, picture: Size): Look {
  const { width, height } = placeOf(look, pane, picture);
  const inside = (share: number, room: number, size: number): number => {
    const half = Math.min(0.5, room / size / 2);
    return Math.min(1 - half, Math.max(half, share));
  };
  return { ...look, at: [inside(look.at[0], pane.width, width), inside(look.at[1], pane.height, height)] };
}

/** In how many columns panes stand so that pictures of a shape are seen largest. */
export function columnsFor(count: number, room: Size, picture: Size): number {
  let best = 1;
  let largest = 0;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const pane = { width: room.width / columns, height: room.height / rows };
    const scale = scaleOf(WHOLE, pane, picture);
    if (scale > largest * 1.001) [best, largest] = [columns, scale];
  }
  return best;
}
