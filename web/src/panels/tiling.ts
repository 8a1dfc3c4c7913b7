/** Which tiles of a large picture are in sight, and where they lie. Pure. */

import { type Look, placeOf, type Size, scaleOf } from "./looking";

/** Pixels of a tile's side, as the server cuts them. */
export const TILE = 512;

export interface Tile {
  readonly level: number;
  readonly column: number;
  readonly row: number;
  /** In the pane, in pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The sizes of a picture's levels, each half of the one before, up to one tile. */
export function levelsOf({ width, height }: Size): readonly Size[] {
  const levels = [{ width, height }];
  for (let last = { width, height }; Math.max(last.width, last.height) > TILE; ) {
    last = { width: Math.ceil(last.width / 2), height: Math.ceil(last.height / 2) };
    levels.push(last);
  }
  return levels;
}

/** The tiles of the level that is just fine enough, as far as the pane shows them. */
export function tilesIn(look: Look, pane: Size, picture: Size, pixelRatio: number): readonly Tile[] {
  const levels = levelsOf(picture);
  const shrunk = Math.floor(Math.log2(1 / (scaleOf(look, pane, picture) * pixelRatio)));
  const level = Math.max(0, Math.min(levels.length - 1, shrunk));
  const size = levels[level] ?? picture;
  const place = placeOf(look, pane, picture);
  const across = place.width / size.width;
  const down = place.height / size.height;
  const [left, right] = seen(place.x, pane.width, across, size.width);
  const [top, bottom] = seen(place.y, pane.height, down, size.height);
  const tiles: Tile[] = [];
  for (let row = top; row < bottom; row += 1) {
    for (let column = left; column < right; column += 1) {
      tiles.push({
        level,
        column,
        row,
        x: place.x + column * TILE * across,
        y: place.y + row * TILE * down,
        width: Math.min(TILE, size.width - column * TILE) * across,
        height: Math.min(TILE, size.height - row * TILE) * down,
      });
    }
  }
  return tiles;
}

/** The first tile in sight, and the one behind the last. */
function seen(start: number, room: number, scale: number, size: number): readonly [number, number] {
  const step = TILE * scale;
  const count = Math.ceil(size / TILE);
  const first = Math.max(0, Math.floor(-start / step));
  return [first, Math.min(count, Math.ceil((room - start) / step))];
}
