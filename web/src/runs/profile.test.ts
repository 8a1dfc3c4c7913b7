import { describe, expect, test } from "vitest";
import type { TimedEvent } from "../api/types";
import { profileOf } from "./profile";

function event(time: number, type: string, node: string | null = null, data = {}): TimedEvent {
  return { seq: time, type, job: "j", node, document: null, data, time };
}

describe("the profile of a run", () => {
  test("tells when each node began, how long it worked and what memory it took", () => {
    const profile = profileOf([
      event(10, "job.queued"),
      event(12, "job.started"),
      event(13, "node.started", "load"),
      event(15, "node.finished", "load", { seconds: 1.5, peak_bytes: 2048 }),
      event(15, "node.cached", "prompt"),
      event(15, "node.started", "sample"),
      event(16, "node.finished", "sample", { inner: "x", seconds: 9 }),
      event(20, "node.finished", "sample", { seconds: 5, peak_bytes: null }),
      event(21, "job.finished"),
    ]);
    expect(profile.waited).toBe(2);
    expect(profile.total).toBe(9);
    expect(profile.rows).toEqual([
      { node: "load", start: 1, seconds: 1.5, peakBytes: 2048, state: "done" },
      { node: "prompt", start: 3, seconds: 0, peakBytes: null, state: "cached" },
      { node: "sample", start: 3, seconds: 5, peakBytes: null, state: "done" },
    ]);
  });

  test("counts from the last begin, and leaves open what has not ended", () => {
    const profile = profileOf([
      event(0, "job.queued"),
      event(1, "job.started"),
      event(2, "node.started", "gone"),
      event(5, "job.started"),
      event(6, "node.started", "slow"),
    ]);
    expect(profile.rows).toEqual([
      { node: "slow", start: 1, seconds: null, peakBytes: null, state: "running" },
    ]);
    expect(profile.total).toBe(1);
  });
});
