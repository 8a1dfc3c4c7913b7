/** The seeds that were used, newest first, kept in this browser: a picture that was liked can be had again. */

import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { Job } from "../api/types";
import type { SeedUse } from "../runs/seeds";

export interface LedgerEntry {
  readonly document: string;
  readonly job: string;
  /** Unix seconds. */
  readonly time: number;
  readonly node: string;
  readonly input: string;
  /** Decimal digits: large seeds are no exact numbers. */
  readonly seed: string;
}

const KEPT = 300;

interface Ledger {
  readonly entries: readonly LedgerEntry[];
}

export const useLedger = create<Ledger>()(
  persist((): Ledger => ({ entries: [] }), { name: "weft.seeds", version: 1 }),
);

export function recordSeeds(job: Job, uses: readonly SeedUse[]): void {
  const added = uses.map(({ node, input, seed }) => ({
    document: job.document ?? "",
    job: job.id,
    time: job.created,
    node,
    input,
    seed: seed.toString(),
  }));
  useLedger.setState(({ entries }) => ({ entries: [...added, ...entries].slice(0, KEPT) }));
}
