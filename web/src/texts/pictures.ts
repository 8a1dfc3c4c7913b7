/** What is said where a picture is chosen. */

export const pickerTexts = {
  title: "Choose a picture",
  browse: "Choose from the gallery",
  search: "Search pictures",
  which: "Which pictures",
  shelves: { input: "Inputs", output: "Saved by runs", temp: "Previews" },
  empty: "There are no pictures here.",
  loading: "Loading…",
  older: "Show older ones",
  close: "Close",
} as const;
