/** What is said where a picture is chosen, in German. */

import type { PickerTexts } from "../pictures";

export const pickerTexts: PickerTexts = {
  title: "Bild auswählen",
  browse: "Aus der Galerie auswählen",
  search: "Bilder suchen",
  which: "Welche Bilder",
  shelves: { input: "Eingaben", output: "Von Läufen gespeichert", temp: "Vorschauen" },
  empty: "Hier sind keine Bilder.",
  loading: "Wird geladen…",
  older: "Ältere zeigen",
  close: "Schließen",
};
