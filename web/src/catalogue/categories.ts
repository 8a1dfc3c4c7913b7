/** Categories: a group, or a group and a subject in it, written `sampling/schedulers`. */

import { labelOf } from "./parse";
import type { NodeSpec } from "./types";

export function groupOf(category: string): string {
  return category.split("/")[0] ?? "";
}

/** `sampling/noise_levels` → `sampling › noise levels`. */
export function categoryLabel(category: string): string {
  return labelOf(category).replaceAll("/", " › ");
}

export interface CategoryGroup {
  readonly name: string;
  /** How many nodes it holds, those of its subjects included. */
  readonly size: number;
  /** The nodes of the group itself, under its own name, stand first. */
  readonly subjects: readonly (readonly [name: string, members: readonly NodeSpec[]])[];
}

/** Nodes by group and subject, in the order in which they come. */
export function groupNodes(specs: readonly NodeSpec[]): readonly CategoryGroup[] {
  const groups = new Map<string, Map<string, NodeSpec[]>>();
  for (const spec of specs) {
    const name = groupOf(spec.category);
    const group = groups.get(name) ?? new Map<string, NodeSpec[]>([[name, []]]);
    const subject = spec.category.slice(name.length + 1) || name;
    group.set(subject, [...(group.get(subject) ?? []), spec]);
    groups.set(name, group);
  }
  return [...groups].map(([name, group]) => ({
    name,
    size: [...group.values()].reduce((sum, members) => sum + members.length, 0),
    subjects: [...group].filter(([, members]) => members.length > 0),
  }));
}
