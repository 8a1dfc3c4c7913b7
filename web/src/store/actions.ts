/** Everything that a person can do by name: the palette, the keys, the menus and the list of keys read this. */

import { create } from "zustand";

export interface Action {
  /** `file.save`, `canvas.fit`, …: the part before the dot is its group. */
  readonly id: string;
  readonly title: string;
  /** Further words by which the palette finds it. */
  readonly words?: readonly string[];
  /** Chords such as `Mod+S`, `Shift+Delete`, `F2`; `Mod` is Ctrl, and Cmd on a Mac. */
  readonly keys: readonly string[];
  /** May it be done now? Always, where absent. */
  readonly enabled?: () => boolean;
  /** Its keys work while a text field has the focus, too. */
  readonly whileTyping?: boolean;
  readonly run: () => void;
}

interface ActionsState {
  readonly actions: ReadonlyMap<string, Action>;
}

export const useActions = create<ActionsState>(() => ({ actions: new Map() }));

/** Adds actions; the returned function takes them away again. */
export function registerActions(added: readonly Action[]): () => void {
  useActions.setState(({ actions }) => ({
    actions: new Map([...actions, ...added.map((action) => [action.id, action] as const)]),
  }));
  return () =>
    useActions.setState(({ actions }) => {
      const left = new Map(actions);
      for (const action of added) if (left.get(action.id) === action) left.delete(action.id);
      return { actions: left };
    });
}

/** Does an action by its id; false where there is none or it cannot be done now. */
export function perform(id: string): boolean {
  const action = useActions.getState().actions.get(id);
  if (action === undefined || action.enabled?.() === false) return false;
  action.run();
  return true;
}

const MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The chord of a key event, in the notation of `Action.keys`. */
export function chordOf(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">,
): string {
  const mod = MAC ? event.metaKey : event.ctrlKey;
  const other = MAC ? event.ctrlKey : event.metaKey;
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  // Shift is part of the character for signs (`?`), and a modifier of its own for letters and named keys.
  const shift = event.shiftKey && (event.key.length > 1 || /[A-Z0-9]/.test(key));
  const held = [mod && "Mod", other && "Meta", event.altKey && "Alt", shift && "Shift", key];
  return held.filter((part) => part !== false).join("+");
}

/** The action that a chord means now, if any. */
export function actionFor(chord: string, typing: boolean): Action | undefined {
  for (const action of useActions.getState().actions.values()) {
    if (!action.keys.includes(chord) || (typing && action.whileTyping !== true)) continue;
    if (action.enabled?.() !== false) return action;
  }
  return undefined;
}

/** How a chord is written for a reader on this machine. */
export function chordText(chord: string): string {
  const names: Readonly<Record<string, string>> = MAC
    ? { Mod: "⌘", Alt: "⌥", Shift: "⇧", Meta: "⌃" }
    : { Mod: "Ctrl", Meta: "Win" };
  const arrows: Readonly<Record<string, string>> = {
    ArrowUp: "↑",
    ArrowDown: "↓",
    ArrowLeft: "←",
    ArrowRight: "→",
  };
  // The key itself may be `+`: only a plus between two parts separates.
  const parts = chord.split(/\+(?!$)/).map((part) => names[part] ?? arrows[part] ?? part);
  return parts.join(MAC ? "" : "+");
}
