/** All nodes by category, to click or to drag onto the canvas. */

import { ChevronRight, Plus, SearchX, TriangleAlert } from "lucide-react";
import { useMemo, useState } from "react";
import { addNodeOfType, NODE_DRAG } from "../canvas/adding";
import { labelOf } from "../catalogue/parse";
import type { NodeSpec } from "../catalogue/types";
import { useCatalogue } from "../store/catalogue";
import { texts } from "../texts/panels";
import { Empty, PanelHeader, SearchField } from "./Pieces";

export function NodesPanel() {
  const { state, catalogue, search, problem } = useCatalogue();
  const [query, setQuery] = useState("");
  const found = useMemo(() => search(query), [search, query]);
  return (
    <section className="panel" aria-label={texts.nodes.title}>
      <PanelHeader title={texts.nodes.title} />
      <div className="panel__search">
        <SearchField
          label={texts.nodes.search}
          value={query}
          onChange={setQuery}
          onEnter={() => found[0] && addNodeOfType(found[0].id)}
        />
      </div>
      <div className="panel__body">
        {state !== "ready" && <p className="hint">{problem ?? texts.nodes.waiting}</p>}
        {query === "" ? <Categories specs={found} /> : <Specs specs={found} />}
        {state === "ready" && found.length === 0 && <Empty icon={SearchX} title={texts.common.nothing} />}
        {catalogue.failures.length > 0 && (
          <details className="failures">
            <summary>
              <TriangleAlert size={14} aria-hidden /> {texts.nodes.failed(catalogue.failures.length)}
            </summary>
            {catalogue.failures.map(({ source, message }) => (
              <p key={source} className="hint">
                <span className="mono">{source}</span>: {message}
              </p>
            ))}
          </details>
        )}
      </div>
      <p className="panel__hint hint">{texts.nodes.hint}</p>
    </section>
  );
}

function Categories({ specs }: { readonly specs: readonly NodeSpec[] }) {
  const groups = useMemo(() => {
    const byCategory = new Map<string, NodeSpec[]>();
    for (const spec of specs) byCategory.set(spec.category, [...(byCategory.get(spec.category) ?? []), spec]);
    return [...byCategory];
  }, [specs]);
  return groups.map(([category, members]) => (
    <details key={category} className="category" open>
      <summary>
        <ChevronRight size={14} aria-hidden />
        <span className="category__name">{labelOf(category)}</span>
        <span className="badge">{members.length}</span>
      </summary>
      <Specs specs={members} />
    </details>
  ));
}

function Specs({ specs }: { readonly specs: readonly NodeSpec[] }) {
  return (
    <ul className="list">
      {specs.map((spec) => (
        <li key={spec.id}>
          <button
            type="button"
            className="list__item node-item"
            title={`${spec.summary}\n${spec.id}`}
            draggable
            onDragStart={(event) => event.dataTransfer.setData(NODE_DRAG, spec.id)}
            onClick={() => addNodeOfType(spec.id)}
          >
            <span className="node-item__text">
              <span className="ellipsis">{spec.title}</span>
              <span className="hint ellipsis">{spec.summary}</span>
            </span>
            <Plus size={14} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}
