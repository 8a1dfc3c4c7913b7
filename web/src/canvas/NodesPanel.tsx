/** All nodes by category: searched, dragged to the canvas, or added by key. */

import { ChevronRight, Search } from "lucide-react";
import { type DragEvent, useMemo, useState } from "react";
import type { NodeSpec } from "../catalogue/types";
import { useCatalogue } from "../store/catalogue";
import { appTexts } from "../texts/app";
import { canvasTexts } from "../texts/canvas";
import { addNodeOfType, NODE_DRAG } from "./adding";
import { hueOf } from "./dyes";
import { useTheme } from "./theme";

export function NodesPanel() {
  const [query, setQuery] = useState("");
  const search = useCatalogue((state) => state.search);
  const groups = useMemo(() => {
    const found = search(query);
    return query.trim() === "" ? [...Map.groupBy(found, ({ category }) => category)] : [["", [...found]] as const];
  }, [search, query]);
  return (
    <section className="panel" aria-label={appTexts.nodes}>
      <header className="panel__header">
        <h2 className="panel__title">{appTexts.nodes}</h2>
      </header>
      <label className="panel__search">
        <Search size={14} aria-hidden="true" />
        <input
          className="field"
          type="search"
          placeholder={appTexts.searchNodes}
          aria-label={appTexts.searchNodes}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
      </label>
      <div className="panel__body">
        {groups.map(([category, specs]) =>
          category === "" ? (
            <NodeList key="found" specs={specs} />
          ) : (
            <details key={category} className="category" open>
              <summary>
                <ChevronRight size={13} aria-hidden="true" />
                {category}
                <span className="muted">{specs.length}</span>
              </summary>
              <NodeList specs={specs} />
            </details>
          ),
        )}
        {groups.every(([, specs]) => specs.length === 0) && <p className="empty">{canvasTexts.nothingFound}</p>}
      </div>
      <p className="hint panel__foot">{appTexts.nodesHint}</p>
    </section>
  );
}

function NodeList({ specs }: { specs: readonly NodeSpec[] }) {
  const theme = useTheme();
  return (
    <ul className="list">
      {specs.map((spec) => (
        <li key={spec.id}>
          <button
            type="button"
            className="list__item node-item"
            title={spec.summary}
            draggable
            onDragStart={(event: DragEvent) => {
              event.dataTransfer.setData(NODE_DRAG, spec.id);
              event.dataTransfer.effectAllowed = "copy";
            }}
            onClick={() => addNodeOfType(spec.id)}
          >
            <span className="finder__dot" style={{ background: hueOf(spec.category, theme) }} />
            <span className="ellipsis">{spec.title}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
