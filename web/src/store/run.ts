/** Running the active document: seeds first, then the submission; and stopping it. */

import { ApiError } from "../api/http";
import { cancelJob, type Submission, submit } from "../api/jobs";
import type { Job } from "../api/types";
import { specOf } from "../catalogue/ports";
import { setValues } from "../commands/values";
import type { NodeId } from "../documents/types";
import { documentRuns } from "../runs/board";
import { jobs } from "../runs/jobs";
import { rolled, seedsOf } from "../runs/seeds";
import { texts } from "../texts/panels";
import { useCatalogue } from "./catalogue";
import { recordSeeds } from "./ledger";
import { report } from "./notices";
import { recordProblems } from "./plan";
import { CLIENT, useSession } from "./session";
import { dismissErrors, dismissSaying, notify, useShell } from "./shell";
import { activeTab, documentOf, editIn, tabOf } from "./tabs";

const t = texts.run;

export interface RunOptions {
  /** Run only what these nodes need. */
  readonly targets?: readonly NodeId[];
  /** How often; seeds are drawn anew for each. */
  readonly count?: number;
  /** Before everything that waits. */
  readonly front?: boolean;
}

export async function run(options: RunOptions = {}): Promise<void> {
  const id = activeTab()?.id;
  if (id === undefined) return;
  const { count = 1, ...how } = options;
  stopWaiting?.();
  dismissErrors();
  for (let turn = 0; turn < count; turn += 1) if (!(await runOnce(id, how))) return;
}

/** Runs what these nodes need: "run to here". */
export function runTo(targets: readonly NodeId[]): Promise<void> {
  return run({ targets });
}

async function runOnce(id: string, how: Omit<RunOptions, "count">): Promise<boolean> {
  rollSeeds(id);
  const tab = tabOf(id);
  if (tab === undefined) return false;
  const workflow = documentOf(tab);
  try {
    const job = await handedIn({ workflow, document: id, client: CLIENT, ...how });
    if (job === null) return false;
    if (jobs.get(job.id) === undefined) jobs.set(job.id, job);
    recordSeeds(job, seedsOf(workflow, specsOf(id)));
    return true;
  } catch (problem) {
    refused(id, problem);
    return false;
  }
}

/** Hands a run in, when the server is there again where it is away; `null` where that is no longer wanted. */
async function handedIn(submission: Submission): Promise<Job | null> {
  const key = crypto.randomUUID();
  for (;;) {
    try {
      return await submit(submission, key);
    } catch (problem) {
      const away = problem instanceof ApiError && problem.status === 0;
      if (!away || useSession.getState().connection === "connected") throw problem;
      if (!(await backAgain())) return null;
    }
  }
}

let stopWaiting: (() => void) | undefined;

/** Waits for the server, and says so; false where another run, or a person, put an end to it. */
function backAgain(): Promise<boolean> {
  return new Promise((resolve) => {
    const unsubscribe = useSession.subscribe(({ connection }) => {
      if (connection === "connected") end(true);
    });
    const end = (back: boolean) => {
      unsubscribe();
      stopWaiting = undefined;
      dismissSaying(t.waits);
      resolve(back);
    };
    stopWaiting = () => end(false);
    notify({ kind: "error", text: t.waits, action: { label: t.dontWait, run: () => end(false) } });
  });
}

function rollSeeds(id: string): void {
  const tab = tabOf(id);
  if (tab === undefined) return;
  const changes = rolled(documentOf(tab), specsOf(id));
  if (changes.length > 0)
    editIn(id, null, { ...setValues(changes, { gesture: "seeds" }), label: t.drewSeeds });
}

function specsOf(id: string) {
  const { catalogue } = useCatalogue.getState();
  return (node: NodeId) => {
    const tab = tabOf(id);
    if (tab === undefined) throw new Error("The document was closed while its run was being prepared.");
    return specOf(catalogue, documentOf(tab), documentOf(tab), node);
  };
}

function refused(id: string, problem: unknown): void {
  if (problem instanceof ApiError && problem.problems.length > 0) {
    recordProblems(id, problem.problems);
    useShell.setState({ bottom: "problems" });
    report(new ApiError(problem.status, problem.code, t.refused(problem.problems.length), t.seeProblems));
  } else report(problem);
}

/** Stops the active document's run, if one is going or waiting. */
export async function stop(): Promise<void> {
  const id = activeTab()?.id;
  const current = id === undefined ? undefined : documentRuns.get(id);
  if (current === undefined || (current.state !== "running" && current.state !== "queued")) return;
  try {
    await cancelJob(current.job);
  } catch (problem) {
    report(problem);
  }
}
