/** Putting the selected nodes into a subgraph, and taking those of an instance out. */

import { makeSubgraph, mixedInput, strandedBetween } from "../commands/subgraphs";
import { unpackSubgraph } from "../commands/unpacking";
import { specOf, typedGraph } from "../store/catalogue";
import { notify } from "../store/shell";
import { activeGraph, activeTab, documentOf, edit, select } from "../store/tabs";
import { subgraphTexts as t } from "../texts/subgraphs";
import { chosen, chosenSubgraph, nameChosen } from "./chosen";

function nameOf(id: string): string {
  return activeGraph().nodes[id]?.title ?? specOf(id).title;
}

/** Why the selection cannot be one node, in a sentence with what to do. */
function refusal(ids: ReadonlySet<string>): { readonly text: string; readonly hint: string } | undefined {
  const graph = activeGraph();
  const between = [...strandedBetween(graph, ids)];
  if (between.length > 0) return { text: t.between(between.map(nameOf)), hint: t.betweenHint };
  const mixed = mixedInput(graph, ids);
  return mixed && { text: t.mixed(nameOf(mixed[0]), mixed[1]), hint: t.mixedHint };
}

/** Makes a subgraph of the selection, and lets its name be typed. */
export function groupChosen(): void {
  const tab = activeTab();
  if (tab === undefined) return;
  const ids = new Set(chosen());
  const why = refusal(ids);
  if (why !== undefined) {
    notify({ kind: "warning", ...why });
    return;
  }
  const [only] = ids;
  const title = ids.size === 1 && only !== undefined ? nameOf(only) : t.untitled;
  const made = makeSubgraph(documentOf(tab), typedGraph(), ids, title);
  edit(made.edit);
  select([made.id]);
  nameChosen();
}

export function unpackChosen(): void {
  const tab = activeTab();
  const [id] = chosen();
  if (tab === undefined || id === undefined || chosenSubgraph() === undefined) return;
  const unpacked = unpackSubgraph(documentOf(tab), activeGraph(), id);
  edit(unpacked.edit);
  select(unpacked.ids);
}
