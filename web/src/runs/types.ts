/** How runs stand: the state of one node in one document, and of a document's latest run. */

import type { Artifact, JobState, Problem } from "../api/types";

/** How a node fares in the last run of its document that touched it. */
export interface NodeRun {
  readonly job: string;
  readonly state: "waiting" | "running" | "done" | "cached" | "failed" | "cancelled";
  readonly value: number;
  readonly max: number;
  readonly seconds: number | null;
  readonly peakBytes: number | null;
  /** Sizes of the outputs as text, by output: `1×4×16×16`. */
  readonly shapes: Readonly<Record<string, string>>;
  readonly problem: Problem | null;
  readonly warnings: readonly Problem[];
  /** The last preview that the run sent, as an object URL; it stays until the next run. */
  readonly preview: string | null;
  readonly artifacts: readonly Artifact[];
}

/** The whole of a document's latest run. */
export interface DocumentRun {
  readonly job: string;
  readonly state: JobState;
  readonly done: number;
  readonly total: number;
  readonly node: string | null;
  readonly problem: Problem | null;
  readonly seconds: number | null;
}
