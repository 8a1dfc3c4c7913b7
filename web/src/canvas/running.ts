/** How the nodes on the canvas fare in the last run of their document. */

import { useCallback, useSyncExternalStore } from "react";
import type { Problem } from "../api/types";
import type { NodeId } from "../documents/types";
import { type Board, nodeKey, nodeRuns } from "../runs/board";
import { type NodePlan, nodePlans, nodeProblems } from "../runs/plans";
import type { NodeRun } from "../runs/types";
import { useDocumentId } from "../store/current";
import { useNodeRun } from "../store/runs";
import { useTabs } from "../store/tabs";
import type { NodeState } from "./fabric";
import { stage } from "./stage";

export function useRunOf(id: NodeId): NodeRun | undefined {
  return useNodeRun(useDocumentId(), id);
}

function useOf<Value>(board: Board<Value>, id: NodeId): Value | undefined {
  const key = nodeKey(useDocumentId(), id);
  const subscribe = useCallback((listener: () => void) => board.subscribe(key, listener), [board, key]);
  return useSyncExternalStore(subscribe, () => board.get(key));
}

/** What is wrong with a node as it stands. */
export function useProblemsOf(id: NodeId): readonly Problem[] | undefined {
  return useOf(nodeProblems, id);
}

/** What the next run would do with a node. */
export function usePlanOf(id: NodeId): NodePlan | undefined {
  return useOf(nodePlans, id);
}

export function runOf(id: NodeId): NodeRun | undefined {
  return nodeRuns.get(nodeKey(useTabs.getState().active ?? "", id));
}

export function stateOf(id: NodeId): NodeState | undefined {
  const run = runOf(id);
  return run === undefined || run.state === "cancelled" ? undefined : run.state;
}

/** Calls back whenever the state of a node on the canvas changes; returns the way to stop. */
export function onRunChange(listener: () => void): () => void {
  let stops: (() => void)[] = [];
  const listen = (): void => {
    for (const stop of stops) stop();
    const document = useTabs.getState().active ?? "";
    stops = [...stage.getState().scene.placed.keys()].map((id) =>
      nodeRuns.subscribe(nodeKey(document, id), listener),
    );
  };
  listen();
  const stopScene = stage.subscribe((state, before) => {
    const same =
      state.scene.placed.size === before.scene.placed.size &&
      [...state.scene.placed.keys()].every((id) => before.scene.placed.has(id));
    if (state.scene !== before.scene && !same) listen();
  });
  const stopTabs = useTabs.subscribe((state, before) => {
    if (state.active !== before.active) listen();
  });
  return () => {
    stopScene();
    stopTabs();
    for (const stop of stops) stop();
  };
}
