/** What a person chose about the editor, kept in this browser. */

import { create } from "zustand";
import { persist } from "zustand/middleware";
import { keepLanguage, type Language } from "../texts/language";

export type Theme = "system" | "light" | "dark";

export interface Settings {
  readonly theme: Theme;
  /** New places snap to this grid, in pixels of the canvas; 1 is none. */
  readonly grid: number;
  readonly minimap: boolean;
  readonly livePreview: boolean;
}

export const DEFAULT_SETTINGS: Settings = {
  theme: "system",
  grid: 16,
  minimap: true,
  livePreview: true,
};

export const useSettings = create<Settings>()(
  persist((): Settings => DEFAULT_SETTINGS, { name: "weft.settings", version: 1 }),
);

export function changeSettings(change: Partial<Settings>): void {
  useSettings.setState(change);
}

/** Keeps the choice, `null` for the browser's, and loads the page anew; drafts bring back what is open. */
export function changeLanguage(choice: Language | null): void {
  keepLanguage(choice);
  window.location.reload();
}
