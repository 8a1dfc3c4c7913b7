/** What is said of subgraphs and of their interface, in German. */

import type { SubgraphTexts } from "../subgraphs";

export const subgraphTexts: SubgraphTexts = {
  category: "Subgraphen",
  untitled: "Subgraph",
  make: "Subgraph bilden",
  unpack: "Subgraph auflösen",
  between: (names) =>
    `${names.join(", ")} ${names.length === 1 ? "steht" : "stehen"} zwischen den ausgewählten Nodes; der Subgraph würde auf sich selbst warten.`,
  betweenHint: "Auch auswählen, was dazwischen steht.",
  mixed: (node, input) => `„${input}“ von ${node} nimmt Leitungen aus der Auswahl und von außerhalb.`,
  mixedHint: "Alles auswählen, was es nimmt, oder nichts davon.",
  facts: "Subgraph",
  inputs: "Eingänge des Subgraphen",
  outputs: "Ausgänge des Subgraphen",
  none: "Noch keine",
  offerHint:
    "Eine Node auswählen: Der Pfeil neben einem Ein- oder Ausgang macht ihn zu einem des Subgraphen.",
  portName: (name) => `Name von ${name}`,
  remove: (name) => `${name} aus dem Subgraphen nehmen`,
  offerInput: (label) => `${label} zum Eingang des Subgraphen machen`,
  offerOutput: (label) => `${label} zum Ausgang des Subgraphen machen`,
  fed: (name) => `vom Eingang ${name} des Subgraphen`,
  used: (count) => (count === 1 ? "Einmal verwendet" : `${count}-mal verwendet`),
};
