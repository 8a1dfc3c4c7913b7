/** Jobs and the queue over HTTP. */

import { toWire } from "../documents/serialise";
import type { Document } from "../documents/types";
import { ApiError, part, query, request } from "./http";
import { readJob, readJobDetail, readPage, readPlan, readQueue, readTimedEvent } from "./read";
import type { Job, JobDetail, Page, Queue, RunPlan, TimedEvent } from "./types";

export interface Submission {
  readonly workflow: Document;
  /** The tab that events of the run are for. */
  readonly document: string;
  readonly client: string;
  /** Run only what these nodes need. */
  readonly targets?: readonly string[];
  /** Before everything that waits. */
  readonly front?: boolean;
}

const EVENTS_A_PAGE = 1_000;

// A server that restarts is back within seconds; the key makes the second try harmless.
const TRIES_MS = [500, 1_000, 2_000];

/** Hands a workflow in: once under a key, however often the connection breaks meanwhile. */
export async function submit(submission: Submission, key: string = crypto.randomUUID()): Promise<Job> {
  const { workflow, document, client, targets, front } = submission;
  const fields = JSON.stringify({ title: workflow.title, document, client, targets, front });
  const text = `{"workflow":${toWire(workflow)},${fields.slice(1)}`;
  const headers = { "Idempotency-Key": key };
  for (const wait of [...TRIES_MS, null]) {
    try {
      return readJob((await request("/jobs", { method: "POST", text, headers })).json);
    } catch (problem) {
      if (wait === null || !(problem instanceof ApiError) || problem.status !== 0) throw problem;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  throw new Error("The last try neither answered nor failed.");
}

/** What a run would compute. */
export async function planRun(workflow: Document, signal: AbortSignal): Promise<RunPlan> {
  const text = `{"workflow":${toWire(workflow)}}`;
  return readPlan((await request("/plan", { method: "POST", text, signal })).json);
}

export interface JobQuery {
  readonly state?: string;
  readonly limit?: number;
  readonly before?: string | null;
  readonly q?: string;
}

export async function getJobs(filter: JobQuery): Promise<Page<Job>> {
  return readPage((await request(`/jobs${query({ ...filter })}`)).json, readJob);
}

export async function getJob(id: string): Promise<JobDetail> {
  return readJobDetail((await request(`/jobs/${part(id)}`)).json);
}

/** What happened to a job, in order. A run of a large graph takes several pages. */
export async function getJobEvents(id: string): Promise<readonly TimedEvent[]> {
  const events: TimedEvent[] = [];
  for (;;) {
    const after = events.at(-1)?.seq ?? 0;
    const path = `/jobs/${part(id)}/events${query({ after, limit: EVENTS_A_PAGE })}`;
    const page = readPage((await request(path)).json, readTimedEvent).items;
    events.push(...page);
    if (page.length < EVENTS_A_PAGE) return events;
  }
}

export async function deleteJob(id: string): Promise<void> {
  await request(`/jobs/${part(id)}`, { method: "DELETE" });
}

export async function cancelJob(id: string): Promise<Job> {
  return readJob((await request(`/jobs/${part(id)}/cancel`, { method: "POST" })).json);
}

export async function retryJob(id: string): Promise<Job> {
  return readJob((await request(`/jobs/${part(id)}/retry`, { method: "POST" })).json);
}

/** Puts a waiting job before another one, or at the end. */
export async function moveJob(id: string, before: string | null): Promise<void> {
  await request(`/jobs/${part(id)}/move`, { method: "POST", json: { before } });
}

export async function getQueue(): Promise<Queue> {
  return readQueue((await request("/queue")).json);
}

export async function commandQueue(command: "pause" | "resume" | "clear"): Promise<void> {
  await request(`/queue/${command}`, { method: "POST" });
}
