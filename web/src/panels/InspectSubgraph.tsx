/** The inside of a subgraph: its name, and its inputs and outputs, to rename and to take away. */

import { Trash2 } from "lucide-react";
import { setTitle } from "../commands/document";
import { removePort, renamePort } from "../commands/subgraphPorts";
import { instancesOf } from "../documents/instances";
import { useDocument } from "../store/current";
import { edit, seal } from "../store/tabs";
import { texts } from "../texts/panels";
import { subgraphTexts as t } from "../texts/subgraphs";
import { IconButton } from "./Pieces";

export function SubgraphFacts({ scope }: { readonly scope: string }) {
  const document = useDocument();
  const subgraph = document.subgraphs[scope];
  if (subgraph === undefined) return null;
  return (
    <>
      <label className="field-row">
        <span className="label">{texts.inspector.name}</span>
        <input
          className="field"
          value={subgraph.title}
          onChange={(event) => edit(setTitle(event.target.value))}
          onBlur={seal}
        />
      </label>
      <p className="hint">{t.used(instancesOf(document, scope))}</p>
      <Ports scope={scope} side="inputs" heading={t.inputs} ports={subgraph.inputs} />
      <Ports scope={scope} side="outputs" heading={t.outputs} ports={subgraph.outputs} />
      <p className="hint">{t.offerHint}</p>
    </>
  );
}

interface PortsProps {
  readonly scope: string;
  readonly side: "inputs" | "outputs";
  readonly heading: string;
  readonly ports: readonly { readonly name: string; readonly type: string }[];
}

function Ports({ scope, side, heading, ports }: PortsProps) {
  return (
    <>
      <h3 className="list__heading">{heading}</h3>
      {ports.length === 0 && <p className="hint">{t.none}</p>}
      {ports.map(({ name, type }) => (
        <div key={name} className="row subgraph-port">
          <input
            className="field"
            aria-label={t.portName(name)}
            defaultValue={name}
            onBlur={(event) => {
              const next = event.target.value.trim();
              if (next !== name) edit(renamePort(scope, side, name, next));
              // A name that is taken or empty is refused: the field shows what holds.
              event.target.value = name;
            }}
            onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
          />
          <span className="hint">{type}</span>
          <IconButton
            icon={Trash2}
            size={13}
            label={t.remove(name)}
            onClick={() => edit(removePort(scope, side, name))}
          />
        </div>
      ))}
    </>
  );
}
