/** What the server tells of runs: jobs, problems, artifacts, and the state of one node in one document. */

import type { Json, JsonObject } from "../documents/types";

export type JobState = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "quarantined";

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly node: string | null;
  readonly input: string | null;
  readonly severity: "error" | "warning";
  readonly related: readonly string[];
}

export interface Artifact {
  readonly id: string;
  readonly job: string;
  readonly node: string;
  readonly index: number;
  readonly kind: string;
  readonly name: string;
  readonly folder: "output" | "temp";
  readonly mime: string;
  readonly bytes: number;
  readonly width: number | null;
  readonly height: number | null;
  /** Unix seconds. */
  readonly created: number;
  readonly title: string;
}

export interface JobProgress {
  readonly done: number;
  readonly total: number;
  readonly node: string | null;
  readonly value: number;
  readonly max: number;
}

export interface Job {
  readonly id: string;
  readonly state: JobState;
  readonly title: string;
  readonly created: number;
  readonly started: number | null;
  readonly finished: number | null;
  readonly position: number | null;
  readonly attempts: number;
  readonly worker: string | null;
  readonly progress: JobProgress | null;
  readonly problem: Problem | null;
  readonly warnings: readonly Problem[];
  readonly document: string | null;
  readonly seconds: number | null;
  readonly artifacts: readonly Artifact[];
}

/** A job with what was run. */
export interface JobDetail extends Job {
  readonly workflow: JsonObject;
}

export interface FeedEvent {
  /** Absent on what is never replayed: progress and previews. */
  readonly seq: number | null;
  readonly type: string;
  readonly job: string | null;
  readonly node: string | null;
  readonly document: string | null;
  readonly data: Readonly<Record<string, Json>>;
}

export interface PreviewFrame {
  readonly job: string;
  readonly node: string;
  readonly document: string | null;
  readonly image: Blob;
}

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
  /** The last preview of a run under way, as an object URL. */
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
