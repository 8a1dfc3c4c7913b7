/** The way into the subgraph on the canvas, and out of it. */

import { ChevronRight } from "lucide-react";
import { useTab } from "../store/current";
import { documentOf, enter } from "../store/tabs";

export function Breadcrumbs() {
  const tab = useTab();
  if (tab === undefined || tab.path.length === 0) return null;
  const { title, subgraphs } = documentOf(tab);
  const leave = (levels: number): void => {
    for (let level = 0; level < levels; level += 1) enter(null);
  };
  return (
    <nav className="breadcrumbs" aria-label={title}>
      <button type="button" className="button button--quiet" onClick={() => leave(tab.path.length)}>
        {title}
      </button>
      {tab.path.map((key, place) => (
        <span key={key} className="row">
          <ChevronRight size={13} aria-hidden="true" />
          <button
            type="button"
            className="button button--quiet"
            aria-current={place === tab.path.length - 1 ? "page" : undefined}
            onClick={() => leave(tab.path.length - 1 - place)}
          >
            {subgraphs[key]?.title ?? key}
          </button>
        </span>
      ))}
    </nav>
  );
}
