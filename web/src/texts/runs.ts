/** What is said of past runs: where their time went, and how they differ. */

import * as german from "./de/runs";
import { inLanguage } from "./language";

const profileTextsEnglish = {
  title: "Profile of the last run",
  none: "Nothing has run yet",
  noneHint: "After a run, this shows where its time and memory went.",
  total: (time: string) => `${time} in all`,
  waited: (time: string) => `waited ${time}`,
  node: "Node",
  time: "Time",
  share: "Share",
  memory: "Memory",
  timeline: "Timeline",
  cached: "unchanged",
  running: "at work",
  failed: "failed",
  unknown: "not measured",
  byTime: "Slowest first",
  asRun: "As they ran",
};

export type ProfileTexts = typeof profileTextsEnglish;
export const profileTexts = inLanguage(profileTextsEnglish, german.profileTexts);

const differenceTextsEnglish = {
  open: "Compare with the canvas…",
  title: (title: string) => `How this run of “${title}” differs`,
  left: "On the canvas",
  right: "In this run",
  against: "Compare with",
  canvas: "The canvas",
  none: "Nothing differs: the same nodes, values and wires.",
  added: (type: string) => `Only in the run: ${type}`,
  removed: (type: string) => `Only on the left: ${type}`,
  mode: "Mode",
  awake: "on",
  unset: "default",
  wire: (node: string, output: string) => `${output} of ${node}`,
  apply: (count: number) => (count === 1 ? "Apply 1 difference" : `Apply ${count} differences`),
  applyHint: "What is ticked is made on the canvas as it was in this run. It can be undone.",
  choose: (what: string) => `Take over: ${what}`,
  picture: "Picture of the run",
};

export type DifferenceTexts = typeof differenceTextsEnglish;
export const differenceTexts = inLanguage(differenceTextsEnglish, german.differenceTexts);
