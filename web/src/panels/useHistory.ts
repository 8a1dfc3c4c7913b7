/** The runs that are over, newest first, page by page. */

import { useCallback, useEffect, useState } from "react";
import { getJobs } from "../api/jobs";
import type { Job } from "../api/types";
import { useChanges } from "../store/changes";
import { report } from "../store/notices";

const PAGE = 30;

/** The known runs, and how to have older ones; `null` where there are none. */
export function useHistory(): readonly [readonly Job[], (() => void) | null] {
  const [jobs, setJobs] = useState<readonly Job[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const changes = useChanges((counts) => counts.history);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end of a run asks again
  useEffect(() => {
    let wanted = true;
    getJobs({ limit: PAGE }).then((page) => {
      if (!wanted) return;
      setJobs(page.items);
      setNext(page.next);
    }, report);
    return () => {
      wanted = false;
    };
  }, [changes]);
  const older = useCallback(() => {
    getJobs({ limit: PAGE, before: next }).then((page) => {
      setJobs((known) => [...known, ...page.items]);
      setNext(page.next);
    }, report);
  }, [next]);
  const over = jobs.filter((job) => job.state !== "queued" && job.state !== "running");
  return [over, next === null ? null : older];
}
