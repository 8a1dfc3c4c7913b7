/** What is said of what runs made, where it is no picture. */

import { resultTexts as german } from "./de/results";
import { inLanguage } from "./language";

const resultTextsEnglish = {
  text: "Text appears here after a run",
  file: "The file appears here after a run",
  moving: "Moves",
  open: "Show it large",
  download: "Download the file",
  copy: "Copy the text",
  copied: "Copied.",
  notCopied: "The browser did not let the text be copied.",
  notCopiedHint: "Allow this page the clipboard, or select the text and copy it.",
  cut: (shown: string, whole: string) => `The first ${shown} of ${whole} are shown; the file holds the rest.`,
};

export type ResultTexts = typeof resultTextsEnglish;
export const resultTexts = inLanguage(resultTextsEnglish, german);
