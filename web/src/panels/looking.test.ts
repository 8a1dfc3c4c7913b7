import { describe, expect, test } from "vitest";
import { columnsFor, mostZoom, pan, placeOf, placeUnder, scaleOf, WHOLE, zoomAt } from "./looking";
import { levelsOf, TILE, tilesIn } from "./tiling";

const PANE = { width: 400, height: 300, mostZoom: 64 };
const SMALL = { width: 100, height: 100 };
const LARGE = { width: 800, height: 800 };

describe("looking at several pictures", () => {
  test("a whole picture fills its pane, whatever its size", () => {
    expect(placeOf(WHOLE, PANE, SMALL)).toEqual({ x: 50, y: 0, width: 300, height: 300 });
    expect(placeOf(WHOLE, PANE, LARGE)).toEqual(placeOf(WHOLE, PANE, SMALL));
  });

  test("zooming keeps what is under the pointer, at the same place of every picture", () => {
    const point = [120, 80] as const;
    const before = placeUnder(point, WHOLE, PANE, LARGE);
    const look = zoomAt(WHOLE, 4, point, PANE, LARGE);
    expect(look.zoom).toBe(4);
    for (const picture of [LARGE, SMALL]) {
      const [u, v] = placeUnder(point, look, PANE, picture);
      expect([u, v].map((share) => share.toFixed(6))).toEqual(before.map((share) => share.toFixed(6)));
    }
  });

  test("zooming ends at the whole picture and at large pixels", () => {
    expect(zoomAt(WHOLE, 0.1, [0, 0], PANE, LARGE)).toEqual(WHOLE);
    const near = { ...PANE, mostZoom: mostZoom(PANE, LARGE) };
    expect(scaleOf(zoomAt(WHOLE, 1e6, [200, 150], near, LARGE), PANE, LARGE)).toBeCloseTo(16);
  });

  test("panning follows the pointer and stops at the edge", () => {
    const near = zoomAt(WHOLE, 4, [200, 150], PANE, SMALL);
    const moved = pan(near, [60, 0], PANE, SMALL);
    expect(placeOf(moved, PANE, SMALL).x).toBeCloseTo(placeOf(near, PANE, SMALL).x + 60);
    expect(placeOf(pan(near, [9999, 9999], PANE, SMALL), PANE, SMALL)).toMatchObject({ x: 0, y: 0 });
    expect(pan(WHOLE, [50, 50], PANE, SMALL)).toEqual(WHOLE);
  });

  test("panes stand so that pictures are seen largest", () => {
    expect(columnsFor(3, { width: 1200, height: 400 }, SMALL)).toBe(3);
    expect(columnsFor(3, { width: 400, height: 900 }, SMALL)).toBe(1);
    expect(columnsFor(4, { width: 800, height: 800 }, SMALL)).toBe(2);
    expect(columnsFor(1, PANE, SMALL)).toBe(1);
  });
});

describe("tiles", () => {
  const HUGE = { width: 8192, height: 8192 };

  test("levels halve a picture down to one tile", () => {
    expect(levelsOf({ width: 1025, height: 300 })).toEqual([
      { width: 1025, height: 300 },
      { width: 513, height: 150 },
      { width: 257, height: 75 },
    ]);
    expect(levelsOf(HUGE)).toHaveLength(5);
  });

  test("a whole picture is one small tile; near, a few tiles of the finest level cover the pane", () => {
    expect(tilesIn(WHOLE, PANE, HUGE, 1)).toEqual([
      { level: 4, column: 0, row: 0, x: 50, y: 0, width: 300, height: 300 },
    ]);
    const near = zoomAt(WHOLE, 40, [200, 150], PANE, HUGE);
    const tiles = tilesIn(near, PANE, HUGE, 1);
    expect(new Set(tiles.map(({ level }) => level))).toEqual(new Set([0]));
    expect(tiles.length).toBeLessThanOrEqual(6);
    expect(Math.min(...tiles.map(({ x }) => x))).toBeLessThanOrEqual(0);
    expect(Math.max(...tiles.map(({ x, width }) => x + width))).toBeGreaterThanOrEqual(PANE.width);
  });

  test("the last tile of a row is as narrow as the picture leaves it", () => {
    const near = zoomAt(WHOLE, 30, [399, 150], PANE, { width: 4400, height: 600 });
    const tiles = tilesIn(near, PANE, { width: 4400, height: 600 }, 1);
    const last = tiles.at(-1);
    expect(last?.column).toBe(8);
    expect(last?.width).toBeCloseTo((4400 - 8 * TILE) * scaleOf(near, PANE, { width: 4400, height: 600 }));
  });
});
