/** What the server answers, after the parser looked at it. */

import type { Json, JsonObject, Signature } from "../documents/types";

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

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins; `null` at the end. */
  readonly next: string | null;
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

/** An event as the server keeps it. */
export interface TimedEvent extends FeedEvent {
  /** Unix seconds. */
  readonly time: number;
}

export interface PreviewFrame {
  readonly job: string;
  readonly node: string;
  readonly document: string | null;
  readonly image: Blob;
}

export interface Queue {
  readonly paused: boolean;
  readonly running: readonly Job[];
  readonly queued: readonly Job[];
}

/** What a run would do, worked out without running it. */
export interface RunPlan {
  readonly run: number;
  readonly total: number;
  readonly nodes: Readonly<Record<string, "run" | "cached" | "skipped">>;
  readonly problems: readonly Problem[];
}

/** A workflow of the library or of the templates. */
export interface LibraryItem {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** Unix seconds. */
  readonly modified: number;
  readonly tags: readonly string[];
  readonly description: string;
  /** When its picture was kept, in Unix milliseconds; `null` where it has none. */
  readonly cover: number | null;
  /** What it defines that other workflows may use. */
  readonly subgraphs: readonly SubgraphOffer[];
}

/** A subgraph of a saved workflow, by its interface. */
export interface SubgraphOffer extends Signature {
  readonly key: string;
  readonly title: string;
}

export interface StoredFile {
  readonly name: string;
  readonly size: number;
  readonly modified: number;
}

export interface Upload {
  readonly name: string;
  readonly width: number | null;
  readonly height: number | null;
}
