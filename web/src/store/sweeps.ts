/** Sweeps that were started from this browser: which job is which cell of the grid. */

import { create } from "zustand";
import { persist } from "zustand/middleware";
import { submit } from "../api/jobs";
import { type Axis, cells } from "../commands/sweep";
import type { Json } from "../documents/types";
import { jobs } from "../runs/jobs";
import { report } from "./notices";
import { CLIENT } from "./session";
import { showDialog } from "./shell";
import { documentOf, tabOf } from "./tabs";

export interface Sweep {
  readonly id: string;
  readonly title: string;
  /** Unix seconds. */
  readonly time: number;
  readonly axes: readonly Axis[];
  /** In the order of the cells: the first axis runs fastest. */
  readonly jobs: readonly string[];
}

interface Sweeps {
  readonly sweeps: readonly Sweep[];
}

const KEPT = 20;

export const useSweeps = create<Sweeps>()(
  persist((): Sweeps => ({ sweeps: [] }), { name: "weft.sweeps", version: 1 }),
);

/**
 * Hands the runs of a sweep in, and shows its grid. The runs belong to no open document: what the canvas shows stays.
 * Where one is refused, those before it go on.
 */
export async function startSweep(tab: string, axes: readonly Axis[]): Promise<void> {
  const there = tabOf(tab);
  if (there === undefined) return;
  const document = documentOf(there);
  const id = crypto.randomUUID();
  const submitted: string[] = [];
  try {
    for (const cell of cells(document, axes)) {
      const job = await submit({ workflow: cell.document, document: id, client: CLIENT });
      if (jobs.get(job.id) === undefined) jobs.set(job.id, job);
      submitted.push(job.id);
    }
  } catch (problem) {
    report(problem);
  }
  if (submitted.length === 0) return;
  const sweep = { id, title: document.title, time: Date.now() / 1000, axes, jobs: submitted };
  useSweeps.setState(({ sweeps }) => ({ sweeps: [sweep, ...sweeps].slice(0, KEPT) }));
  showDialog({ kind: "sweep-grid", sweep: id });
}

/** The values of a cell, one for each axis. */
export function valuesOf({ axes }: Sweep, cell: number): readonly Json[] {
  let left = cell;
  return axes.map(({ values }) => {
    const value = values[left % values.length] ?? null;
    left = Math.floor(left / values.length);
    return value;
  });
}
