/** The graph on the canvas, as gestures read and change it. */

import type { NodeId } from "../documents/types";
import { activeTab } from "../store/tabs";

const NONE: ReadonlySet<NodeId> = new Set();

export function selectionOf(): ReadonlySet<NodeId> {
  return activeTab()?.selection ?? NONE;
}
