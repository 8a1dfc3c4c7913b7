/** Several nodes: the inputs that all of them have, each changed in all of them at once. */

import type { InputSpec } from "../catalogue/types";
import { setValues } from "../commands/values";
import { isWired, literalOf } from "../documents/inputs";
import type { Graph, Json, NodeId } from "../documents/types";
import { specOf, useCatalogue } from "../store/catalogue";
import { useGraph } from "../store/current";
import { edit, seal } from "../store/tabs";
import { texts } from "../texts/panels";
import { Control } from "../widgets/Control";
import { emptyValue } from "../widgets/kinds";
import { sharedInputs } from "./sharedInputs";

export function SharedInputs({ ids }: { readonly ids: readonly NodeId[] }) {
  const graph = useGraph();
  useCatalogue((state) => state.catalogue);
  const shared = sharedInputs(ids.map(specOf));
  if (shared.length === 0) return <p className="hint">{texts.inspector.nothingCommon}</p>;
  return (
    <>
      <h3 className="list__heading">{texts.inspector.common}</h3>
      {shared.map((input) => (
        <SharedInput key={input.name} ids={ids} graph={graph} input={input} />
      ))}
    </>
  );
}

interface SharedInputProps {
  readonly ids: readonly NodeId[];
  readonly graph: Graph;
  readonly input: InputSpec;
}

function SharedInput({ ids, graph, input }: SharedInputProps) {
  const free = ids.filter((id) => !isWired(graph.nodes[id]?.inputs[input.name]));
  const values = free.map((id): Json => literalOf(graph.nodes[id]?.inputs[input.name]) ?? emptyValue(input));
  const [first] = values;
  if (first === undefined) return null;
  const mixed = values.some((value) => value !== first);
  return (
    <div className="inspected">
      <div className="row">
        <span className="label" title={input.help}>
          {input.label}
        </span>
        <span className="spacer" />
        {mixed && <span className="badge badge--warning">{texts.inspector.mixed}</span>}
      </div>
      <Control
        input={input}
        value={first}
        label={input.label}
        compact={false}
        onChange={(value, gesture) => {
          const changes = free.map((node) => ({ node, input: input.name, value }));
          edit(setValues(changes, gesture === undefined ? {} : { gesture }));
        }}
        onSettled={seal}
      />
    </div>
  );
}
