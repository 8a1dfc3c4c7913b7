/** The form of a saved workflow as the server offers it to programs, and the line that calls it. */

import { asObject, isString } from "../documents/fields";
import { compactJson } from "../documents/json";
import type { Json, NodeId } from "../documents/types";
import { part, request } from "./http";
import { objects } from "./read";

/** A value that a call can give. */
export interface CallField {
  readonly name: string;
  readonly node: NodeId;
  readonly input: string;
  /** As it is saved; `null` where the workflow has none. */
  readonly value: Json;
}

export interface CallForm {
  /** The path that takes the values. */
  readonly run: string;
  readonly fields: readonly CallField[];
}

/** Seconds that the line waits for the picture. */
const WAIT = 60;

export async function getForm(name: string): Promise<CallForm> {
  const form = asObject((await request(`/workflows/${part(name)}/form`)).json, "A form");
  return {
    run: isString(form["run"]) ? form["run"] : "",
    fields: objects(form["fields"]).map(({ name, node, input, value }) => ({
      name: String(name),
      node: String(node),
      input: String(input),
      value: value ?? null,
    })),
  };
}

/** A line of curl that runs a workflow and keeps the picture. */
export function curlLine(origin: string, run: string, values: Readonly<Record<string, Json>>): string {
  return [
    `curl ${quoted(`${origin}${run}?wait=${WAIT}`)} -o picture.png`,
    `  -H 'Content-Type: application/json'`,
    `  -d ${quoted(compactJson(values))}`,
  ].join(" \\\n");
}

/** One word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
