/** What is said of what runs made, where it is no picture, in German. */

import type { ResultTexts } from "../results";

export const resultTexts: ResultTexts = {
  text: "Nach einem Lauf erscheint hier Text",
  file: "Nach einem Lauf erscheint hier die Datei",
  moving: "Bewegt",
  open: "Groß zeigen",
  download: "Datei herunterladen",
  copy: "Text kopieren",
  copied: "Kopiert.",
  notCopied: "Der Browser hat das Kopieren nicht erlaubt.",
  notCopiedHint: "Der Seite die Zwischenablage erlauben, oder den Text auswählen und kopieren.",
  cut: (shown, whole) => `Gezeigt werden die ersten ${shown} von ${whole}; der Rest steht in der Datei.`,
};
