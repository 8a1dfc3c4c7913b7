/** Finding nodes by words: titles first, then ids, aliases, categories, and at last the help text. */

import MiniSearch from "minisearch";
import { wordsOf } from "../documents/ids";
import { everydayPlace } from "./everyday";
import type { NodeSpec } from "./types";

/** Enough to come before one that answers as well, not before one that answers better. */
const EVERYDAY_BOOST = 1.6;

export type NodeSearch = (query: string) => readonly NodeSpec[];

/** `KSamplerAdvanced` is found by `ksampler`, `sampler` and `advanced`; `CLIPTextEncode` by `clip` and `text`. */
function terms(text: string): string[] {
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  return [...new Set(words.flatMap((word) => [word.toLowerCase(), ...wordsOf(word).split("_")]))];
}

/** Builds the index once for a list of nodes; an empty query gives every node, by category and title. */
export function indexNodes(specs: readonly NodeSpec[]): NodeSearch {
  const byId = new Map(specs.map((spec) => [spec.id, spec]));
  const all = specs.toSorted(
    (a, b) => a.category.localeCompare(b.category) || a.title.localeCompare(b.title),
  );
  const index = new MiniSearch({
    fields: ["title", "name", "aliases", "category", "summary", "ports", "help"],
    tokenize: terms,
    searchOptions: {
      boost: { title: 8, name: 6, aliases: 6, category: 2, summary: 2 },
      prefix: true,
      fuzzy: (term) => (term.length > 4 ? 0.2 : false),
      combineWith: "AND",
      boostDocument: (id) => (everydayPlace(String(id)) === undefined ? 1 : EVERYDAY_BOOST),
    },
  });
  index.addAll(specs.map(searchable));
  return (query) => {
    if (query.trim() === "") return all;
    const found = index.search(query).flatMap(({ id }) => byId.get(String(id)) ?? []);
    return found.length > 0 ? namedFirst(query, found) : abbreviated(query, specs);
  };
}

/** Whoever types a whole name means the node of that name, be another ever so common. */
function namedFirst(query: string, found: readonly NodeSpec[]): readonly NodeSpec[] {
  const asked = query.trim().toLowerCase();
  const named = ({ id, title }: NodeSpec): boolean =>
    [id, title].some((name) => name.toLowerCase() === asked);
  return [...found.filter(named), ...found.filter((spec) => !named(spec))];
}

/** What has the letters of the query in this order in its title or id, the closest together first: `ksmp`, `upscl`. */
function abbreviated(query: string, specs: readonly NodeSpec[]): readonly NodeSpec[] {
  const letters = [...query.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "")];
  return specs
    .map((spec) => ({ spec, span: Math.min(spanOf(letters, spec.title), spanOf(letters, spec.id)) }))
    .filter(({ span }) => span < Infinity)
    .toSorted((one, other) => one.span - other.span)
    .map(({ spec }) => spec);
}

/** How far apart letters stand in a text that has them in order and begins a word with the first of them. */
function spanOf(letters: readonly string[], text: string): number {
  const [first = "", ...rest] = letters;
  const low = text.toLowerCase();
  let least = Infinity;
  for (let start = low.indexOf(first); start >= 0; start = low.indexOf(first, start + 1)) {
    if (start > 0 && /[\p{L}\p{N}]/u.test(text[start - 1] ?? "") && !/\p{Lu}/u.test(text[start] ?? ""))
      continue;
    let end = start;
    for (const letter of rest) end = end < 0 ? end : low.indexOf(letter, end + 1);
    if (end >= 0 && letters.length > 1) least = Math.min(least, end - start + start / 100);
  }
  return least;
}

function searchable(spec: NodeSpec) {
  const ports = [...spec.inputs, ...spec.outputs].map(({ name, type }) => `${name} ${type}`).join(" ");
  const { id, title, category, summary, help } = spec;
  return { id, title, name: id, aliases: spec.aliases.join(" "), category, summary, ports, help };
}
