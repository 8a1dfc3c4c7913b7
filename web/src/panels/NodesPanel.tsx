/** All nodes by group and subject, to click or to drag onto the canvas. */

import { ChevronRight, Plus, SearchX, TriangleAlert } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { addOffered, NODE_DRAG } from "../canvas/adding";
import { hueOf } from "../canvas/dyes";
import { useTheme } from "../canvas/theme";
import { groupNodes } from "../catalogue/categories";
import type { NodeSpec } from "../catalogue/types";
import { useCatalogue } from "../store/catalogue";
import { useModelFolders } from "../store/folders";
import { useNodeSearch } from "../store/offers";
import { texts } from "../texts/panels";
import { arrive, Empty, PanelHeader, SearchField } from "./Pieces";

export function NodesPanel() {
  const { state, catalogue, problem } = useCatalogue();
  const search = useNodeSearch();
  useModelFolders();
  const [query, setQuery] = useState("");
  const found = useMemo(() => search(query), [search, query]);
  return (
    <section ref={arrive} tabIndex={-1} className="panel" aria-label={texts.nodes.title}>
      <PanelHeader title={texts.nodes.title} />
      <div className="panel__search">
        <SearchField
          label={texts.nodes.search}
          value={query}
          onChange={setQuery}
          onEnter={() => found[0] && addOffered(found[0])}
        />
      </div>
      <div className="panel__body">
        {state !== "ready" && <p className="hint">{problem ?? texts.nodes.waiting}</p>}
        {query === "" ? <Groups specs={found} /> : <Specs specs={found} />}
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

function Groups({ specs }: { readonly specs: readonly NodeSpec[] }) {
  const groups = useMemo(() => groupNodes(specs), [specs]);
  return groups.map(({ name, label, size, subjects }) => (
    <Category key={name} label={label} size={size} hue={name}>
      {subjects.map(({ name: subject, label: words, members }) =>
        subject === name ? (
          <Specs key={subject} specs={members} />
        ) : (
          <Category key={subject} label={words} size={members.length}>
            <Specs specs={members} />
          </Category>
        ),
      )}
    </Category>
  ));
}

interface CategoryProps {
  readonly label: string;
  readonly size: number;
  /** The group whose hue on the canvas it shows. */
  readonly hue?: string;
  readonly children: ReactNode;
}

function Category({ label, size, hue, children }: CategoryProps) {
  const theme = useTheme();
  return (
    <details className="category">
      <summary>
        <ChevronRight size={14} aria-hidden />
        {hue !== undefined && <span className="category__dot" style={{ background: hueOf(hue, theme) }} />}
        <span className="category__name">{label}</span>
        <span className="badge">{size}</span>
      </summary>
      {children}
    </details>
  );
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
            onClick={() => addOffered(spec)}
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
