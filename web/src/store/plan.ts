/** What the next run would compute, asked shortly after each change: "Run: 4 of 23 nodes". */

import { create } from "zustand";
import { ApiError } from "../api/http";
import { planRun } from "../api/jobs";
import type { Problem, RunPlan } from "../api/types";
import { documentRuns } from "../runs/board";
import { setPlan, setProblems } from "../runs/plans";
import { useCatalogue } from "./catalogue";
import { activeTab, documentOf, useTabs } from "./tabs";

interface Plans {
  /** By document; none where the document cannot run as it stands. */
  readonly plans: ReadonlyMap<string, RunPlan>;
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
}

export const usePlans = create<Plans>(() => ({ plans: new Map(), problems: new Map() }));

const NO_PROBLEMS: readonly Problem[] = [];

/** What is wrong with the active document as it stands. */
export function useProblems(): readonly Problem[] {
  const id = useTabs((state) => state.active ?? "");
  return usePlans((state) => state.problems.get(id) ?? NO_PROBLEMS);
}

/** Has the server said yet what is wrong with the active document, if anything is? */
export function useChecked(): boolean {
  const id = useTabs((state) => state.active ?? "");
  return usePlans((state) => state.problems.has(id));
}

/** The plan of the active document; `undefined` while unknown, and where it cannot run. */
export function usePlan(): RunPlan | undefined {
  const id = useTabs((state) => state.active ?? "");
  return usePlans((state) => state.plans.get(id));
}

const SETTLE_MS = 400;
let timer: ReturnType<typeof setTimeout> | undefined;
let asked: AbortController | undefined;

/** Keeps the plan of the active document up to date from now on. */
export function watchPlans(): void {
  let seen: unknown;
  let unlisten = () => {};
  const look = () => {
    const tab = activeTab();
    if (tab === undefined || tab.edited.document === seen) return;
    seen = tab.edited.document;
    unlisten();
    // A run that ends leaves results behind: the next one has less to do.
    let state = documentRuns.get(tab.id)?.state;
    unlisten = documentRuns.subscribe(tab.id, () => {
      const now = documentRuns.get(tab.id)?.state;
      if (now !== state) askPlan();
      state = now;
    });
    askPlan();
  };
  useTabs.subscribe(look);
  useCatalogue.subscribe(askPlan);
  look();
}

/** Asks anew for the active document, once things are quiet. */
export function askPlan(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void ask(), SETTLE_MS);
}

async function ask(): Promise<void> {
  const tab = activeTab();
  if (tab === undefined) return;
  asked?.abort();
  const mine = new AbortController();
  asked = mine;
  try {
    const plan = await planRun(documentOf(tab), mine.signal);
    recordPlan(tab.id, plan);
  } catch (problem) {
    if (mine.signal.aborted) return;
    if (!(problem instanceof ApiError)) throw problem;
    // Without an answer what is shown stays as it is: the next change asks again.
    if (problem.problems.length > 0) recordProblems(tab.id, problem.problems);
  }
}

function recordPlan(id: string, plan: RunPlan): void {
  setPlan(id, plan);
  const broken = plan.problems.some((problem) => problem.severity === "error");
  usePlans.setState(({ plans, problems }) => {
    const next = new Map(plans);
    if (broken) next.delete(id);
    else next.set(id, plan);
    return { plans: next, problems: new Map(problems).set(id, plan.problems) };
  });
}

/** Problems that an answer named, be it to a plan or to a run. */
export function recordProblems(id: string, found: readonly Problem[]): void {
  setProblems(id, found);
  usePlans.setState(({ plans, problems }) => {
    const next = new Map(plans);
    next.delete(id);
    return { plans: next, problems: new Map(problems).set(id, found) };
  });
}
