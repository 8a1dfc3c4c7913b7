/** Why something is refused, in German. */

import type { FitTexts, ReadTexts, ServerTexts } from "../refusals";

function listed(types: readonly string[]): string {
  const names = types.map((type) => (type === "*" ? "alles" : type));
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} oder ${names.at(-1)}`;
}

export const fitTexts: FitTexts = {
  gone: "Diesen Anschluss gibt es nicht mehr.",
  itself: "Eine Node kann sich nicht selbst speisen.",
  circle: "Das schlösse einen Kreis: Die Node würde auf sich selbst warten.",
  takes: (label, types, offered) =>
    `${label} nimmt ${listed(types)}, das hier ist aber ${listed([offered])}.`,
};

export const readTexts: ReadTexts = {
  noJson: "Diese Datei ist kein JSON.",
  readerSays: (message) => `Beim Lesen: ${message}`,
  format: "Diese Datei nennt ein anderes Format als 1.",
  formatHint:
    "Vielleicht kommt sie von einer neueren Version von Weft: aktualisieren und noch einmal öffnen.",
  id: (id) => `„${id}“ kann nicht die Kennung einer Node sein.`,
  idHint: "Kennungen bestehen aus höchstens 64 Buchstaben, Ziffern, `_` und `-`.",
  brokenText: "Der Workflow in diesem Bild ist beschädigt.",
  brokenTextHint:
    "Gebraucht wird das Bild, wie es gespeichert wurde; Bildbearbeitungen beschädigen mitunter die Texte.",
  longText: "Dieses Bild trägt einen Text, der für einen Workflow zu lang ist.",
  longTextHint: "Es wurde nicht hier gemacht.",
  object: (what, found) => `${what} müsste ein Objekt sein, ist aber ${found}.`,
  list: (what, found) => `${what} müsste eine Liste sein, ist aber ${found}.`,
  text: (what, found) => `${what} müsste Text sein, ist aber ${found}.`,
  number: (what, found) => `${what} müsste eine Zahl sein, ist aber ${found}.`,
  missing: "nicht da",
  aList: "eine Liste",
  anObject: "ein Objekt",
  input: (what) => `${what} ist ein Objekt, das weder Leitung noch Wert ist.`,
  inputHint: 'Möglich sind {"link": [Node, Ausgang]}, {"links": [[Node, Ausgang], …]} und {"value": …}.',
  wire: (what) =>
    `${what}: Eine Leitung ist ein Paar aus der Kennung einer Node und dem Namen ihres Ausgangs.`,
};

export const serverTexts: ServerTexts = {
  silent: "Der Server antwortet nicht.",
  silentHint: "Läuft er? Der Editor versucht es von selbst weiter.",
  unreadable: (status) => `Die Antwort des Servers ist nicht zu lesen (Status ${status}).`,
  unreadableHint: "Lauscht etwas anderes an dieser Adresse?",
  no: (status) => `Der Server hat abgelehnt (Status ${status}).`,
};
