/** The theme's colours as the canvas needs them: read once from the variables, again when the theme changes. */

import type { Theme } from "./dyes";

const NAMES = [
  "canvas",
  "canvas-mark",
  "node",
  "node-head",
  "node-line",
  "line-strong",
  "text",
  "text-2",
  "text-3",
  "accent",
  "accent-soft",
  "danger",
  "warning",
  "success",
  "surface-4",
] as const;

export type ColourName = (typeof NAMES)[number];

export interface Palette {
  readonly theme: Theme;
  readonly colour: Readonly<Record<ColourName, string>>;
  readonly font: string;
}

export function currentTheme(): Theme {
  return document.documentElement.dataset.theme === "light" ? "light" : "dark";
}

let read: Palette | undefined;

/** Reading styles makes the browser lay the page out, so it is done once a theme. */
export function palette(): Palette {
  if (read?.theme !== currentTheme()) read = readPalette();
  return read;
}

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return {
    theme: currentTheme(),
    colour: colour as Record<ColourName, string>,
    font: style.getPropertyValue("--font").trim(),
  };
}
