/** What a person does with the queue; the events that follow bring the lists up to date. */

import { cancelJob, commandQueue, deleteJob, getJob, getQueue, moveJob, retryJob } from "../api/jobs";
import { toDocument } from "../documents/parse";
import { asking, jobs, learn, queueNow, setQueue, setQueued } from "../runs/jobs";
import { changed } from "./changes";
import { report } from "./notices";
import { openTab } from "./tabs";

async function reported(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (problem) {
    report(problem);
  }
}

async function look(): Promise<void> {
  const asked = asking();
  setQueue(await getQueue(), asked);
}

export function pauseOrResume(): Promise<void> {
  return reported(async () => {
    await commandQueue(queueNow().paused ? "resume" : "pause");
    await look();
  });
}

/** Takes out everything that waits. */
export function clearQueue(): Promise<void> {
  return reported(async () => {
    await commandQueue("clear");
    await look();
  });
}

export function cancel(id: string): Promise<void> {
  return reported(async () => {
    const asked = asking();
    learn(await cancelJob(id), asked);
    await look();
  });
}

export function retry(id: string): Promise<void> {
  return reported(async () => {
    await retryJob(id);
    await look();
  });
}

export function removeFromHistory(id: string): Promise<void> {
  return reported(async () => {
    await deleteJob(id);
    jobs.set(id, undefined);
    changed("history");
  });
}

/** Puts a waiting job at a place of the queue, counted from 0 among those that wait. */
export function moveTo(id: string, place: number): Promise<void> {
  const { queued } = queueNow();
  const others = queued.filter((other) => other !== id);
  const bounded = Math.max(0, Math.min(place, others.length));
  if (queued[bounded] === id) return Promise.resolve();
  setQueued([...others.slice(0, bounded), id, ...others.slice(bounded)]);
  return reported(async () => {
    await moveJob(id, others[bounded] ?? null);
    await look();
  });
}

/** Opens what a job ran, as a document of its own. */
export function openJobWorkflow(id: string): Promise<void> {
  return reported(async () => {
    openTab(toDocument((await getJob(id)).workflow), { pristine: true });
  });
}
