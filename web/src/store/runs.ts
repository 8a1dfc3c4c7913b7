/** How React reads runs: each hook wakes its component for its own key only. */

import { useCallback, useSyncExternalStore } from "react";
import { type Board, documentRuns, nodeKey, nodeRuns } from "../runs/board";
import type { DocumentRun, NodeRun } from "../runs/types";

function useBoard<Value>(board: Board<Value>, key: string): Value | undefined {
  const subscribe = useCallback((listener: () => void) => board.subscribe(key, listener), [board, key]);
  return useSyncExternalStore(subscribe, () => board.get(key));
}

/** The state of one node in the last run of a document that touched it. */
export function useNodeRun(document: string, node: string): NodeRun | undefined {
  return useBoard(nodeRuns, nodeKey(document, node));
}

/** The last run of a document. */
export function useDocumentRun(document: string): DocumentRun | undefined {
  return useBoard(documentRuns, document);
}
