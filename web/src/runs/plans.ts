/** What the next run of a document would do, and what stands in its way, node by node. */

import type { Problem, RunPlan } from "../api/types";
import { Board, nodeKey } from "./board";
import { grouped } from "./grouping";

export type NodePlan = "run" | "cached" | "skipped";

export const nodePlans = new Board<NodePlan>();
export const nodeProblems = new Board<readonly Problem[]>();

/** The keys that each document has on the boards, so that a new plan clears what it no longer mentions. */
const planned = new Map<string, ReadonlySet<string>>();
const blamed = new Map<string, ReadonlySet<string>>();

export function setPlan(document: string, plan: RunPlan): void {
  const states = new Map(Object.entries(plan.nodes).map(([node, state]) => [nodeKey(document, node), state]));
  replace(nodePlans, planned, document, states);
  setProblems(document, plan.problems);
}

export function setProblems(document: string, problems: readonly Problem[]): void {
  const placed = problems.filter((problem) => problem.node !== null);
  const groups = grouped(placed, (problem) => nodeKey(document, problem.node ?? ""));
  // What stays as it was keeps its object, so that only nodes whose problems changed are drawn again.
  const kept = [...groups].map(([key, group]) => [key, sameOr(nodeProblems.get(key), group)] as const);
  replace(nodeProblems, blamed, document, new Map(kept));
}

function sameOr(known: readonly Problem[] | undefined, found: readonly Problem[]): readonly Problem[] {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(found) ? known : found;
}

function replace<Value>(
  board: Board<Value>,
  known: Map<string, ReadonlySet<string>>,
  document: string,
  values: ReadonlyMap<string, Value>,
): void {
  for (const key of known.get(document) ?? []) if (!values.has(key)) board.set(key, undefined);
  for (const [key, value] of values) board.set(key, value);
  known.set(document, new Set(values.keys()));
}
