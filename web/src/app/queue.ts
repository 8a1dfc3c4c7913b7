/** How long the queue is, as the bar shows it. */

import { useSyncExternalStore } from "react";
import { onQueue, queueNow } from "../runs/jobs";

export function useQueueLength(): number {
  const { running, queued } = useSyncExternalStore(onQueue, queueNow);
  return running.length + queued.length;
}
