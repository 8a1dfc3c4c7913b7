/** What the search for nodes offers: those of the catalogue, the document's own subgraphs, and those of the library. */

import { useMemo } from "react";
import { create } from "zustand";
import { getWorkflow, getWorkflows } from "../api/library";
import type { LibraryItem } from "../api/types";
import { ofInterface, ofSubgraph } from "../catalogue/ports";
import { indexNodes, type NodeSearch } from "../catalogue/search";
import type { Catalogue, NodeSpec } from "../catalogue/types";
import { EMPTY_DOCUMENT } from "../documents/empty";
import { containsItself } from "../documents/instances";
import { type Document, type Scope, SUBGRAPH_PREFIX } from "../documents/types";
import { useCatalogue } from "./catalogue";
import { useDocument, useScope } from "./current";
import { activeTab, documentOf, scopeOf } from "./tabs";

/** The type of a node that is still in the library: its subgraph is taken over when it is added. */
const LIBRARY_PREFIX = "library:";

interface Blueprint {
  readonly workflow: string;
  readonly key: string;
  readonly spec: NodeSpec;
}

const useBlueprints = create<{ readonly blueprints: readonly Blueprint[] }>(() => ({ blueprints: [] }));

/** Asks the library which subgraphs its workflows have. */
export async function refreshBlueprints(): Promise<void> {
  const items = await getWorkflows("");
  useBlueprints.setState({ blueprints: items.flatMap(blueprintsOf) });
}

function blueprintsOf({ name, title, subgraphs }: LibraryItem): readonly Blueprint[] {
  return subgraphs.map((offer) => {
    const plain = ofInterface(`${LIBRARY_PREFIX}${name}#${offer.key}`, offer);
    const spec = { ...plain, categoryLabel: `${plain.categoryLabel}/${title}`, summary: title };
    return { workflow: name, key: offer.key, spec };
  });
}

/** The subgraph of the library that a type stands for, with the workflow that has it. */
export function blueprintOf(type: string): Blueprint | undefined {
  return useBlueprints.getState().blueprints.find(({ spec }) => spec.id === type);
}

export async function openBlueprint({ workflow }: Blueprint): Promise<Document> {
  return (await getWorkflow(workflow)).document;
}

/** The subgraphs that may stand on the canvas: not the one that is on it, nor one that contains it. */
function ownSpecs(catalogue: Catalogue, document: Document, scope: Scope): readonly NodeSpec[] {
  return Object.entries(document.subgraphs)
    .filter(([key]) => scope === null || !containsItself(document, key, scope))
    .map(([key, subgraph]) => ofSubgraph(SUBGRAPH_PREFIX + key, subgraph, catalogue));
}

function offeredSpecs(catalogue: Catalogue, document: Document, scope: Scope, library: readonly Blueprint[]) {
  const taken = ({ key, spec }: Blueprint) => document.subgraphs[key]?.title === spec.title;
  return [
    ...catalogue.nodes.values(),
    ...ownSpecs(catalogue, document, scope),
    // What was taken over already is the document's own.
    ...library.filter((blueprint) => !taken(blueprint)).map(({ spec }) => spec),
  ];
}

let indexed: { readonly specs: readonly NodeSpec[]; readonly search: NodeSearch } | undefined;

/** The index is built anew only where something else is offered: most edits change no interface. */
function searchIn(specs: readonly NodeSpec[]): NodeSearch {
  const known = indexed;
  const same =
    known?.specs.length === specs.length && specs.every((spec, at) => isSame(spec, known.specs[at]));
  if (known !== undefined && same) return known.search;
  indexed = { specs, search: indexNodes(specs) };
  return indexed.search;
}

function isSame(spec: NodeSpec, other: NodeSpec | undefined): boolean {
  if (spec === other) return true;
  const told = ({ id, title, inputs, outputs }: NodeSpec) =>
    [id, title, ...[...inputs, ...outputs].map(({ name, type }) => `${name}:${type}`)].join("\n");
  return spec.kind === "subgraph" && other !== undefined && told(spec) === told(other);
}

export function searchNodes(query: string): readonly NodeSpec[] {
  const tab = activeTab();
  const document = tab === undefined ? EMPTY_DOCUMENT : documentOf(tab);
  const scope = tab === undefined ? null : scopeOf(tab);
  const { catalogue } = useCatalogue.getState();
  return searchIn(offeredSpecs(catalogue, document, scope, useBlueprints.getState().blueprints))(query);
}

/** The search, for a component that shows what it finds. */
export function useNodeSearch(): NodeSearch {
  const catalogue = useCatalogue((state) => state.catalogue);
  const library = useBlueprints((state) => state.blueprints);
  const document = useDocument();
  const scope = useScope();
  return useMemo(
    () => searchIn(offeredSpecs(catalogue, document, scope, library)),
    [catalogue, document, scope, library],
  );
}
