/** Closing a tab: at once where nothing would be lost, else after asking. */

import { showDialog } from "../store/shell";
import { closeTab, documentOf, isDirty, tabOf } from "../store/tabs";

export function closeOrAsk(id: string | undefined): void {
  const tab = id === undefined ? undefined : tabOf(id);
  if (tab === undefined) return;
  const empty = Object.keys(documentOf(tab).nodes).length === 0;
  if (isDirty(tab) && !empty) showDialog({ kind: "close", tab: tab.id });
  else closeTab(tab.id);
}
