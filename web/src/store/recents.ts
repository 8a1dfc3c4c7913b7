/** The saved workflows that were opened or saved last in this browser, newest first. */

import { create } from "zustand";
import { persist } from "zustand/middleware";

interface Recents {
  readonly names: readonly string[];
}

const KEPT = 8;

export const useRecents = create<Recents>()(
  persist((): Recents => ({ names: [] }), { name: "weft.recents", version: 1 }),
);

export function remember(name: string): void {
  useRecents.setState(({ names }) => ({
    names: [name, ...names.filter((other) => other !== name)].slice(0, KEPT),
  }));
}
