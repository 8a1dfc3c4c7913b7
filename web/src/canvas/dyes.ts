/** How a type looks on the canvas: the dye of its thread and the shape of its port. */

import { groupOf } from "../catalogue/categories";

export type Theme = "dark" | "light";
export type PortShape = "circle" | "square" | "diamond" | "triangle" | "ring";

interface Dye {
  readonly dark: string;
  readonly light: string;
  readonly shape: PortShape;
}

const DYES: Readonly<Record<string, Dye>> = {
  Model: { dark: "#b49cf0", light: "#6f4fc4", shape: "square" },
  Clip: { dark: "#e8c84f", light: "#94740a", shape: "square" },
  Vae: { dark: "#f0788a", light: "#bd3049", shape: "square" },
  ControlNet: { dark: "#57cfc9", light: "#0d7d78", shape: "square" },
  ClipVision: { dark: "#d3b15a", light: "#7d6414", shape: "square" },
  StyleModel: { dark: "#c8e08c", light: "#5c7612", shape: "square" },
  UpscaleModel: { dark: "#8fb6ff", light: "#3560b8", shape: "square" },
  Conditioning: { dark: "#f2a154", light: "#b35e08", shape: "diamond" },
  Guider: { dark: "#79d0ee", light: "#147797", shape: "diamond" },
  Sampler: { dark: "#bcd39a", light: "#58752b", shape: "diamond" },
  Sigmas: { dark: "#d5de74", light: "#6e7608", shape: "diamond" },
  Noise: { dark: "#b6bfce", light: "#586477", shape: "diamond" },
  Latent: { dark: "#f08fcb", light: "#b03a86", shape: "circle" },
  Image: { dark: "#62aef5", light: "#1d6dba", shape: "circle" },
  Mask: { dark: "#84d692", light: "#2c7f3d", shape: "circle" },
  Int: { dark: "#9fc3b6", light: "#3f7364", shape: "triangle" },
  Float: { dark: "#a9bfd6", light: "#466688", shape: "triangle" },
  String: { dark: "#cdbfa8", light: "#77643f", shape: "triangle" },
  Boolean: { dark: "#d2a9b4", light: "#8c4d5e", shape: "triangle" },
};

const ANY: Dye = { dark: "#c3c8d2", light: "#6b7280", shape: "ring" };

/** A colour for a type that has none of its own: always the same for the same name. */
function hashed(type: string): Dye {
  let hue = 7;
  for (const letter of type) hue = (hue * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return { dark: `hsl(${hue} 58% 70%)`, light: `hsl(${hue} 55% 36%)`, shape: "circle" };
}

const found = new Map<string, Dye>();

function dyeOf(type: string): Dye {
  if (type === "*") return ANY;
  const known = DYES[type] ?? found.get(type);
  if (known) return known;
  const made = hashed(type);
  found.set(type, made);
  return made;
}

export function dye(type: string, theme: Theme): string {
  return dyeOf(type)[theme];
}

export function portShape(type: string): PortShape {
  return dyeOf(type).shape;
}

/** The hue of a node's head; frames and nodes may be given one of these by name. */
export const HUES: Readonly<Record<string, { readonly dark: string; readonly light: string }>> = {
  indigo: { dark: "#7d8ff0", light: "#4355c0" },
  woad: { dark: "#5aa6e0", light: "#1f6ba6" },
  verdigris: { dark: "#45c1ab", light: "#0a7868" },
  weld: { dark: "#e3c04a", light: "#8f6f05" },
  saffron: { dark: "#ee9f4f", light: "#b05c08" },
  madder: { dark: "#ec7676", light: "#b3343c" },
  cochineal: { dark: "#f08fb8", light: "#b02a6b" },
  lichen: { dark: "#cf86d6", light: "#8d3d96" },
  walnut: { dark: "#b09a82", light: "#6d573e" },
};

const GROUP_HUES: Readonly<Record<string, string>> = {
  models: "indigo",
  prompts: "saffron",
  sampling: "lichen",
  latent: "cochineal",
  image: "woad",
  mask: "verdigris",
  upscale: "weld",
  output: "madder",
  logic: "walnut",
};

const HUE_ORDER = Object.keys(HUES);

/** The hue of a category: that of its group; one that is not known has always the same. */
export function hueOf(category: string, theme: Theme): string {
  const group = groupOf(category);
  let sum = 0;
  for (const letter of group) sum += letter.codePointAt(0) ?? 0;
  const name = GROUP_HUES[group] ?? HUE_ORDER[sum % HUE_ORDER.length] ?? "walnut";
  return hueNamed(name, theme) as string;
}

/** A named hue, or the colour itself where a file gives a plain hexadecimal one. */
export function hueNamed(name: string | undefined, theme: Theme): string | undefined {
  if (name === undefined) return undefined;
  return HUES[name]?.[theme] ?? (/^#[0-9a-f]{6}$/i.test(name) ? name : undefined);
}
