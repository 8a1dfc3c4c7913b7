/** The theme that is in force, as React reads it. */

import { useSyncExternalStore } from "react";
import type { Theme } from "./dyes";
import { currentTheme } from "./palette";

const listeners = new Set<() => void>();
const watcher = new MutationObserver(() => {
  for (const listener of listeners) listener();
});
watcher.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

export function onThemeChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(onThemeChange, currentTheme);
}
