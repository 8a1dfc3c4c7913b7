/** Where the time and the memory of a run went, node by node, from the events that the server keeps of it. */

import type { TimedEvent } from "../api/types";
import { isReal } from "../documents/fields";

export interface ProfileRow {
  readonly node: string;
  /** Seconds since the run began; for a node that runs once per element, of the first one. */
  readonly start: number;
  /** Seconds that the node worked; `null` where it has not ended. */
  readonly seconds: number | null;
  /** By how many bytes the use of memory rose at most; `null` where that could not be measured. */
  readonly peakBytes: number | null;
  readonly state: "done" | "cached" | "failed" | "running";
}

export interface Profile {
  /** In the order in which they began. */
  readonly rows: readonly ProfileRow[];
  /** Seconds that the run waited in the queue. */
  readonly waited: number;
  /** Seconds from its begin to its end, or to its last event. */
  readonly total: number;
}

/** Adds a run up. A run that was begun anew, since its worker died, counts from its last begin. */
export function profileOf(events: readonly TimedEvent[]): Profile {
  const begun = events.findLastIndex(({ type }) => type === "job.started");
  const queued = events.find(({ type }) => type === "job.queued")?.time;
  const zero = events[begun]?.time ?? queued ?? 0;
  const ofRun = events.slice(Math.max(0, begun));
  const rows = new Map<string, ProfileRow>();
  for (const { type, node, time, data } of ofRun) {
    if (node === null || "inner" in data) continue;
    const known = rows.get(node);
    const row = known ?? { node, start: time - zero, seconds: null, peakBytes: null, state: "running" };
    switch (type) {
      case "node.started":
        if (known === undefined) rows.set(node, row);
        break;
      case "node.cached":
        rows.set(node, { ...row, seconds: 0, state: "cached" });
        break;
      case "node.failed":
        rows.set(node, { ...row, seconds: time - zero - row.start, state: "failed" });
        break;
      case "node.finished":
        rows.set(node, {
          ...row,
          seconds: isReal(data["seconds"]) ? data["seconds"] : time - zero - row.start,
          peakBytes: isReal(data["peak_bytes"]) ? data["peak_bytes"] : null,
          state: "done",
        });
        break;
    }
  }
  const last = ofRun.at(-1)?.time ?? zero;
  return {
    rows: [...rows.values()],
    waited: queued === undefined || begun < 0 ? 0 : zero - queued,
    total: Math.max(0, last - zero),
  };
}
