/** A sweep: one workflow run once for each combination of values along one or two axes. */

import { asInput } from "../documents/inputs";
import type { Document, Json, NodeId } from "../documents/types";

export interface Axis {
  readonly node: NodeId;
  readonly input: string;
  /** What the input is called. */
  readonly label: string;
  readonly values: readonly Json[];
}

/** Evenly spaced values, both ends included, each on a whole number of steps from zero and each once. */
export function spaced(from: number, to: number, count: number, step: number): readonly number[] {
  const gap = count < 2 ? 0 : (to - from) / (count - 1);
  const values = Array.from({ length: Math.max(1, count) }, (_, at) => {
    const value = Math.round((from + gap * at) / step) * step;
    // Twelve digits: 3 × 0.1 is to be 0.3.
    return Number(value.toPrecision(12));
  });
  return [...new Set(values)];
}

export interface Cell {
  /** One value for each axis. */
  readonly values: readonly Json[];
  readonly document: Document;
}

/** The workflows of a sweep, the first axis running fastest. Each says its values in its title. */
export function cells(document: Document, axes: readonly Axis[]): readonly Cell[] {
  const combinations = axes.reduceRight<readonly (readonly Json[])[]>(
    (rest, axis) => rest.flatMap((others) => axis.values.map((value) => [value, ...others])),
    [[]],
  );
  return combinations.map((values) => ({ values, document: withValues(document, axes, values) }));
}

function withValues(document: Document, axes: readonly Axis[], values: readonly Json[]): Document {
  const nodes = { ...document.nodes };
  axes.forEach(({ node, input }, at) => {
    const there = nodes[node];
    const value = values[at];
    if (there === undefined || value === undefined) return;
    nodes[node] = { ...there, inputs: { ...there.inputs, [input]: asInput(value) } };
  });
  const said = axes.map(({ label }, at) => `${label} ${valueText(values[at] ?? null)}`).join(", ");
  return { ...document, nodes, title: `${document.title} (${said})` };
}

const LONGEST = 40;

export function valueText(value: Json): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
