/** What is said of sweeps, in German. */

import type { SweepTexts } from "../sweep";

export const sweepTexts: SweepTexts = {
  action: "Werte durchlaufen…",
  earlier: "Frühere Durchläufe",
  title: "Werte durchlaufen",
  vary: (label) => `${label} durchlaufen`,
  hint: "Ein Lauf für jeden Wert; bei zwei Eingängen einer für jedes Paar, als Raster.",
  across: "Waagerecht",
  down: "Senkrecht",
  nothing: "Nur einer",
  from: "Von",
  to: "Bis",
  count: "Wie viele",
  values: "Werte",
  lines: "Ein Wert je Zeile",
  start: (count) => (count === 1 ? "Einmal ausführen" : `${count}-mal ausführen`),
  tooMany: (most) => `Höchstens ${most} Läufe in einem Durchlauf.`,
  grid: (title) => `Durchlauf von „${title}“`,
  cell: (values) => `Das Bild für ${values}`,
  open: "Workflow dazu öffnen",
  use: "Diese Werte verwenden",
  gone: "Diesen Lauf gibt es im Verlauf nicht mehr.",
  none: "Noch keine Durchläufe",
  noneHint: "Das Zeichen neben einem Eingang im Inspektor startet einen.",
};
