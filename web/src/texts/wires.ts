/** What is said where wires are drawn by key, and in the outline of the graph. */

import * as german from "./de/wires";
import { inLanguage } from "./language";

const wireTextsEnglish = {
  action: "Wire…",
  ports: (node: string) => `Which port of ${node}?`,
  ends: (port: string, node: string) => `Wire ${port} of ${node} to…`,
  from: (nodes: string) => `from ${nodes}`,
  wireTo: "Wire to",
  else: "Or",
  add: "Add a node that fits…",
  disconnect: (node: string) => `Take away the wire from ${node}`,
};

export type WireTexts = typeof wireTextsEnglish;
export const wireTexts = inLanguage(wireTextsEnglish, german.wireTexts);

const outlineTextsEnglish = {
  title: "Outline",
  hint: "↑ ↓ go through the nodes, Enter shows the values, W wires, Delete deletes.",
  empty: "No nodes yet",
  emptyHint: "Press A to search for a node.",
  search: "Search the outline",
  place: (place: number, count: number) => `${place} of ${count}`,
  takes: (input: string, node: string) => `${input} from ${node}`,
  open: (input: string) => `${input} is not wired`,
};

export type OutlineTexts = typeof outlineTextsEnglish;
export const outlineTexts = inLanguage(outlineTextsEnglish, german.outlineTexts);
