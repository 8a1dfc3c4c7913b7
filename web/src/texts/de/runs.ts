/** What is said of past runs: where their time went, and how they differ; in German. */

import type { DifferenceTexts, ProfileTexts } from "../runs";

export const profileTexts: ProfileTexts = {
  title: "Profil des letzten Laufs",
  none: "Noch ist nichts gelaufen",
  noneHint: "Nach einem Lauf steht hier, wohin Zeit und Speicher gegangen sind.",
  total: (time) => `${time} insgesamt`,
  waited: (time) => `${time} gewartet`,
  node: "Node",
  time: "Zeit",
  share: "Anteil",
  memory: "Speicher",
  timeline: "Zeitachse",
  cached: "unverändert",
  running: "arbeitet",
  failed: "fehlgeschlagen",
  unknown: "nicht gemessen",
  byTime: "Langsamste zuerst",
  asRun: "Wie gelaufen",
};

export const differenceTexts: DifferenceTexts = {
  open: "Mit der Arbeitsfläche vergleichen…",
  title: (title) => `Worin sich dieser Lauf von „${title}“ unterscheidet`,
  left: "Auf der Arbeitsfläche",
  right: "In diesem Lauf",
  against: "Vergleichen mit",
  canvas: "Arbeitsfläche",
  none: "Kein Unterschied: dieselben Nodes, Werte und Leitungen.",
  added: (type) => `Nur im Lauf: ${type}`,
  removed: (type) => `Nur links: ${type}`,
  mode: "Modus",
  awake: "an",
  unset: "Vorgabe",
  wire: (node, output) => `${output} von ${node}`,
  apply: (count) => (count === 1 ? "1 Unterschied übernehmen" : `${count} Unterschiede übernehmen`),
  applyHint:
    "Was angehakt ist, wird auf der Arbeitsfläche so, wie es in diesem Lauf war. Es lässt sich rückgängig machen.",
  choose: (what) => `Übernehmen: ${what}`,
  picture: "Bild des Laufs",
};
