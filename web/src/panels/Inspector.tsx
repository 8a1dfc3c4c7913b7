/** What is selected, in full: one node, several with what they share, or the document. */

import { X } from "lucide-react";
import { useDocument, useTab } from "../store/current";
import { useShell } from "../store/shell";
import { scopeOf } from "../store/tabs";
import { texts } from "../texts/panels";
import { DocumentFacts } from "./InspectDocument";
import { NodeFacts } from "./InspectNode";
import { SharedInputs } from "./InspectSeveral";
import { SubgraphFacts } from "./InspectSubgraph";
import { arrive, IconButton } from "./Pieces";
import "./panels.css";

export function Inspector() {
  const tab = useTab();
  const selection = [...(tab?.selection ?? [])];
  const scope = tab === undefined ? null : scopeOf(tab);
  const { title, subgraphs } = useDocument();
  const [first] = selection;
  const heading = selection.length > 1 ? texts.inspector.several(selection.length) : texts.inspector.title;
  return (
    <section ref={arrive} tabIndex={-1} className="panel inspector" aria-label={texts.inspector.title}>
      <div className="panel__header">
        <h2 className="panel__title">
          {first !== undefined ? heading : scope === null ? title : subgraphs[scope]?.title}
        </h2>
        <IconButton
          icon={X}
          label={texts.common.close}
          onClick={() => useShell.setState({ inspector: false })}
        />
      </div>
      <div className="panel__body">
        {first === undefined && (scope === null ? <DocumentFacts /> : <SubgraphFacts scope={scope} />)}
        {first !== undefined && selection.length === 1 && <NodeFacts key={first} id={first} />}
        {selection.length > 1 && <SharedInputs ids={selection} />}
      </div>
    </section>
  );
}
