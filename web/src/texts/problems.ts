/**
 * What the server says of problems, in the language of the editor. The server says it in English; in another language
 * each sentence is found again by its template, whose `{0}`, `{1}` … stand for what is put in. What is not known, such
 * as what a user's own node says, stays as it is.
 */

import { language } from "./language";

let names: ReadonlyMap<string, string> = new Map();
let say: (english: string) => string = (english) => english;

/** Fetches the words of the language, which English needs none of. */
export async function loadProblemWords(): Promise<void> {
  if (language === "en") return;
  const [{ translator }, german] = await Promise.all([import("./translating"), import("./de/problems.json")]);
  say = translator(german.default, (title) => names.get(title));
}

/** Takes over what nodes are called in the language, by their English titles. */
export function nameNodes(titles: ReadonlyMap<string, string>): void {
  names = titles;
}

/** A sentence of the server in the language of the editor. */
export function inOwnWords(english: string): string {
  return say(english);
}
