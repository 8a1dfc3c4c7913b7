/** Readable node ids: words made from the type, with a number where the words are taken. */

import type { NodeId } from "./types";

const LONGEST = 64;

/** `CLIPTextEncode` → `clip_text_encode`. */
export function wordsOf(type: string): string {
  const words = type
    .replace(/([a-z\d])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .toLowerCase();
  return words.slice(0, LONGEST - 8) || "node";
}

/** An id for a new node of that type, free in `taken`. */
export function freshId(taken: Readonly<Record<NodeId, unknown>>, type: string): NodeId {
  return freshName(taken, wordsOf(type));
}

/** `name`, or `name_2`, `name_3`, … where it is taken. A copy of `name_2` counts on from `name`. */
export function freshName(taken: Readonly<Record<string, unknown>>, name: string): string {
  if (!Object.hasOwn(taken, name)) return name;
  const stem = name.replace(/_\d+$/, "");
  let number = 2;
  while (Object.hasOwn(taken, `${stem}_${number}`)) number += 1;
  return `${stem}_${number}`;
}
