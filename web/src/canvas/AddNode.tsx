/** Search for a node where it is to stand, with a preview of what is about to be added. */

import { Search } from "lucide-react";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { categoryLabel } from "../catalogue/categories";
import type { Candidate } from "../catalogue/fit";
import { useModelFolders } from "../store/folders";
import { useNodeSearch } from "../store/offers";
import { canvasTexts } from "../texts/canvas";
import { addChosen, offered } from "./adding";
import { hueOf } from "./dyes";
import { inputSpec, outputSpec } from "./fitting";
import { NodeSketch } from "./NodeSketch";
import { type Adding, stage, useStage } from "./stage";
import { useTheme } from "./theme";

const WIDTH = 560;
const HEIGHT = 400;
const MOST = 80;

export function AddNode() {
  const adding = useStage((state) => state.adding);
  return adding ? <Finder key={adding.screen.join()} adding={adding} /> : null;
}

function close(): void {
  stage.setState({ adding: undefined });
}

function Finder({ adding }: { adding: Adding }) {
  const theme = useTheme();
  const [query, setQuery] = useState("");
  const [place, setPlace] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const search = useNodeSearch();
  useModelFolders();
  const found = useMemo(() => offered(adding, search(query), query).slice(0, MOST), [adding, query, search]);
  const chosen = found[Math.min(place, found.length - 1)];

  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    field.current?.focus();
    const outside = (event: PointerEvent): void => {
      if (!box.current?.contains(event.target as Node)) close();
    };
    window.addEventListener("pointerdown", outside, true);
    return () => {
      window.removeEventListener("pointerdown", outside, true);
      before?.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    box.current?.querySelector(`[data-place="${place}"]`)?.scrollIntoView({ block: "nearest" });
  }, [place]);

  const pick = (candidate: Candidate): void => {
    close();
    addChosen(adding, candidate);
  };
  const keys = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) setPlace((now) => Math.min(found.length - 1, Math.max(0, now + step)));
    else if (event.key === "Enter" && chosen) pick(chosen);
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
  };

  const width = Math.min(WIDTH, window.innerWidth - 16);
  const left = Math.max(8, Math.min(adding.screen[0], window.innerWidth - width - 8));
  const top = Math.max(8, Math.min(adding.screen[1], window.innerHeight - HEIGHT - 8));
  return (
    <div
      ref={box}
      className="finder"
      style={{ left, top, width }}
      role="dialog"
      aria-label={headingOf(adding)}
    >
      <div className="finder__field">
        <Search size={15} aria-hidden="true" />
        <input
          ref={field}
          role="combobox"
          aria-expanded="true"
          aria-controls="finder-list"
          aria-activedescendant={chosen ? `finder-${found.indexOf(chosen)}` : undefined}
          aria-label={headingOf(adding)}
          placeholder={headingOf(adding)}
          spellCheck={false}
          value={query}
          onChange={(event) => {
            setQuery(event.currentTarget.value);
            setPlace(0);
          }}
          onKeyDown={keys}
        />
      </div>
      <div className="finder__body">
        <div className="finder__list" id="finder-list" role="listbox" aria-label={canvasTexts.search}>
          {found.length === 0 && (
            <p className="hint finder__none">
              {adding.from ? canvasTexts.fitsNothing : canvasTexts.nothingFound}
            </p>
          )}
          {found.map((candidate, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the field's
            // biome-ignore lint/a11y/useFocusableInteractive: the field has the focus
            <div
              key={candidate.spec.id}
              id={`finder-${index}`}
              className="finder__item"
              role="option"
              aria-selected={candidate === chosen}
              data-place={index}
              onPointerMove={() => index !== place && setPlace(index)}
              onClick={() => pick(candidate)}
            >
              <span className="finder__dot" style={{ background: hueOf(candidate.spec.category, theme) }} />
              <span className="ellipsis">{candidate.spec.title}</span>
              <span className="finder__category">{categoryLabel(candidate.spec)}</span>
            </div>
          ))}
        </div>
        <div className="finder__preview">
          {chosen && (
            <>
              <NodeSketch spec={chosen.spec} lit={chosen.port} />
              <p className="finder__summary">{chosen.spec.summary}</p>
            </>
          )}
        </div>
      </div>
    </div>
  );
}

function headingOf({ from }: Adding): string {
  if (from === undefined) return canvasTexts.search;
  const port = from.side === "out" ? outputSpec(from.node, from.name) : inputSpec(from.node, from.name);
  return canvasTexts.searchFor(port?.label ?? "");
}
