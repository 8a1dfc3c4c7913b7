/** What is said of sweeps: one workflow over a range of values. */

import { sweepTexts as german } from "./de/sweep";
import { inLanguage } from "./language";

const sweepTextsEnglish = {
  action: "Sweep over values…",
  earlier: "Earlier sweeps",
  title: "Sweep over values",
  vary: (label: string) => `Sweep over ${label}`,
  hint: "One run for each value; with two inputs, one for each pair, as a grid.",
  across: "Across",
  down: "Down",
  nothing: "Only one",
  from: "From",
  to: "To",
  count: "How many",
  values: "Values",
  lines: "One value on each line",
  start: (count: number) => (count === 1 ? "Run once" : `Run ${count} times`),
  tooMany: (most: number) => `At most ${most} runs in one sweep.`,
  grid: (title: string) => `Sweep of “${title}”`,
  cell: (values: string) => `The picture for ${values}`,
  open: "Open its workflow",
  use: "Use these values",
  gone: "This run is no longer in the history.",
  none: "No sweeps yet",
  noneHint: "Press the sweep sign beside an input in the inspector.",
};

export type SweepTexts = typeof sweepTextsEnglish;
export const sweepTexts = inLanguage(sweepTextsEnglish, german);
