/** Keys: a chord becomes the action that has it now. */

import { actionFor, chordOf } from "../store/actions";

/** Is the person writing, so that letters are letters? */
function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select"))
  );
}

/** Inside a menu, a dialog or a list the keys belong to it. */
function elsewhere(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[role=dialog], [role=menu], [role=listbox]") !== null;
}

/** Keys that a focused control means for itself. */
function controls(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof Element)) return false;
  if (event.key === "Enter" || event.key === " ")
    return target.matches("button, a, [role=button], [role=switch]");
  // Tab walks through the page; only where nothing has the focus it looks for a node.
  if (event.key === "Tab")
    return event.shiftKey || (target !== document.body && !target.matches("[data-node]:not(:focus-visible)"));
  return false;
}

export function keepKeys(): void {
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || elsewhere(event.target) || controls(event)) return;
    // The browser's own paste event brings what is on the clipboard; `pasting.ts` takes it from there.
    if (chordOf(event) === "Mod+V") return;
    const action = actionFor(chordOf(event), typing(event.target));
    if (action === undefined) return;
    event.preventDefault();
    action.run();
  });
}
