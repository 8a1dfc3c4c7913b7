/** What an empty canvas says. */

import { useShell } from "../store/shell";
import { canvasTexts } from "../texts/canvas";

export function EmptyHint() {
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
