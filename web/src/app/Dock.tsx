/** The panel beside the rail. */

import { NodesPanel } from "../canvas/NodesPanel";
import { useShell } from "../store/shell";

export function Dock() {
  const left = useShell((state) => state.left);
  if (left === null) return null;
  return (
    <aside className="dock" aria-label={left}>
      {left === "nodes" && <NodesPanel />}
    </aside>
  );
}
