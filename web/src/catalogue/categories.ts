/** Categories: a group, or a group and a subject in it, written `sampling/schedulers`. */

import type { NodeSpec } from "./types";

export function groupOf(category: string): string {
  return category.split("/")[0] ?? "";
}

/** `sampling/noise_levels` → `sampling › noise levels`. */
export function categoryLabel({ categoryLabel: label }: NodeSpec): string {
  return label.replaceAll("/", " › ");
}

export interface Subject {
  readonly name: string;
  readonly label: string;
  readonly members: readonly NodeSpec[];
}

export interface CategoryGroup {
  readonly name: string;
  readonly label: string;
  /** How many nodes it holds, those of its subjects included. */
  readonly size: number;
  /** The nodes of the group itself, under its own name, stand first. */
  readonly subjects: readonly Subject[];
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
    label: labelIn([...group.values()].flat(), 0),
    subjects: [...group]
      .filter(([, members]) => members.length > 0)
      .map(([subject, members]) => ({ name: subject, label: labelIn(members, 1), members })),
  }));
}

/** The words of a category's group (`0`) or of the subject in it (`1`). */
function labelIn([first]: readonly NodeSpec[], part: 0 | 1): string {
  const [group = "", ...subject] = (first?.categoryLabel ?? "").split("/");
  return part === 0 ? group : subject.join("/");
}
