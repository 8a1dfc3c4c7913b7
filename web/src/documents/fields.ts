/** Looking at unknown JSON: the one place where a value of a file gets its type. */

import { readTexts as t } from "../texts/refusals";
import type { Json, JsonObject } from "./types";

/** What is wrong with a file, where, and what to do, for a person to read. */
export class Unreadable extends Error {
  readonly hint: string;

  constructor(message: string, hint = "") {
    super(message);
    this.name = "Unreadable";
    this.hint = hint;
  }
}

/** A record without a prototype: a key of a hostile file (`__proto__`, `constructor`) is a key like any other. */
export function record<Value>(entries: Iterable<readonly [string, Value]> = []): Record<string, Value> {
  const result: Record<string, Value> = Object.create(null);
  for (const [key, value] of entries) result[key] = value;
  return result;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isString(value: unknown): value is string {
  return typeof value === "string";
}

export function isReal(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

export function asObject(value: Json | undefined, what: string): JsonObject {
  if (isObject(value)) return value;
  throw new Unreadable(t.object(what, described(value)));
}

export function asArray(value: Json | undefined, what: string): readonly Json[] {
  if (Array.isArray(value)) return value;
  throw new Unreadable(t.list(what, described(value)));
}

export function asString(value: Json | undefined, what: string): string {
  if (isString(value)) return value;
  throw new Unreadable(t.text(what, described(value)));
}

export function asNumber(value: Json | undefined, what: string): number {
  if (isReal(value)) return value;
  throw new Unreadable(t.number(what, described(value)));
}

export function described(value: Json | undefined): string {
  if (value === undefined) return t.missing;
  if (value === null) return "null";
  if (Array.isArray(value)) return t.aList;
  return typeof value === "object" ? t.anObject : `${typeof value} (${String(value).slice(0, 40)})`;
}

/** The keys of an object that are not in `known`, or nothing where there are none. */
export function others(value: JsonObject, known: readonly string[]): JsonObject | undefined {
  const left = Object.entries(value).filter(([key]) => !known.includes(key));
  return left.length > 0 ? record(left) : undefined;
}

export function strings(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter(isString) : [];
}
