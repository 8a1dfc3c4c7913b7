/** What edits are called where they can be undone. */

import { editTexts as german } from "./de/edits";
import { inLanguage } from "./language";

const nodes = (count: number) => (count === 1 ? "node" : `${count} nodes`);

const editTextsEnglish = {
  addNode: "Add node",
  deleteNodes: (count: number) => `Delete ${nodes(count)}`,
  moveNodes: (count: number) => `Move ${nodes(count)}`,
  lookOfNodes: (count: number) => `Change look of ${nodes(count)}`,
  enableNodes: (count: number) => `Enable ${nodes(count)}`,
  muteNodes: (count: number) => `Mute ${nodes(count)}`,
  bypassNodes: (count: number) => `Bypass ${nodes(count)}`,
  pasteNodes: (count: number) => `Paste ${nodes(count)}`,
  renameNode: "Rename node",
  renameWorkflow: "Rename workflow",
  renameSubgraph: "Rename subgraph",
  meta: {
    author: "Change author",
    licence: "Change licence",
    description: "Change description",
    tags: "Change tags",
  },
  addFrame: "Add frame",
  changeFrame: "Change frame",
  moveFrame: "Move frame",
  deleteFrame: "Delete frame",
  addNote: "Add note",
  changeNote: "Change note",
  deleteNote: "Delete note",
  addPortIn: "Add subgraph input",
  addPortOut: "Add subgraph output",
  removePort: "Remove subgraph port",
  renamePort: "Rename subgraph port",
  makeSubgraph: "Make subgraph",
  unpackSubgraph: "Unpack subgraph",
  change: (input: string) => `Change ${input}`,
  changeValues: (count: number) => `Change ${count} values`,
  reset: (input: string) => `Reset ${input}`,
  holdSeed: "Hold seed",
  drawSeed: "Change seed before each run",
  applyDifferences: (count: number) => (count === 1 ? "Apply difference" : `Apply ${count} differences`),
  addToForm: "Add to form",
  removeFromForm: "Take off form",
  moveField: "Move form field",
  changeField: "Change form field",
  connect: "Connect",
  disconnect: "Disconnect",
  moveWire: "Move wire",
  insertNode: "Insert node on wire",
  reroute: "Reroute wire",
};

export type EditTexts = typeof editTextsEnglish;
export const editTexts = inLanguage(editTextsEnglish, german);
