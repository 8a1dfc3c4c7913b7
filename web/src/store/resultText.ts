/** The beginning of a text that a run made; asked for once, since what a run made does not change. */

import { useCallback } from "react";
import { getText } from "../api/pictures";
import type { Artifact } from "../api/types";
import { formatJson, parseJson } from "../documents/json";
import { type Loaded, useLoaded } from "./useLoaded";

/** A longer text is shown in part. */
export const SHOWN_BYTES = 65_536;
const KEPT = 200;

const known = new Map<string, Promise<string>>();

function readable(text: string, { mime, bytes }: Artifact): string {
  if (mime !== "application/json" || bytes > SHOWN_BYTES) return text;
  try {
    return formatJson(parseJson(text)).trimEnd();
  } catch (problem) {
    // Named as JSON by the node that made it, but none: shown as it is.
    if (problem instanceof SyntaxError) return text;
    throw problem;
  }
}

function textOf(artifact: Artifact): Promise<string> {
  const held = known.get(artifact.id);
  if (held !== undefined) return held;
  const asked = getText(artifact.id, SHOWN_BYTES, artifact.bytes).then((text) => readable(text, artifact));
  known.set(artifact.id, asked);
  asked.catch(() => known.delete(artifact.id));
  const [oldest] = known.keys();
  if (known.size > KEPT && oldest !== undefined) known.delete(oldest);
  return asked;
}

export function useResultText(artifact: Artifact): Loaded<string> {
  const { id } = artifact;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an artifact of one id never changes
  const load = useCallback(() => textOf(artifact), [id]);
  return useLoaded(load)[0];
}
