/** What an empty canvas says. */

import { useShell } from "../store/shell";
import { activeGraph, useTabs } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";

export function EmptyHint() {
  const empty = useTabs((state) => Object.keys(activeGraph(state).nodes).length === 0);
  if (!empty) return null;
  return (
    <div className="empty-hint">
      <p className="empty-hint__title">{canvasTexts.emptyTitle}</p>
      <p>{canvasTexts.emptyHint}</p>
      <button type="button" className="button" onClick={() => useShell.setState({ left: "templates" })}>
        {canvasTexts.emptyTemplates}
      </button>
    </div>
  );
}
