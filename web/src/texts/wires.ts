/** What is said where wires are drawn by key, and in the outline of the graph. */

export const wireTexts = {
  action: "Wire…",
  ports: (node: string) => `Which port of ${node}?`,
  ends: (port: string, node: string) => `Wire ${port} of ${node} to…`,
  from: (nodes: string) => `from ${nodes}`,
  wireTo: "Wire to",
  else: "Or",
  add: "Add a node that fits…",
  disconnect: (node: string) => `Take away the wire from ${node}`,
} as const;

export const outlineTexts = {
  title: "Outline",
  hint: "↑ ↓ go through the nodes, Enter shows the values, W wires, Delete deletes.",
  empty: "No nodes yet",
  emptyHint: "Press A to search for a node.",
  search: "Search the outline",
  place: (place: number, count: number) => `${place} of ${count}`,
  takes: (input: string, node: string) => `${input} from ${node}`,
  open: (input: string) => `${input} is not wired`,
} as const;
