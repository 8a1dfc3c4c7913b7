/** What is said where wires are drawn by key, and in the outline of the graph, in German. */

import type { OutlineTexts, WireTexts } from "../wires";

export const wireTexts: WireTexts = {
  action: "Verbinden…",
  ports: (node) => `Welcher Anschluss von ${node}?`,
  ends: (port, node) => `${port} von ${node} verbinden mit…`,
  from: (nodes) => `von ${nodes}`,
  wireTo: "Verbinden mit",
  else: "Oder",
  add: "Passende Node hinzufügen…",
  disconnect: (node) => `Leitung von ${node} lösen`,
};

export const outlineTexts: OutlineTexts = {
  title: "Gliederung",
  hint: "↑ ↓ gehen durch die Nodes, Enter zeigt die Werte, W verbindet, Entf löscht.",
  empty: "Noch keine Nodes",
  emptyHint: "A öffnet die Suche nach einer Node.",
  search: "Gliederung durchsuchen",
  place: (place, count) => `${place} von ${count}`,
  takes: (input, node) => `${input} von ${node}`,
  open: (input) => `${input} ist nicht verbunden`,
};
