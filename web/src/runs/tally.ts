/** How many of the nodes that a run has to compute are done: what was known before does not count. */

export interface Tally {
  readonly done: number;
  readonly total: number;
}

/** For each job that runs, the nodes to be computed, and whether each has been. */
const ended = new Map<string, Map<string, boolean>>();

/** Takes in a plan; one that is told again, since more turned out to be needed, keeps what is done. */
export function countPlan(job: string, order: readonly string[]): Tally {
  const before = ended.get(job);
  ended.set(job, new Map(order.map((node) => [node, before?.get(node) ?? false])));
  return tallyOf(job);
}

/** Takes in the end of a node; saying it twice changes nothing, nor does it where no plan was seen. */
export function countNode(job: string, node: string): Partial<Tally> {
  const nodes = ended.get(job);
  if (nodes === undefined) return {};
  if (nodes.has(node)) nodes.set(node, true);
  return tallyOf(job);
}

export function isCounted(job: string, node: string): boolean {
  return ended.get(job)?.get(node) === true;
}

/** Forgets a run that has ended, or starts anew. */
export function forgetTally(job: string): void {
  ended.delete(job);
}

function tallyOf(job: string): Tally {
  const nodes = [...(ended.get(job)?.values() ?? [])];
  return { done: nodes.filter(Boolean).length, total: nodes.length };
}
