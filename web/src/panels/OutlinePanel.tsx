/** The graph as a list that is read and changed without a mouse: what each node takes, what it feeds, what is wrong. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { CircleAlert, ListTree, SearchX, TriangleAlert } from "lucide-react";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { sourcesOf } from "../documents/inputs";
import { ordered } from "../documents/order";
import type { Graph, NodeId } from "../documents/types";
import { specOf, useCatalogue } from "../store/catalogue";
import { useDocumentId, useGraph, useTab } from "../store/current";
import { useNodeProblems, useNodeRun } from "../store/runs";
import { revealNode, showDialog, useShell } from "../store/shell";
import { select } from "../store/tabs";
import { texts } from "../texts/panels";
import { outlineTexts as t } from "../texts/wires";
import { arrive, Empty, PanelHeader, SearchField } from "./Pieces";

const ROW = 50;

export function OutlinePanel() {
  const graph = useGraph();
  const catalogue = useCatalogue((state) => state.catalogue);
  const [query, setQuery] = useState("");
  const all = useMemo(() => ordered(graph), [graph]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: titles come from the catalogue
  const found = useMemo(() => all.filter((id) => matches(graph, id, query)), [all, graph, query, catalogue]);
  return (
    <section ref={arrive} tabIndex={-1} className="panel" aria-label={t.title}>
      <PanelHeader title={t.title} />
      <div className="panel__search">
        <SearchField label={t.search} value={query} onChange={setQuery} />
      </div>
      {found.length > 0 ? (
        <Rows ids={found} graph={graph} />
      ) : (
        <div className="panel__body">
          {all.length === 0 ? (
            <Empty icon={ListTree} title={t.empty} hint={t.emptyHint} />
          ) : (
            <Empty icon={SearchX} title={texts.common.nothing} />
          )}
        </div>
      )}
      <p className="panel__hint hint">{t.hint}</p>
    </section>
  );
}

function titleOf(graph: Graph, id: NodeId): string {
  return graph.nodes[id]?.title ?? specOf(id).title;
}

function matches(graph: Graph, id: NodeId, query: string): boolean {
  const text = `${titleOf(graph, id)} ${id} ${graph.nodes[id]?.type}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

interface RowsProps {
  readonly ids: readonly NodeId[];
  readonly graph: Graph;
}

/** Only the rows in sight are in the page; the arrow keys bring the others in. */
function Rows({ ids, graph }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const selection = useTab()?.selection;
  const [place, setPlace] = useState(0);
  const at = Math.min(place, ids.length - 1);
  const rows = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 6,
  });
  const wanted = useRef<NodeId>(undefined);
  useEffect(() => {
    if (wanted.current === undefined) return;
    const row = scroller.current?.querySelector<HTMLElement>(`[data-row="${wanted.current}"]`);
    if (row === null || row === undefined) return;
    wanted.current = undefined;
    row.focus();
  });
  const go = (to: number) => {
    const next = Math.max(0, Math.min(ids.length - 1, to));
    wanted.current = ids[next];
    rows.scrollToIndex(next);
    setPlace(next);
  };
  const keys = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: ids.length - 1,
    };
    const to = steps[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (to !== undefined) go(to);
    else if (event.key === "Enter" || event.key === "ArrowRight") showValues();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its rows are buttons; these are their keys
    <div className="panel__body" ref={scroller} onKeyDown={keys}>
      <ul className="list outline" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const id = ids[row.index] as NodeId;
          return (
            <li key={id} style={{ height: ROW, transform: `translateY(${row.start}px)` }}>
              <Row
                id={id}
                graph={graph}
                place={row.index + 1}
                count={ids.length}
                reachable={row.index === at}
                selected={selection?.has(id) ?? false}
                onFocus={() => setPlace(row.index)}
              />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** Opens the inspector, and goes to its first field. */
function showValues(): void {
  flushSync(() => useShell.setState({ inspector: true }));
  document
    .querySelector<HTMLElement>(".inspector .panel__body :is(input, textarea, button, [tabindex='0'])")
    ?.focus();
}

interface RowProps {
  readonly id: NodeId;
  readonly graph: Graph;
  readonly place: number;
  readonly count: number;
  readonly reachable: boolean;
  readonly selected: boolean;
  readonly onFocus: () => void;
}

function Row({ id, graph, place, count, reachable, selected, onFocus }: RowProps) {
  const document = useDocumentId();
  const problems = useNodeProblems(document, id);
  const run = useNodeRun(document, id);
  const [worst] = [...problems].sort((one) => (one.severity === "error" ? -1 : 1));
  const wires = wiresText(graph, id);
  const said = [t.place(place, count), graph.nodes[id]?.mode, run?.state, worst?.message];
  return (
    <button
      type="button"
      className="list__item"
      data-row={id}
      data-selected={selected}
      aria-pressed={selected}
      tabIndex={reachable ? 0 : -1}
      onFocus={() => {
        onFocus();
        if (!selected) select([id]);
      }}
      onClick={() => revealNode(id)}
      onDoubleClick={() => showDialog({ kind: "wire", node: id })}
    >
      <span className="node-item__text">
        <span className="ellipsis">{titleOf(graph, id)}</span>
        <span className="hint ellipsis">{wires}</span>
        <span className="visually-hidden">
          {said.filter((text) => text !== undefined && text !== "").join("; ")}
        </span>
      </span>
      {worst !== undefined &&
        (worst.severity === "error" ? (
          <CircleAlert size={14} className="tone-danger" aria-hidden />
        ) : (
          <TriangleAlert size={14} className="tone-warning" aria-hidden />
        ))}
    </button>
  );
}

function wiresText(graph: Graph, id: NodeId): string {
  const inputs = graph.nodes[id]?.inputs ?? {};
  return specOf(id)
    .inputs.flatMap(({ name, label, socket, required }) => {
      const sources = sourcesOf(inputs[name]).map(([from]) => titleOf(graph, from));
      if (sources.length > 0) return [t.takes(label, sources.join(", "))];
      return socket && required && inputs[name] === undefined ? [t.open(label)] : [];
    })
    .join(" · ");
}
