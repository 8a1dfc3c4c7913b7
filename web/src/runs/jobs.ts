/** The queue as the server has it: jobs each under a key of its own, and the order of those that run or wait. */

import { isJob, readJob } from "../api/read";
import type { FeedEvent, Job, Queue } from "../api/types";
import { isObject, isString, strings } from "../documents/fields";
import { Board } from "./board";
import { countNode, countPlan, forgetTally } from "./tally";

export const jobs = new Board<Job>();

/** How often something happened in the queue, and when last to which job: this tells which answers are late. */
let happened = 0;
const lastTold = new Map<string, number>();

/** The moment at which the server is asked something, for the answer's sake. */
export function asking(): number {
  return happened;
}

/** Takes in a job as an answer has it, unless the feed has told of something later since it was asked for. */
export function learn(job: Job, asked: number): void {
  if ((lastTold.get(job.id) ?? 0) <= asked) jobs.set(job.id, job);
}

export interface QueueOrder {
  readonly paused: boolean;
  readonly running: readonly string[];
  readonly queued: readonly string[];
}

const EMPTY: QueueOrder = { paused: false, running: [], queued: [] };

/** One value under one key: the order of the queue. */
export const queueOrder = new Board<QueueOrder>();
const KEY = "queue";

export function queueNow(): QueueOrder {
  return queueOrder.get(KEY) ?? EMPTY;
}

export function onQueue(listener: () => void): () => void {
  return queueOrder.subscribe(KEY, listener);
}

let orderAsked = 0;

/** Takes in the queue as an answer has it; one that a later answer has overtaken says nothing of the order. */
export function setQueue(queue: Queue, asked: number): void {
  for (const job of [...queue.running, ...queue.queued]) learn(job, asked);
  if (asked < orderAsked) return;
  orderAsked = asked;
  const ids = (list: readonly Job[]) => list.map((job) => job.id);
  queueOrder.set(KEY, { paused: queue.paused, running: ids(queue.running), queued: ids(queue.queued) });
}

/** Shows an order before the server has confirmed it, so that a dragged job stays where it was dropped. */
export function setQueued(queued: readonly string[]): void {
  queueOrder.set(KEY, { ...queueNow(), queued });
}

/** What must be asked of the server after an event: the queue's order, the end of a job, or nothing. */
export type Consequence = "nothing" | "queue" | "history";

export function applyJobEvent(event: FeedEvent): Consequence {
  const { job, data } = event;
  if (event.type === "queue.changed") {
    happened += 1;
    return "queue";
  }
  if (job === null) return "nothing";
  if (event.type.startsWith("job.")) {
    happened += 1;
    lastTold.set(job, happened);
  }
  if (isObject(data) && isJob(data)) jobs.set(job, readJob(data));
  switch (event.type) {
    case "job.queued":
    case "job.updated":
    case "job.removed":
      return "queue";
    case "job.started":
      forgetTally(job);
      change(job, { state: "running" });
      return "queue";
    case "job.finished":
      forgetTally(job);
      return "history";
    case "plan":
      progress(job, countPlan(job, strings(data["order"])));
      return "nothing";
    case "node.started":
      progress(job, { node: event.node, value: 0, max: 0 });
      return "nothing";
    case "node.progress":
      progress(job, { node: event.node, value: Number(data["value"]), max: Number(data["max"]) });
      return "nothing";
    case "node.finished":
    case "node.cached":
      if (!isString(data["inner"]) && event.node !== null) progress(job, countNode(job, event.node));
      return "nothing";
    default:
      return "nothing";
  }
}

function change(id: string, changes: Partial<Job>): void {
  const job = jobs.get(id);
  if (job !== undefined) jobs.set(id, { ...job, ...changes });
}

function progress(id: string, changes: Partial<NonNullable<Job["progress"]>>): void {
  const known = jobs.get(id)?.progress ?? { done: 0, total: 0, node: null, value: 0, max: 0 };
  change(id, { progress: { ...known, ...changes } });
}

/** How far a job is, from 0 to 1: whole nodes, and the part of the one under way. */
export function fraction(job: Pick<Job, "progress">): number {
  const at = job.progress;
  if (at === null || at.total === 0) return 0;
  const part = at.max > 0 ? at.value / at.max : 0;
  return Math.min(1, (at.done + part) / at.total);
}
