/** Feed events → the boards. Each event belongs to (document, run, node), wherever the person is looking. */

import { problemOrNull, readArtifact } from "../api/read";
import type { FeedEvent, Job, JobState, PreviewFrame } from "../api/types";
import { isObject, isReal, isString, strings } from "../documents/fields";
import type { Json, JsonObject } from "../documents/types";
import { documentRuns, nodeKey, nodeRuns } from "./board";
import { grouped } from "./grouping";
import { countNode, countPlan, forgetTally, isCounted } from "./tally";
import type { DocumentRun, NodeRun } from "./types";

const FRESH: Omit<NodeRun, "job" | "state"> = {
  value: 0,
  max: 0,
  seconds: null,
  peakBytes: null,
  shapes: {},
  problem: null,
  warnings: [],
  preview: null,
  artifacts: [],
};

/** The nodes that a run has touched, so that its end reaches those that wait; by job. */
const touched = new Map<string, Set<string>>();

/** Takes in one event of a run; what is not about a document's run is left to others. */
export function applyEvent(event: FeedEvent): void {
  const { document, job, node } = event;
  if (document === null || job === null) return;
  if (node === null) applyToDocument(event, document, job);
  else if ("inner" in event.data) applyInner(event, document, job, node);
  else applyToNode(event, document, job, node);
}

function applyToDocument(event: FeedEvent, document: string, job: string): void {
  const { data } = event;
  switch (event.type) {
    case "job.queued":
      begin(document, job, "queued");
      break;
    case "job.started":
      forgetTally(job);
      begin(document, job, "running");
      break;
    case "job.updated":
      // A run that is tried again waits once more.
      if (data["state"] === "queued") begin(document, job, "queued");
      break;
    case "plan":
      planned(document, job, data);
      break;
    case "job.finished":
      finished(document, job, data);
      break;
  }
}

/** A run takes the document over from an older one, unless that one is still going. */
function begin(document: string, job: string, state: JobState): void {
  const current = documentRuns.get(document);
  if (current?.job === job) documentRuns.set(document, { ...current, state });
  else if (state === "running" || current === undefined || current.state !== "running") {
    documentRuns.set(document, { job, state, done: 0, total: 0, node: null, problem: null, seconds: null });
  }
}

function planned(document: string, job: string, data: JsonObject): void {
  const order = strings(data["order"]);
  begin(document, job, "running");
  changeDocument(document, job, countPlan(job, order));
  for (const node of order.filter((name) => !isCounted(job, name))) {
    // What an earlier run showed stays until this one has something better.
    const artifacts = nodeRuns.get(nodeKey(document, node))?.artifacts ?? [];
    setNode(document, node, { ...FRESH, job, state: "waiting", artifacts });
  }
}

function finished(document: string, job: string, data: JsonObject): void {
  const state = isString(data["state"]) ? (data["state"] as JobState) : "succeeded";
  const problem = problemOrNull(data["problem"]);
  changeDocument(document, job, { state, problem, node: null, seconds: numberOrNull(data["seconds"]) });
  settle(job);
  if (problem?.node) changeNode(document, job, problem.node, { state: "failed", problem });
}

/** A node made by an expansion reports under the node that made it: only its progress counts there. */
function applyInner(event: FeedEvent, document: string, job: string, node: string): void {
  const { value, max } = event.data;
  if (event.type === "node.progress" && isReal(value) && isReal(max))
    changeNode(document, job, node, { value, max });
  if (event.type === "node.artifact") addArtifact(document, job, node, event.data["artifact"]);
}

function applyToNode(event: FeedEvent, document: string, job: string, node: string): void {
  const { data } = event;
  switch (event.type) {
    case "node.started":
      changeNode(document, job, node, { state: "running", value: 0, max: 0 });
      changeDocument(document, job, { node });
      break;
    case "node.progress":
      changeNode(document, job, node, {
        state: "running",
        value: Number(data["value"]),
        max: Number(data["max"]),
      });
      break;
    case "node.warning":
      warned(document, job, node, data["problem"]);
      break;
    case "node.artifact":
      addArtifact(document, job, node, data["artifact"]);
      break;
    case "node.finished":
      changeNode(document, job, node, {
        state: "done",
        seconds: numberOrNull(data["seconds"]),
        peakBytes: numberOrNull(data["peak_bytes"]),
        shapes: texts(data["shapes"]),
      });
      changeDocument(document, job, countNode(job, node));
      break;
    case "node.cached":
      changeNode(document, job, node, { state: "cached" });
      changeDocument(document, job, countNode(job, node));
      break;
    case "node.failed":
      changeNode(document, job, node, { state: "failed", problem: problemOrNull(data["problem"]) });
      break;
  }
}

