/** What is said of subgraphs and of their interface. */

import { subgraphTexts as german } from "./de/subgraphs";
import { inLanguage } from "./language";

const subgraphTextsEnglish = {
  category: "subgraphs",
  untitled: "Subgraph",
  make: "Make a subgraph",
  unpack: "Unpack subgraph",
  between: (names: readonly string[]) =>
    `${names.join(", ")} ${names.length === 1 ? "stands" : "stand"} between the selected nodes, so the subgraph would wait for itself.`,
  betweenHint: "Select what stands between, too.",
  mixed: (node: string, input: string) =>
    `“${input}” of ${node} takes wires from inside the selection and from outside.`,
  mixedHint: "Select all that it takes, or none of it.",
  facts: "Subgraph",
  inputs: "Inputs of the subgraph",
  outputs: "Outputs of the subgraph",
  none: "None yet",
  offerHint: "Select a node: the arrow beside an input or an output makes it one of the subgraph.",
  portName: (name: string) => `Name of ${name}`,
  remove: (name: string) => `Take ${name} off the subgraph`,
  offerInput: (label: string) => `Make ${label} an input of the subgraph`,
  offerOutput: (label: string) => `Make ${label} an output of the subgraph`,
  fed: (name: string) => `from the subgraph's input ${name}`,
  used: (count: number) => (count === 1 ? "Used once" : `Used ${count} times`),
};

export type SubgraphTexts = typeof subgraphTextsEnglish;
export const subgraphTexts = inLanguage(subgraphTextsEnglish, german);
