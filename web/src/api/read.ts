/** The server's JSON → types. A field that is missing reads as its empty value; a body of another kind is refused. */

import { asObject, isObject, isReal, isString } from "../documents/fields";
import type { Json, JsonObject } from "../documents/types";
import { inOwnWords } from "../texts/problems";
import type {
  Artifact,
  FeedEvent,
  Job,
  JobDetail,
  JobProgress,
  JobState,
  LibraryItem,
  Page,
  Problem,
  Queue,
  RunPlan,
  StoredFile,
  SubgraphOffer,
  TimedEvent,
} from "./types";

const STATES: ReadonlySet<string> = new Set([
  "queued",
  "running",
  "succeeded",
  "failed",
  "cancelled",
  "quarantined",
]);

function text(value: Json | undefined): string {
  return isString(value) ? value : "";
}

function textOrNull(value: Json | undefined): string | null {
  return isString(value) ? value : null;
}

function real(value: Json | undefined): number {
  return isReal(value) ? value : 0;
}

function realOrNull(value: Json | undefined): number | null {
  return isReal(value) ? value : null;
}

export function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function readProblem(json: JsonObject): Problem {
  return {
    code: text(json["code"]),
    message: inOwnWords(text(json["message"])),
    hint: inOwnWords(text(json["hint"])),
    node: textOrNull(json["node"]),
    input: textOrNull(json["input"]),
    severity: json["severity"] === "warning" ? "warning" : "error",
    related: Array.isArray(json["related"]) ? json["related"].filter(isString) : [],
  };
}

export function problemOrNull(json: Json | undefined): Problem | null {
  return isObject(json) ? readProblem(json) : null;
}

export function readArtifact(json: JsonObject): Artifact {
  return {
    id: text(json["id"]),
    job: text(json["job"]),
    node: text(json["node"]),
    index: real(json["index"]),
    kind: text(json["kind"]),
    name: text(json["name"]),
    folder: json["folder"] === "temp" ? "temp" : "output",
    mime: text(json["mime"]),
    bytes: real(json["bytes"]),
    width: realOrNull(json["width"]),
    height: realOrNull(json["height"]),
    created: real(json["created"]),
    title: text(json["title"]),
  };
}

function readProgress(json: JsonObject): JobProgress {
  return {
    done: real(json["done"]),
    total: real(json["total"]),
    node: textOrNull(json["node"]),
    value: real(json["value"]),
    max: real(json["max"]),
  };
}

export function isJob(json: JsonObject): boolean {
  return isString(json["id"]) && isString(json["state"]) && STATES.has(json["state"]);
}

export function readJob(json: Json): Job {
  const job = asObject(json, "A job");
  return {
    id: text(job["id"]),
    state: (isJob(job) ? job["state"] : "queued") as JobState,
    title: text(job["title"]),
    created: real(job["created"]),
    started: realOrNull(job["started"]),
    finished: realOrNull(job["finished"]),
    position: realOrNull(job["position"]),
    attempts: real(job["attempts"]),
    worker: textOrNull(job["worker"]),
    progress: isObject(job["progress"]) ? readProgress(job["progress"]) : null,
    problem: problemOrNull(job["problem"]),
    warnings: objects(job["warnings"]).map(readProblem),
    document: textOrNull(job["document"]),
    seconds: realOrNull(job["seconds"]),
    artifacts: objects(job["artifacts"]).map(readArtifact),
  };
}

export function readJobDetail(json: Json): JobDetail {
  const job = asObject(json, "A job");
  return { ...readJob(job), workflow: asObject(job["workflow"], "The workflow of a job") };
}

export function readQueue(json: Json): Queue {
  const queue = asObject(json, "The queue");
  return {
    paused: queue["paused"] === true,
    running: objects(queue["running"]).map(readJob),
    queued: objects(queue["queued"]).map(readJob),
  };
}

export function readPlan(json: Json): RunPlan {
  const plan = asObject(json, "A plan");
  const nodes = isObject(plan["nodes"]) ? Object.entries(plan["nodes"]) : [];
  const states = nodes.map(
    ([id, state]) => [id, state === "cached" || state === "skipped" ? state : "run"] as const,
  );
  return {
    run: real(plan["run"]),
    total: real(plan["total"]),
    nodes: Object.fromEntries(states),
    problems: objects(plan["problems"]).map(readProblem),
  };
}

export function readLibraryItem(json: JsonObject): LibraryItem {
  const version = json["version"];
  return {
    name: text(json["name"]),
    title: text(json["title"]) || text(json["name"]),
    version: isReal(version) ? String(version) : text(version),
    modified: real(json["modified"]),
    tags: Array.isArray(json["tags"]) ? json["tags"].filter(isString) : [],
    description: text(json["description"]),
    cover: realOrNull(json["cover"]),
    subgraphs: objects(json["subgraphs"]).map(readOffer),
  };
}

function readOffer(json: JsonObject): SubgraphOffer {
  const ports = (value: Json | undefined) =>
    objects(value).map(({ name, type }) => ({ name: text(name), type: text(type) }));
  return {
    key: text(json["key"]),
    title: text(json["title"]),
    inputs: ports(json["inputs"]),
    outputs: ports(json["outputs"]),
  };
}

export function readFile(json: JsonObject): StoredFile {
  return { name: text(json["name"]), size: real(json["size"]), modified: real(json["modified"]) };
}

export function readFamily(json: JsonObject): readonly [name: string, family: string] {
  return [text(json["name"]), text(json["family"])];
}

export function readPage<Item>(json: Json, read: (item: JsonObject) => Item): Page<Item> {
  const page = asObject(json, "A page");
  const { next } = page;
  return { items: objects(page["items"]).map(read), next: isReal(next) ? String(next) : textOrNull(next) };
}

export function readEvent(message: JsonObject): FeedEvent {
  const { seq, type, job, node, document, data } = message;
  return {
    seq: isReal(seq) ? seq : null,
    type: isString(type) ? type : "",
    job: isString(job) ? job : null,
    node: isString(node) ? node : null,
    document: isString(document) ? document : null,
    data: isObject(data) ? data : {},
  };
}

export function readTimedEvent(json: JsonObject): TimedEvent {
  return { ...readEvent(json), time: real(json["time"]) };
}
