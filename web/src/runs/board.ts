/** The state of every node of every document that ran, each under a key of its own: one event wakes one reader. */

import type { DocumentRun, NodeRun } from "./types";

type Listener = () => void;

/** Values by key, with listeners by key. */
export class Board<Value> {
  readonly #values = new Map<string, Value>();
  readonly #listeners = new Map<string, Set<Listener>>();

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Value | undefined): void {
    if (this.#values.get(key) === value) return;
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    for (const listener of this.#listeners.get(key) ?? []) listener();
  }

  subscribe(key: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(key);
    };
  }
}

// A document id is a UUID and a node id has no space in it.
export function nodeKey(document: string, node: string): string {
  return `${document} ${node}`;
}

export const nodeRuns = new Board<NodeRun>();
export const documentRuns = new Board<DocumentRun>();
