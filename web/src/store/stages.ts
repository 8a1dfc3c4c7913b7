/** The way to a picture: of the document on the canvas as its last runs left it, or of a run of the history. */

import { useCallback, useMemo } from "react";
import { getJob } from "../api/jobs";
import type { Artifact } from "../api/types";
import type { Typed } from "../catalogue/fit";
import { toDocument } from "../documents/parse";
import type { Document, NodeId } from "../documents/types";
import { grouped } from "../runs/grouping";
import { longestWay, NO_WAY, type Stage, type Way, wayTo } from "../runs/stages";
import { specAt, useCatalogue } from "./catalogue";
import { useDocument, useDocumentId } from "./current";
import { useArtifacts } from "./runs";
import { type Loaded, useLoaded } from "./useLoaded";

interface Made {
  readonly document: Document;
  readonly artifacts: readonly Artifact[];
}

export interface NamedWay extends Way {
  readonly nameOf: (stage: Pick<Stage, "node" | "place">) => string;
}

const NOTHING: Made | null = null;

async function madeIn(job: string | null): Promise<Made | null> {
  if (job === null) return NOTHING;
  const { workflow, artifacts } = await getJob(job);
  return { document: toDocument(workflow), artifacts };
}

/**
 * The way to what a node shows or makes.
 *
 * @param job The run that is meant; `null` for what is on the canvas.
 * @param node Where the way ends; the longest way where it is not said.
 * @param picture Which of a batch, from 0.
 */
export function useWay(job: string | null, node: NodeId | undefined, picture: number): Loaded<NamedWay> {
  const [loaded] = useLoaded(useCallback(() => madeIn(job), [job]));
  const canvas = useCanvas();
  const catalogue = useCatalogue((state) => state.catalogue);
  const made = job === null ? canvas : loaded.kind === "ready" ? loaded.value : null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another catalogue has other specs
  const way = useMemo(
    () => (made === null ? null : namedWay(made, node, picture)),
    [made, node, picture, catalogue],
  );
  if (way !== null) return { kind: "ready", value: way };
  return loaded.kind === "failed" ? loaded : { kind: "loading" };
}

/** What is on the canvas, whichever of its graphs is shown. */
function useCanvas(): Made {
  const document = useDocument();
  const artifacts = useArtifacts(useDocumentId(), Object.keys(document.nodes));
  return useMemo(() => ({ document, artifacts }), [document, artifacts]);
}

function namedWay({ document, artifacts }: Made, node: NodeId | undefined, picture: number): NamedWay {
  const typed: Typed = { graph: document, specOf: specAt(document) };
  const byNode = grouped(artifacts, (artifact) => artifact.node);
  const madeBy = (id: NodeId) => byNode.get(id) ?? [];
  const end = node ?? longestWay(typed, madeBy);
  const way = end === undefined || !(end in document.nodes) ? NO_WAY : wayTo(typed, madeBy, end, picture);
  const nameOf: NamedWay["nameOf"] = ({ node: id, place }) => {
    const title = document.nodes[id]?.title ?? typed.specOf(id).title;
    return place === 0 ? title : `${title} ${place}`;
  };
  return { ...way, nameOf };
}
