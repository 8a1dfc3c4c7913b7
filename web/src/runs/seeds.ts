/** Seeds: drawn before a run and written into the document, so that the seed one sees is the seed that was used. */

import type { NodeSpec } from "../catalogue/types";
import type { ValueChange } from "../commands/values";
import { literalOf } from "../documents/inputs";
import type { Graph, NodeId, SeedMode } from "../documents/types";

// Above this a number is no longer exact in every program that reads our files.
const LIMIT = 2n ** 53n;

export function randomSeed(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1fffff) * 2 ** 32 + low;
}

/** The next seed after one that was used. */
export function nextSeed(mode: SeedMode, seed: number | bigint): number {
  switch (mode) {
    case "random":
      return randomSeed();
    case "increment":
      return Number((BigInt(seed) + 1n) % LIMIT);
    case "decrement":
      return Number((BigInt(seed) + LIMIT - 1n) % LIMIT);
    default:
      return mode satisfies never;
  }
}

/** What changes before a run: each seed that is not held fixed gets its next value. */
export function rolled(graph: Graph, specOf: (id: NodeId) => NodeSpec): readonly ValueChange[] {
  return seedsOf(graph, specOf).flatMap(({ node, input, seed }) => {
    const mode = graph.view[node]?.seeds?.[input];
    return mode === undefined ? [] : [{ node, input, value: nextSeed(mode, seed) }];
  });
}

export interface SeedUse {
  readonly node: NodeId;
  readonly input: string;
  readonly seed: number | bigint;
}

/** The seeds of a graph as they stand: what a run uses, for the ledger. */
export function seedsOf(graph: Graph, specOf: (id: NodeId) => NodeSpec): readonly SeedUse[] {
  return Object.entries(graph.nodes).flatMap(([node, { inputs }]) =>
    specOf(node).inputs.flatMap((port) => {
      if (port.widget?.kind !== "seed") return [];
      const seed = literalOf(inputs[port.name] ?? (port.default as number | undefined));
      return typeof seed === "number" || typeof seed === "bigint" ? [{ node, input: port.name, seed }] : [];
    }),
  );
}
