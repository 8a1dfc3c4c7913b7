import { describe, expect, test } from "vitest";
import type { InputSpec } from "../catalogue/types";
import { evaluate } from "./arithmetic";
import { completed, completing } from "./completion";
import { boundsOf, emptyValue, hasBar, widgetKind } from "./kinds";
import { emptyMask, feathered, filled, inverted, paint } from "./mask";
import { numberText, stepped, within } from "./numbers";
import { reweighted } from "./weights";

function input(type: string, rest: Partial<InputSpec> = {}): InputSpec {
  return {
    name: "x",
    type,
    label: "x",
    required: true,
    list: false,
    lazy: false,
    all: false,
    socket: false,
    help: "",
    ...rest,
  };
}

describe("arithmetic", () => {
  test.each([
    ["512*2", 1024],
    ["1024 / 3 * 3", 1024],
    ["2+3*4", 14],
    ["(2+3)*4", 20],
    ["-2^2", -4],
    ["2^3^2", 512],
    ["7 % 4", 3],
    ["1,5", 1.5],
    ["1e-3", 0.001],
    ["- -3", 3],
    ["10-4-3", 3],
  ])("%s is %d", (text, value) => {
    expect(evaluate(text)).toBeCloseTo(value, 10);
  });

  test.each(["", "abc", "2+", "(1", "1)", "1 2", "1/0", "2**3"])("“%s” is no number", (text) => {
    expect(evaluate(text)).toBeUndefined();
  });
});

describe("numbers", () => {
  const bounds = { min: 0, max: 1, step: 0.05, whole: false };

  test("a step lands on the grid without float noise", () => {
    expect(stepped(0.1, 1, bounds)).toBe(0.15);
    expect(stepped(0.7, 2, bounds)).toBe(0.8);
  });

  test("a step stops at the end of the range", () => {
    expect(stepped(0.98, 5, bounds)).toBe(1);
    expect(stepped(0.01, -5, bounds)).toBe(0);
  });

  test("what was typed is kept to the range and not rounded to the step", () => {
    expect(within(0.123, bounds)).toBe(0.123);
    expect(within(7, bounds)).toBe(1);
    expect(within(3.6, { min: 0, max: 10, step: 1, whole: true })).toBe(4);
  });

  test("seeds beyond the safe integers are written to the last digit", () => {
    expect(numberText(18446744073709551615n, true)).toBe("18446744073709551615");
    expect(numberText(0.1 + 0.2, false)).toBe("0.3");
  });
});

describe("weights", () => {
  test("the word at the caret gets brackets", () => {
    expect(reweighted({ text: "a red circle", start: 4, end: 4 }, 0.05)).toEqual({
      text: "a (red:1.05) circle",
      start: 3,
      end: 6,
    });
  });

  test("a weight goes on from where it was", () => {
    const once = reweighted({ text: "a red circle", start: 2, end: 12 }, 0.05);
    const twice = reweighted(once, 0.05);
    expect(twice.text).toBe("a (red circle:1.1)");
    expect(twice.text.slice(twice.start, twice.end)).toBe("red circle");
  });

  test("a weight of 1 loses its brackets", () => {
    const up = reweighted({ text: "red", start: 0, end: 3 }, 0.05);
    expect(reweighted(up, -0.05).text).toBe("red");
  });

  test("spaces around a selection stay outside", () => {
    expect(reweighted({ text: "a red circle", start: 1, end: 6 }, 0.1).text).toBe("a (red:1.1) circle");
  });
});

describe("completion", () => {
  const files = ["easynegative.safetensors", "styles/neon.pt", "negative_hand.safetensors"];

  test("names that begin so come first, without their endings", () => {
    const text = "a cat, embedding:neg";
    expect(completing(text, text.length, files)).toEqual({
      start: 17,
      options: ["negative_hand", "easynegative"],
    });
  });

  test("the rest of the text stays where it was", () => {
    const text = "embedding:neo, blue";
    const offer = completing(text, 13, files);
    expect(completed(text, 13, offer?.start ?? 0, offer?.options[0] ?? "")).toBe(
      "embedding:styles/neon, blue",
    );
  });

  test("nothing is offered elsewhere, nor for what is complete", () => {
    expect(completing("a cat", 5, files)).toBeUndefined();
    expect(completing("embedding:easynegative", 22, files)).toBeUndefined();
  });
});

