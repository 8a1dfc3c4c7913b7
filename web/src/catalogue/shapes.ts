/** The sizes that outputs will have, worked out from the rules that nodes declare, before anything runs. */

import { literalOf, sourcesOf } from "../documents/inputs";
import type { Json, NodeId, Source } from "../documents/types";
import type { Typed } from "./fit";

export type Dimension = "batch" | "channels" | "frames" | "height" | "width";
export type Shape = Readonly<Partial<Record<Dimension, number>>>;

/** The order in which a size is written, as the server writes that of what was made. */
const WRITTEN: readonly Dimension[] = ["batch", "frames", "channels", "height", "width"];

/** `1×4×64×64`; what is not known is `?`, and dimensions that no rule speaks of at either end are left out. */
export function shapeText(shape: Shape): string {
  const known = WRITTEN.map((name) => shape[name]);
  const first = known.findIndex((size) => size !== undefined);
  if (first < 0) return "";
  return WRITTEN.filter((name) => name !== "frames" || shape.frames !== undefined)
    .map((name) => shape[name]?.toString() ?? "?")
    .join("×");
}

/** The size of an output as far as it can be known; nothing where no rule leads to it. */
export function shapeAt(typed: Typed, source: Source, known: KnownShapes = new Map()): Shape | undefined {
  return found(typed, source, known);
}

/** What was worked out of a graph already: whoever asks for many of its outputs keeps this between. */
export type KnownShapes = Map<string, Shape | undefined>;

function found(typed: Typed, [id, name]: Source, known: KnownShapes): Shape | undefined {
  const key = `${id} ${name}`;
  if (known.has(key)) return known.get(key);
  // Noted before it is worked out: in a circle, nothing is known.
  known.set(key, undefined);
  const rules = typed.specOf(id).outputs.find((port) => port.name === name)?.shape;
  if (rules === undefined || typed.graph.nodes[id] === undefined) return undefined;
  const sizes = WRITTEN.flatMap((dimension) => {
    const size = evaluate(rules[dimension], typed, id, known);
    return size === undefined || !Number.isFinite(size) ? [] : [[dimension, Math.trunc(size)] as const];
  });
  const shape = sizes.length === 0 ? undefined : (Object.fromEntries(sizes) as Shape);
  known.set(key, shape);
  return shape;
}

function evaluate(rule: Json | undefined, typed: Typed, id: NodeId, known: KnownShapes): number | undefined {
  if (typeof rule === "number") return rule;
  if (typeof rule === "string") return named(rule, typed, id, known);
  if (!Array.isArray(rule)) return undefined;
  const [operator, ...parts] = rule as readonly Json[];
  const values = parts.map((part) => evaluate(part, typed, id, known));
  if (values.length === 0 || values.includes(undefined)) return undefined;
  return applied(String(operator), values as number[]);
}

/** `width`: the value of an input. `image.width`: a dimension of what is wired to one. */
function named(rule: string, typed: Typed, id: NodeId, known: KnownShapes): number | undefined {
  const [name = "", dimension] = rule.split(".");
  const held = typed.graph.nodes[id]?.inputs[name];
  const [source] = sourcesOf(held);
  if (dimension !== undefined) return source && found(typed, source, known)?.[dimension as Dimension];
  if (source !== undefined) return undefined;
  const value = literalOf(held) ?? typed.specOf(id).inputs.find((port) => port.name === name)?.default;
  return typeof value === "number" ? value : undefined;
}

function applied(operator: string, values: readonly number[]): number | undefined {
  const [first = 0, ...rest] = values;
  switch (operator) {
    case "max":
      return Math.max(...values);
    case "min":
      return Math.min(...values);
    case "round":
      return Math.floor(first + 0.5);
    case "+":
      return rest.reduce((sum, value) => sum + value, first);
    case "-":
      return rest.reduce((sum, value) => sum - value, first);
    case "*":
      return rest.reduce((product, value) => product * value, first);
    case "/":
      return rest.includes(0) ? undefined : rest.reduce((left, value) => left / value, first);
    case "//":
      return rest.includes(0) ? undefined : rest.reduce((left, value) => Math.floor(left / value), first);
    default:
      return undefined;
  }
}
