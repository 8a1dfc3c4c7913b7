/** The panel beside the rail. */

import { LeftPanel } from "../panels/LeftPanel";
import { useShell } from "../store/shell";

export function Dock() {
  const left = useShell((state) => state.left);
  if (left === null) return null;
  return (
    <div className="dock">
      <LeftPanel />
    </div>
  );
}
