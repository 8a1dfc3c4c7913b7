/** How React reads runs and the queue: each hook wakes its component for its own key only. */

import { useCallback, useRef, useSyncExternalStore } from "react";
import type { Artifact, Job, Problem } from "../api/types";
import { type Board, documentRuns, nodeKey, nodeRuns } from "../runs/board";
import { jobs, onQueue, type QueueOrder, queueNow } from "../runs/jobs";
import { type NodePlan, nodePlans, nodeProblems } from "../runs/plans";
import type { DocumentRun, NodeRun } from "../runs/types";

function useBoard<Value>(board: Board<Value>, key: string): Value | undefined {
  const subscribe = useCallback((listener: () => void) => board.subscribe(key, listener), [board, key]);
  return useSyncExternalStore(subscribe, () => board.get(key));
}

/** The state of one node in the last run of a document that touched it. */
export function useNodeRun(document: string, node: string): NodeRun | undefined {
  return useBoard(nodeRuns, nodeKey(document, node));
}

/** What the last run of these nodes made, node by node. */
export function useArtifacts(document: string, nodes: readonly string[]): readonly Artifact[] {
  const keys = nodes.map((node) => nodeKey(document, node)).join("\n");
  const subscribe = useCallback(
    (listener: () => void) => {
      const stops = keys.split("\n").map((key) => nodeRuns.subscribe(key, listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
    [keys],
  );
  const known = useRef<readonly Artifact[]>([]);
  return useSyncExternalStore(subscribe, () => {
    const made = keys.split("\n").flatMap((key) => nodeRuns.get(key)?.artifacts ?? []);
    const same = made.length === known.current.length && made.every((one, at) => one === known.current[at]);
    if (!same) known.current = made;
    return known.current;
  });
}

/** The last run of a document. */
export function useDocumentRun(document: string): DocumentRun | undefined {
  return useBoard(documentRuns, document);
}

/** What the next run would do with a node. */
export function useNodePlan(document: string, node: string): NodePlan | undefined {
  return useBoard(nodePlans, nodeKey(document, node));
}

const NONE: readonly Problem[] = [];

/** What is wrong with a node as it stands, before any run. */
export function useNodeProblems(document: string, node: string): readonly Problem[] {
  return useBoard(nodeProblems, nodeKey(document, node)) ?? NONE;
}

/** A job that runs or waits, or that this page has seen. */
export function useJob(id: string): Job | undefined {
  return useBoard(jobs, id);
}

export function useQueue(): QueueOrder {
  return useSyncExternalStore(onQueue, queueNow);
}
