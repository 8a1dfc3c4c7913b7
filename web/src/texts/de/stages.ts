/** What is said where the stages of a picture are compared, in German. */

import { decimal } from "../figures";
import type { StageTexts } from "../stages";

export const stageTexts: StageTexts = {
  action: "Stufen vergleichen",
  title: "Stufen eines Bildes",
  beside: "Nebeneinander",
  none: "Noch kein Bild, dem zu folgen wäre",
  noneHint: "Den Workflow ausführen, dann den Knoten auswählen, der das Bild zeigt.",
  whole: "Ganz zeigen",
  sharp: "Scharfe Pixel",
  previous: "Voriges Bild des Stapels",
  next: "Nächstes Bild des Stapels",
  picture: (place, count) => `${place} von ${count}`,
  alone: (title) => `${title} allein zeigen`,
  together: "Alle Stufen zeigen",
  look: "Dieselbe Stelle jeder Stufe. Ziehen verschiebt, das Mausrad oder + und − ändern die Größe, 0 zeigt alles, 1 bis 9 eine Stufe allein.",
  keys: "Ziehen verschiebt, das Mausrad ändert die Größe; + − 0 und Pfeile; 1–9 zeigt eine Stufe allein.",
  hidden: (count) =>
    count === 1 ? "1 Bild auf dem Weg zeigt kein Knoten." : `${count} Bilder auf dem Weg zeigt kein Knoten.`,
  show: "Zeigen",
  showAll: "Zeigen",
  percent: (share) => `${decimal(share, share < 10 ? 1 : 0)} %`,
  times: (factor) => `×${decimal(factor, Number.isInteger(factor) ? 0 : 2)}`,
};
