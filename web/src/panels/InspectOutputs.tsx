/** The outputs of a node, with the size that each will have. */

import { LogOut } from "lucide-react";
import { type Shape, shapeAt, shapeText } from "../catalogue/shapes";
import type { NodeSpec } from "../catalogue/types";
import { offerOutput } from "../commands/subgraphPorts";
import type { NodeId } from "../documents/types";
import { typedGraph } from "../store/catalogue";
import { useDocumentId, useGraph, useScope } from "../store/current";
import { useNodeRun } from "../store/runs";
import { edit } from "../store/tabs";
import { texts } from "../texts/panels";
import { subgraphTexts } from "../texts/subgraphs";
import { IconButton } from "./Pieces";

export function Outputs({ id, spec }: { readonly id: NodeId; readonly spec: NodeSpec }) {
  const shapes = useNodeRun(useDocumentId(), id)?.shapes ?? {};
  const inside = useScope() !== null;
  // Sizes follow from values anywhere upstream.
  useGraph();
  if (spec.outputs.length === 0) return null;
  return (
    <>
      <h3 className="list__heading">{texts.inspector.outputs}</h3>
      {spec.outputs.map((output) => (
        <div key={output.name} className="inspected">
          <div className="row">
            <span className="label">{output.label}</span>
            <span className="spacer" />
            <Size made={shapes[output.name]} foreseen={shapeAt(typedGraph(), [id, output.name])} />
            {inside && (
              <IconButton
                icon={LogOut}
                size={13}
                label={subgraphTexts.offerOutput(output.label)}
                onClick={() => edit(offerOutput(id, output.name, output.type))}
              />
            )}
            <span className="hint">{output.type}</span>
          </div>
          {output.help !== "" && <p className="hint">{output.help}</p>}
        </div>
      ))}
    </>
  );
}

/** The size that an output will have; where no rule tells, the one that it had in the last run. */
function Size({
  made,
  foreseen,
}: {
  readonly made: string | undefined;
  readonly foreseen: Shape | undefined;
}) {
  if (foreseen !== undefined)
    return (
      <span className="badge" title={texts.inspector.foreseen}>
        {shapeText(foreseen)}
      </span>
    );
  return made === undefined ? null : (
    <span className="badge" title={texts.inspector.last}>
      {made}
    </span>
  );
}
