/** Puts the chosen theme in force, and follows the system where that was chosen. */

import { useSettings } from "../store/settings";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function apply(): void {
  const { theme } = useSettings.getState();
  const wanted = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
  const root = document.documentElement;
  if (root.dataset["theme"] !== wanted) root.dataset["theme"] = wanted;
}

export function keepTheme(): void {
  apply();
  dark.addEventListener("change", apply);
  useSettings.subscribe(apply);
}