describe("kinds", () => {
  test("an unknown control falls back to its type's", () => {
    expect(widgetKind(input("Float", { widget: { kind: "hologram" } }))).toBe("float");
    expect(widgetKind(input("Whatever", { widget: { kind: "hologram" } }))).toBe("json");
  });

  test("a file of the input folder is a picture", () => {
    expect(widgetKind(input("String", { widget: { kind: "file", folder: "input" } }))).toBe("image");
    expect(widgetKind(input("String", { widget: { kind: "file", folder: "loras" } }))).toBe("file");
  });

  test("an input without a default starts with something its range allows", () => {
    expect(emptyValue(input("Int", { widget: { kind: "range", min: 1, max: 8 } }))).toBe(1);
    expect(emptyValue(input("String", { widget: { kind: "choice", options: ["a", "b"] } }))).toBe("a");
    expect(emptyValue(input("Int", { default: 20 }))).toBe(20);
  });

  test("only a narrow range has a bar", () => {
    expect(hasBar(boundsOf(input("Float", { widget: { kind: "range", min: 0, max: 1, step: 0.01 } })))).toBe(
      true,
    );
    expect(hasBar(boundsOf(input("Int", { widget: { kind: "range", min: 1, max: 16384 } })))).toBe(false);
    expect(hasBar(boundsOf(input("Int")))).toBe(false);
  });
});

describe("masks", () => {
  const sum = (values: Uint8ClampedArray): number => values.reduce((total, value) => total + value, 0);

  test("a hard brush paints a disc, and the eraser wipes it", () => {
    const mask = emptyMask(21, 21);
    paint(mask, [10, 10], [10, 10], { radius: 4, hardness: 1, value: 255 });
    expect(mask.values[10 * 21 + 10]).toBe(255);
    expect(mask.values[10 * 21 + 14]).toBe(255);
    expect(mask.values[10 * 21 + 15]).toBe(0);
    paint(mask, [10, 10], [10, 10], { radius: 6, hardness: 1, value: 0 });
    expect(sum(mask.values)).toBe(0);
  });

  test("painting over the edge of the picture paints what is in it", () => {
    const mask = emptyMask(8, 8);
    paint(mask, [-2, 4], [9, 4], { radius: 1, hardness: 1, value: 255 });
    expect([...mask.values.slice(4 * 8, 5 * 8)]).toEqual(Array(8).fill(255));
  });

  test("inverting twice gives the mask back", () => {
    const mask = emptyMask(5, 3);
    mask.values[7] = 90;
    expect(inverted(inverted(mask)).values).toEqual(mask.values);
  });

  test("filling stops at what is painted", () => {
    const mask = emptyMask(9, 9);
    for (let row = 0; row < 9; row += 1) mask.values[row * 9 + 4] = 255;
    const full = filled(mask, [1, 1], 255);
    expect(full.values[8 * 9]).toBe(255);
    expect(full.values[8]).toBe(0);
    expect(sum(full.values)).toBe(9 * 5 * 255);
  });

  test("feathering keeps the middle, softens the edge and leaves the far away alone", () => {
    const mask = emptyMask(64, 64);
    paint(mask, [32, 32], [32, 32], { radius: 16, hardness: 1, value: 255 });
    const soft = feathered(mask, 6);
    expect(soft.values[32 * 64 + 32]).toBe(255);
    const edge = soft.values[32 * 64 + 48] ?? 0;
    expect(edge).toBeGreaterThan(40);
    expect(edge).toBeLessThan(215);
    expect(soft.values[0]).toBe(0);
  });
});
