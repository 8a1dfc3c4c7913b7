/** What is said where a picture is chosen. */

import { pickerTexts as german } from "./de/pictures";
import { inLanguage } from "./language";

const pickerTextsEnglish = {
  title: "Choose a picture",
  browse: "Choose from the gallery",
  search: "Search pictures",
  which: "Which pictures",
  shelves: { input: "Inputs", output: "Saved by runs", temp: "Previews" },
  empty: "There are no pictures here.",
  loading: "Loading…",
  older: "Show older ones",
  close: "Close",
};

export type PickerTexts = typeof pickerTextsEnglish;
export const pickerTexts = inLanguage(pickerTextsEnglish, german);
