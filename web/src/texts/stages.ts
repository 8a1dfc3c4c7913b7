/** What is said where the stages of a picture are compared. */

import { stageTexts as german } from "./de/stages";
import { decimal } from "./figures";
import { inLanguage } from "./language";

const stageTextsEnglish = {
  action: "Compare the stages",
  title: "Stages of a picture",
  beside: "Side by side",
  none: "No picture to follow yet",
  noneHint: "Run the workflow, then select the node that shows the picture.",
  whole: "Show all of it",
  sharp: "Sharp pixels",
  previous: "Previous picture of the batch",
  next: "Next picture of the batch",
  picture: (place: number, count: number) => `${place} of ${count}`,
  alone: (title: string) => `Show ${title} alone`,
  together: "Show all stages",
  look: "The same place of every stage. Drag moves, the wheel or + and − zoom, 0 shows all, 1 to 9 one stage alone.",
  keys: "Drag to move, scroll to zoom; + − 0 and arrows; 1–9 shows one stage alone.",
  hidden: (count: number) =>
    count === 1
      ? "1 picture on the way is shown by no node."
      : `${count} pictures on the way are shown by no node.`,
  show: "Show it",
  showAll: "Show them",
  percent: (share: number) => `${decimal(share, share < 10 ? 1 : 0)}%`,
  times: (factor: number) => `×${decimal(factor, Number.isInteger(factor) ? 0 : 2)}`,
};

export type StageTexts = typeof stageTextsEnglish;
export const stageTexts = inLanguage(stageTextsEnglish, german);
