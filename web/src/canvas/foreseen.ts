/** The size that a wire carries: what the rules foresee, else what the last run made. */

import { type KnownShapes, shapeAt, shapeText } from "../catalogue/shapes";
import type { Catalogue } from "../catalogue/types";
import type { Graph, Source } from "../documents/types";
import { typedGraph, useCatalogue } from "../store/catalogue";
import { activeGraph } from "../store/tabs";
import { runOf } from "./running";

let graph: Graph | undefined;
let catalogue: Catalogue | undefined;
let known: KnownShapes = new Map();

/** Wires are drawn often and graphs change seldom: sizes are worked out once for each state of the graph. */
function foreseen(source: Source): string | undefined {
  const now = activeGraph();
  const { catalogue: nodes } = useCatalogue.getState();
  if (graph !== now || catalogue !== nodes) known = new Map();
  graph = now;
  catalogue = nodes;
  const shape = shapeAt(typedGraph(), source, known);
  // Half of a size says less than all of the one that was made.
  return shape?.height === undefined || shape.width === undefined ? undefined : shapeText(shape);
}

export function sizeOf(source: Source): string | undefined {
  return foreseen(source) ?? runOf(source[0])?.shapes[source[1]];
}
