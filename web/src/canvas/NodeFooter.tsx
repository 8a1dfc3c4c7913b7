/** Below a node: what went wrong, or the live preview while it is at work. */

import { CircleAlert, TriangleAlert } from "lucide-react";
import type { NodeRun } from "../runs/types";

/** What went wrong, in a sentence with what to do; or the live preview of a node that is at work. */
export function Footer({ run }: { run: NodeRun | undefined }) {
  if (run === undefined) return null;
  if (run.problem) {
    return (
      <div className="node__callout node__callout--error" data-interactive>
        <CircleAlert size={14} aria-hidden="true" />
        <p>
          {run.problem.message} {run.problem.hint && <span className="node__hint">{run.problem.hint}</span>}
        </p>
      </div>
    );
  }
  const [warning] = run.warnings;
  if (warning) {
    return (
      <div className="node__callout node__callout--warning" data-interactive>
        <TriangleAlert size={14} aria-hidden="true" />
        <p>
          {warning.message} {warning.hint && <span className="node__hint">{warning.hint}</span>}
        </p>
      </div>
    );
  }
  if (run.preview && run.state === "running") {
    return <img className="node__preview" src={run.preview} alt="" draggable={false} />;
  }
  return null;
}