function warned(document: string, job: string, node: string, json: Json | undefined): void {
  const problem = problemOrNull(json);
  const known = currentRun(document, job, node);
  if (problem !== null) setNode(document, node, { ...known, warnings: [...known.warnings, problem] });
}

/** The first artifact of a run takes the place of those of the run before. */
function addArtifact(document: string, job: string, node: string, json: Json | undefined): void {
  if (!isObject(json)) return;
  const artifact = readArtifact(json);
  const known = currentRun(document, job, node);
  const kept = known.artifacts.filter((other) => other.job === artifact.job && other.id !== artifact.id);
  const artifacts = [...kept, artifact].sort((one, other) => one.index - other.index);
  setNode(document, node, { ...known, artifacts });
}

/** A preview picture; the one before it is let go. */
export function applyPreview(frame: PreviewFrame): void {
  if (frame.document === null) return;
  changeNode(frame.document, frame.job, frame.node, { preview: URL.createObjectURL(frame.image) });
}

function currentRun(document: string, job: string, node: string): NodeRun {
  const run = nodeRuns.get(nodeKey(document, node));
  if (run?.job === job) return run;
  return { ...FRESH, job, state: "waiting", artifacts: run?.artifacts ?? [] };
}

function changeNode(document: string, job: string, node: string, change: Partial<NodeRun>): void {
  setNode(document, node, { ...currentRun(document, job, node), ...change });
}

function setNode(document: string, node: string, run: NodeRun): void {
  const key = nodeKey(document, node);
  const preview = nodeRuns.get(key)?.preview;
  if (preview && preview !== run.preview) URL.revokeObjectURL(preview);
  const nodes = touched.get(run.job) ?? new Set();
  touched.set(run.job, nodes.add(key));
  nodeRuns.set(key, run);
}

function changeDocument(document: string, job: string, change: Partial<DocumentRun>): void {
  const run = documentRuns.get(document);
  if (run?.job === job) documentRuns.set(document, { ...run, ...change });
}

/** What the history says of documents that this page has seen nothing of yet: the newest run of each counts. */
export function applyHistory(jobs: readonly Job[]): void {
  for (const job of [...jobs].sort((one, other) => one.created - other.created)) {
    if (job.document !== null) applyJob(job.document, job);
  }
}

function applyJob(document: string, job: Job): void {
  const progress = job.progress;
  documentRuns.set(document, {
    job: job.id,
    state: job.state,
    done: progress?.done ?? 0,
    total: progress?.total ?? 0,
    node: progress?.node ?? null,
    problem: job.problem,
    seconds: job.seconds,
  });
  const state = job.state === "running" ? "running" : "done";
  for (const [node, artifacts] of grouped(job.artifacts, (artifact) => artifact.node)) {
    setNode(document, node, { ...FRESH, job: job.id, state, artifacts });
  }
  if (progress?.node && job.state === "running") {
    changeNode(document, job.id, progress.node, {
      state: "running",
      value: progress.value,
      max: progress.max,
    });
  }
  if (job.problem?.node)
    changeNode(document, job.id, job.problem.node, { state: "failed", problem: job.problem });
  if (job.state !== "running" && job.state !== "queued") settle(job.id);
}

/** A run that ended leaves no node waiting or running. */
function settle(job: string): void {
  for (const key of touched.get(job) ?? []) {
    const run = nodeRuns.get(key);
    if (run?.job === job && (run.state === "waiting" || run.state === "running")) {
      nodeRuns.set(key, { ...run, state: "cancelled" });
    }
  }
  touched.delete(job);
}

function numberOrNull(value: Json | undefined): number | null {
  return isReal(value) ? value : null;
}

function texts(value: Json | undefined): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => isString(entry[1])),
  );
}
