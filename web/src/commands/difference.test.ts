import { describe, expect, test } from "vitest";
import { toDocument } from "../documents/parse";
import { differences, takeOver } from "./difference";
import { applyEdit } from "./edit";

const node = (type: string, inputs: object = {}, more = {}) => ({ type, version: 1, inputs, ...more });
const link = (id: string) => ({ link: [id, "image"] });

const LEFT = toDocument({
  format: 1,
  nodes: {
    load: node("LoadImage", { image: "a.png" }),
    scale: node("ImageScaleBy", { image: link("load"), scale_by: 2 }),
    old: node("ImageInvert", { image: link("load") }),
    save: node("SaveImage", { images: link("scale") }, { mode: "mute" }),
  } as never,
  view: { load: { x: 0, y: 0 } },
});

const RIGHT = toDocument({
  format: 1,
  nodes: {
    load: node("LoadImage", { image: "b.png" }),
    scale: node("ImageScaleBy", { image: link("load"), scale_by: 2 }),
    old: node("ImageBlur", { image: link("load") }),
    save: node("SaveImage", { images: link("old") }),
  } as never,
  view: { load: { x: 900, y: 0 } },
});

describe("the difference of two documents", () => {
  test("names inputs, wires, modes, and nodes that came and went, but no places", () => {
    expect(differences(LEFT, LEFT)).toEqual([]);
    expect(differences(LEFT, RIGHT)).toEqual([
      { kind: "input", node: "load", input: "image", left: "a.png", right: "b.png" },
      { kind: "removed", node: "old", type: "ImageInvert" },
      { kind: "mode", node: "save", left: "mute", right: undefined },
      { kind: "input", node: "save", input: "images", left: link("scale"), right: link("old") },
      { kind: "added", node: "old", type: "ImageBlur" },
    ]);
  });

  test("is taken over whole, or in part", () => {
    const all = differences(LEFT, RIGHT);
    const whole = applyEdit(LEFT, null, takeOver(RIGHT, all)).document;
    expect(differences(whole, RIGHT)).toEqual([]);
    expect(whole.view["load"]).toEqual({ x: 0, y: 0 });
    const part = applyEdit(LEFT, null, takeOver(RIGHT, all.slice(0, 1))).document;
    expect(part.nodes["load"]?.inputs["image"]).toBe("b.png");
    expect(part.nodes["save"]).toBe(LEFT.nodes["save"]);
  });
});
