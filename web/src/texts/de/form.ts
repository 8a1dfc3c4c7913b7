/** What the simple view of a workflow says, in German. */

import type { FormTexts } from "../form";

export const formTexts: FormTexts = {
  toggle: "Formular oder Graph",
  form: "Formular",
  graph: "Graph",
  title: "Formular",
  empty: "Noch sind keine Eingänge ausgewählt",
  emptyHint:
    "Ein Formular zeigt die wenigen Eingänge, auf die es ankommt: für alle, die nur das Bild wollen, und fürs Telefon.",
  suggest: "Formular vorschlagen",
  change: "Formular ändern",
  done: "Fertig",
  add: "Eingang hinzufügen…",
  addFrom: "Alle Eingänge durchsuchen",
  label: "Beschriftung",
  group: "Gruppe",
  name: "Name über HTTP",
  min: "Mindestens",
  max: "Höchstens",
  up: (label) => `${label} nach oben`,
  down: (label) => `${label} nach unten`,
  remove: (label) => `${label} aus dem Formular nehmen`,
  gone: "Diesen Eingang gibt es im Workflow nicht mehr.",
  wired: "Kommt aus einer Leitung.",
  results: "Bilder",
  noResults: "Nach „Ausführen“ erscheinen hier die Bilder.",
  show: (label) => `${label} im Formular zeigen`,
  call: "Über HTTP nutzen",
  callHint: "Jedes Feld des Formulars ist ein Wert des Aufrufs; was fehlt, bleibt wie gespeichert.",
  callSaved: "Ausgeführt wird die gespeicherte Fassung: zum Ändern speichern.",
  callUnsaved: "Gespeichert kann der Workflow unter seinem Namen aufgerufen werden.",
  callToken: "Das Token des Servers mitsenden: -H 'Authorization: Bearer …'",
  callLine: "Der Aufruf als Zeile für die Shell",
  copy: "Kopieren",
  hide: (label) => `${label} aus dem Formular nehmen`,
};
