import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { toCatalogue } from "../catalogue/parse";
import type { NodeSpec } from "../catalogue/types";
import { byteSize } from "../texts/figures";
import { ago, duration } from "./format";
import { sharedInputs } from "./sharedInputs";

const FIXTURE = `${import.meta.dirname}/../catalogue/fixtures/catalogue.json`;
const CATALOGUE = toCatalogue(JSON.parse(readFileSync(FIXTURE, "utf8")));

describe("times and sizes", () => {
  test.each([
    [0.25, "0.25 s"],
    [3.14, "3.1 s"],
    [59.2, "59 s"],
    [185, "3:05 min"],
    [3729, "1:02:09 h"],
  ])("%d seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [16_400, "16.4 kB"],
    [123_000_000, "123 MB"],
  ])("%d bytes are %s", (bytes, text) => expect(byteSize(bytes)).toBe(text));

  test.each([
    [10, "just now"],
    [130, "2 min ago"],
    [7300, "2 h ago"],
    [90_000, "yesterday"],
  ])("%d seconds past are %s", (past, text) => expect(ago(1_000_000 - past, 1_000_000)).toBe(text));
});

describe("several nodes", () => {
  const known = (id: string): NodeSpec => CATALOGUE.nodes.get(id) ?? expect.fail(`The fixture has no ${id}.`);

  test("share the inputs that have the same name, type and control", () => {
    const names = sharedInputs([known("EmptyImage"), known("EmptyLatentImage")]).map(({ name }) => name);
    expect(names).toEqual(["width", "height", "batch_size"]);
    expect(sharedInputs([known("EmptyImage"), known("SaveImage")])).toEqual([]);
    expect(sharedInputs([])).toEqual([]);
  });
});
