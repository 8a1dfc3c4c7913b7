import { describe, expect, test } from "vitest";
import { toDocument } from "../documents/parse";
import { cells, spaced } from "./sweep";

const START = toDocument({
  format: 1,
  title: "Star",
  nodes: { sampler: { type: "KSampler", version: 1, inputs: { steps: 20, cfg: 7 } } } as never,
});
const STEPS = { node: "sampler", input: "steps", label: "steps", values: [10, 20] };
const CFG = { node: "sampler", input: "cfg", label: "cfg", values: [1, 4, 7] };

describe("a sweep", () => {
  test("spaces its values evenly, both ends included", () => {
    expect(spaced(0, 1, 5, 0.01)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(spaced(0.1, 0.3, 3, 0.1)).toEqual([0.1, 0.2, 0.3]);
    expect(spaced(1, 3, 5, 1)).toEqual([1, 2, 3]);
    expect(spaced(1, 2, 4, 0.01)).toEqual([1, 1.33, 1.67, 2]);
    expect(spaced(4, 9, 1, 1)).toEqual([4]);
  });

  test("has a workflow for each combination, the first axis running fastest", () => {
    const all = cells(START, [STEPS, CFG]);
    expect(all.map(({ values }) => values)).toEqual([
      [10, 1],
      [20, 1],
      [10, 4],
      [20, 4],
      [10, 7],
      [20, 7],
    ]);
    expect(all[3]?.document.nodes["sampler"]?.inputs).toEqual({ steps: 20, cfg: 4 });
    expect(all[3]?.document.title).toBe("Star (steps 20, cfg 4)");
    expect(START.nodes["sampler"]?.inputs).toEqual({ steps: 20, cfg: 7 });
  });
});
