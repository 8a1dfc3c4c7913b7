/** Undo and redo from patches: one entry a gesture, never a snapshot. */

import type { Patch } from "immer";
import type { Document, Scope } from "../documents/types";
import { applyEdit, type Edit, patched } from "./edit";

export interface HistoryEntry {
  readonly label: string;
  readonly scope: Scope;
  readonly gesture: string | undefined;
  readonly redo: readonly Patch[];
  readonly undo: readonly Patch[];
}

export interface Edited {
  readonly document: Document;
  readonly past: readonly HistoryEntry[];
  readonly future: readonly HistoryEntry[];
}

// Patches are small, but a mask or a pasted graph need not be: deep enough for a day, bounded for a week.
const DEPTH = 400;

export function beginHistory(document: Document): Edited {
  return { document, past: [], future: [] };
}

export function perform(edited: Edited, scope: Scope, edit: Edit): Edited {
  const change = applyEdit(edited.document, scope, edit);
  if (change.redo.length === 0) return edited;
  const entry: HistoryEntry = {
    label: edit.label,
    scope,
    gesture: edit.gesture,
    redo: change.redo,
    undo: change.undo,
  };
  return { document: change.document, past: appended(edited.past, entry), future: [] };
}

function appended(past: readonly HistoryEntry[], entry: HistoryEntry): readonly HistoryEntry[] {
  const last = past.at(-1);
  if (last === undefined || entry.gesture === undefined || last.gesture !== entry.gesture) {
    return [...past, entry].slice(-DEPTH);
  }
  const merged = { ...entry, redo: [...last.redo, ...entry.redo], undo: [...entry.undo, ...last.undo] };
  return [...past.slice(0, -1), merged];
}

/** Ends the gesture under way: the next edit is an entry of its own. */
export function sealGesture(edited: Edited): Edited {
  const last = edited.past.at(-1);
  if (last?.gesture === undefined) return edited;
  return { ...edited, past: [...edited.past.slice(0, -1), { ...last, gesture: undefined }] };
}

export function undo(edited: Edited): Edited {
  const entry = edited.past.at(-1);
  if (entry === undefined) return edited;
  const sealed = { ...entry, gesture: undefined };
  return {
    document: patched(edited.document, entry.undo),
    past: edited.past.slice(0, -1),
    future: [sealed, ...edited.future],
  };
}

export function redo(edited: Edited): Edited {
  const entry = edited.future[0];
  if (entry === undefined) return edited;
  return {
    document: patched(edited.document, entry.redo),
    past: [...edited.past, entry],
    future: edited.future.slice(1),
  };
}
