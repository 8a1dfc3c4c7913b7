/** The focus goes back to where it was before a dialog opened; what is done after that may put it elsewhere. */

import { useState } from "react";
import { flushSync } from "react-dom";
import { showDialog } from "../store/shell";

/** What had the focus before the first of the dialogs that followed each other. */
let opener: Element | null = null;

function noteOpener(): void {
  const now = document.activeElement;
  if (now?.closest(".dialog")) return;
  // A menu goes with its choice: what opened it stays.
  const button = now?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  opener = button ? document.getElementById(button) : now;
}

function goBack(): void {
  if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
}

/** Closes the dialog; it is gone and the focus is back when this returns, so that the next key acts there. */
export function closeDialog(): void {
  flushSync(() => showDialog(null));
  goBack();
}

interface FocusKeeper {
  /** For the dialog's content: the library would look for a button of the dialog's own, and there is none. */
  readonly onCloseAutoFocus: (event: Event) => void;
}

export function useFocusKeeper(): FocusKeeper {
  const [keeper] = useState((): FocusKeeper => {
    noteOpener();
    return {
      onCloseAutoFocus: (event) => {
        event.preventDefault();
        // It is told a moment after the end: whoever has taken the focus meanwhile keeps it.
        if (document.activeElement === document.body) goBack();
      },
    };
  });
  return keeper;
}
