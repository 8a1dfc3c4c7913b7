/** Find in the graph: type, and go from one node to the next. */

import { ArrowDown, ArrowUp, Search, X } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { specOf } from "../store/catalogue";
import { activeGraph, select } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { findNodes } from "./finding";
import { stage, useStage } from "./stage";
import { centreOn } from "./viewport";

export function Find() {
  const finding = useStage((state) => state.finding);
  return finding ? <FindBar /> : null;
}

function close(): void {
  stage.setState({ finding: false });
}

function FindBar() {
  const [query, setQuery] = useState("");
  const [place, setPlace] = useState(0);
  const found = findNodes(activeGraph(), specOf, query);

  const go = (ids: readonly string[], to: number): void => {
    if (ids.length === 0) return;
    const next = (to + ids.length) % ids.length;
    const id = ids[next] as string;
    setPlace(next);
    select([id]);
    centreOn(id);
  };
  const type = (text: string): void => {
    setQuery(text);
    // One letter says too little to move the canvas for.
    if (text.trim().length > 1) go(findNodes(activeGraph(), specOf, text), 0);
  };
  const keys = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === "Escape") close();
    else if (event.key === "Enter") go(found, place + (event.shiftKey ? -1 : 1));
    else return;
    event.preventDefault();
  };
  return (
    <search className="find">
      <Search size={14} aria-hidden="true" />
      <input
        // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
        autoFocus
        aria-label={canvasTexts.find}
        placeholder={canvasTexts.find}
        spellCheck={false}
        value={query}
        onChange={(event) => type(event.currentTarget.value)}
        onKeyDown={keys}
      />
      <span className="find__count" role="status">
        {query.trim() === "" ? "" : canvasTexts.found(place + 1, found.length)}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label={canvasTexts.previous}
        disabled={found.length < 2}
        onClick={() => go(found, place - 1)}
      >
        <ArrowUp size={14} />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={canvasTexts.next}
        disabled={found.length < 2}
        onClick={() => go(found, place + 1)}
      >
        <ArrowDown size={14} />
      </button>
      <button type="button" className="icon-button" aria-label={canvasTexts.close} onClick={close}>
        <X size={14} />
      </button>
    </search>
  );
}
