/** Counts of what happened on the server to each kind of thing, so that a list knows when to look again. */

import { create } from "zustand";

export interface Changes {
  readonly library: number;
  readonly pictures: number;
  readonly history: number;
}

export const useChanges = create<Changes>(() => ({ library: 0, pictures: 0, history: 0 }));

export function changed(...kinds: readonly (keyof Changes)[]): void {
  useChanges.setState((counts) => Object.fromEntries(kinds.map((kind) => [kind, counts[kind] + 1])));
}
