import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { HUES, hueNamed, hueOf, type Theme } from "./dyes";

const CSS = readFileSync(`${import.meta.dirname}/../app/theme.css`, "utf8");

/** A colour of the theme, as its style sheet gives it. */
function token(theme: Theme, name: string): string {
  const block = CSS.slice(CSS.indexOf(`[data-theme="${theme}"] {`));
  const found = new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(block)?.[1];
  if (found === undefined) throw new Error(`The ${theme} theme has no ${name}.`);
  return found;
}

const channels = (hex: string): readonly number[] =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);

function luminance(colour: readonly number[]): number {
  const linear = colour.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
}

/** The contrast of two colours, as WCAG 2 defines it. */
function contrast(one: readonly number[], other: readonly number[]): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** What `color-mix(in srgb, one share, other)` gives. */
const mixed = (one: readonly number[], share: number, other: readonly number[]): readonly number[] =>
  one.map((value, at) => value * share + (other[at] ?? 0) * (1 - share));

describe.each(["dark", "light"] as const)("the hues of the %s theme", (theme) => {
  test.each(Object.keys(HUES))("%s is told from a node, and a title is read on it", (name) => {
    const hue = channels(hueNamed(name, theme) ?? "");
    const head = mixed(hue, 0.26, channels(token(theme, "node-head")));
    expect(contrast(hue, channels(token(theme, "node")))).toBeGreaterThan(3);
    expect(contrast(head, channels(token(theme, "text")))).toBeGreaterThan(4.5);
  });
});

test("a subject has the hue of its group, and the groups have different ones", () => {
  expect(hueOf("sampling/schedulers", "dark")).toBe(hueOf("sampling", "dark"));
  const groups = ["models", "prompts", "sampling", "latent", "image", "mask", "upscale", "output", "logic"];
  expect(new Set(groups.map((group) => hueOf(group, "light"))).size).toBe(groups.length);
});
