/** What the shell around the canvas says. */

import { appTexts as german } from "./de/app";
import { inLanguage } from "./language";

const appTextsEnglish = {
  name: "Weft",
  panels: "Panels",
  tabs: "Open workflows",
  newTab: "New workflow",
  closeTab: (title: string) => `Close ${title}`,
  closeThisTab: "Close tab",
  reopenTab: "Reopen closed tab",
  nextTab: "Next tab",
  previousTab: "Previous tab",
  minimap: "Show or hide the map",
  renameTab: "Name of the workflow",
  unsaved: "Unsaved changes",
  run: "Run",
  running: "Running",
  queued: "Waiting",
  runPlan: (run: number, total: number) =>
    run === 0 ? "Run: nothing has changed" : `Run: ${run} of ${total} nodes`,
  runMore: "More ways to run",
  runTimes: (count: number) => `Run ${count} times`,
  runFront: "Run before all others",
  runSelection: "Run to the selection",
  stop: "Stop",
  problems: (count: number) => `${count} ${count === 1 ? "problem" : "problems"}`,
  noProblems: "No problems",
  checking: "Problems: being checked",
  queue: (count: number) => (count === 0 ? "Queue" : `Queue: ${count} waiting or running`),
  inspector: "Details of the selection",
  palette: "Search for a command",
  theme: "Light or dark",
  lost: "The server does not answer. Trying again; your work is kept here.",
  starting: "Waiting for the server",
  noCatalogue: "The nodes could not be loaded.",
  nodes: "Nodes",
  library: "Library",
  templates: "Templates",
  gallery: "Gallery",
  queuePanel: "Queue",
  settings: "Settings",
  keys: "Keys",
  dismiss: "Dismiss",
  menu: "Weft menu",
  fileNew: "New",
  fileOpen: "Open a file…",
  fileSave: "Save",
  fileSaveAs: "Save as…",
  fileExport: "Export as JSON",
  undo: "Undo",
  redo: "Redo",
  dropFile: "Drop to open",
};

export type AppTexts = typeof appTextsEnglish;
export const appTexts = inLanguage(appTextsEnglish, german);
