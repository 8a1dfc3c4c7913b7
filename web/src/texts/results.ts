/** What is said of what runs made, where it is no picture. */

export const resultTexts = {
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
} as const;
