/** The open documents: one tab each, with its history, its selection, and the file that it came from. */

import { create } from "zustand";
import { type Edit, graphAt } from "../commands/edit";
import {
  beginHistory,
  type Edited,
  perform,
  redo as redone,
  sealGesture,
  undo as undone,
} from "../commands/history";
import { EMPTY_DOCUMENT } from "../documents/empty";
import type { Document, Graph, NodeId, Scope } from "../documents/types";

/** A file of the server's library, at the version that this tab last read or wrote. */
export interface FileRef {
  readonly name: string;
  readonly version: string;
}

export interface Tab {
  /** Names the document to the server: events of its runs carry it. It stays over reloads. */
  readonly id: string;
  readonly edited: Edited;
  /** The document as the file has it; another object than `edited.document` means unsaved changes. */
  readonly saved: Document | null;
  readonly file: FileRef | null;
  /** The subgraphs entered, outermost first. */
  readonly path: readonly string[];
  readonly selection: ReadonlySet<NodeId>;
}

interface TabsState {
  readonly tabs: readonly Tab[];
  readonly active: string | null;
  /** Tabs closed in this session, the last one first. */
  readonly closed: readonly Tab[];
}

const NOTHING: ReadonlySet<NodeId> = new Set();
const CLOSED_KEPT = 20;

export const useTabs = create<TabsState>(() => ({ tabs: [], active: null, closed: [] }));

export function tabOf(id: string): Tab | undefined {
  return useTabs.getState().tabs.find((tab) => tab.id === id);
}

export function activeTab(state: TabsState = useTabs.getState()): Tab | undefined {
  return state.tabs.find((tab) => tab.id === state.active);
}

export function documentOf(tab: Tab): Document {
  return tab.edited.document;
}

export function scopeOf(tab: Tab): Scope {
  return tab.path.at(-1) ?? null;
}

export function isDirty(tab: Tab): boolean {
  return tab.edited.document !== tab.saved;
}

/** The graph on the active canvas. */
export function activeGraph(state: TabsState = useTabs.getState()): Graph {
  const tab = activeTab(state);
  return tab === undefined ? EMPTY_DOCUMENT : graphAt(documentOf(tab), scopeOf(tab));
}

export interface OpenOptions {
  readonly file?: FileRef;
  /** Counts as saved: nothing would be lost by closing it. */
  readonly pristine?: boolean;
}

/** Opens a document in a tab of its own, and shows it. */
export function openTab(document: Document, options: OpenOptions = {}): string {
  const tab: Tab = {
    id: crypto.randomUUID(),
    edited: beginHistory(document),
    saved: options.pristine || options.file ? document : null,
    file: options.file ?? null,
    path: [],
    selection: NOTHING,
  };
  useTabs.setState(({ tabs }) => ({ tabs: [...tabs, tab], active: tab.id }));
  return tab.id;
}

/** Puts back tabs that a draft kept; what was opened meanwhile stays, and is what is shown. */
export function restoreTabs(kept: readonly Tab[], shown: string | null): void {
  useTabs.setState(({ tabs, active }) => ({
    tabs: [...kept, ...tabs],
    active: active ?? shown ?? kept[0]?.id ?? null,
  }));
}

export function activate(id: string): void {
  useTabs.setState(({ tabs, active }) => ({ active: tabs.some((tab) => tab.id === id) ? id : active }));
}

export function closeTab(id: string): void {
  useTabs.setState(({ tabs, active, closed }) => {
    const place = tabs.findIndex((tab) => tab.id === id);
    const tab = tabs[place];
    if (tab === undefined) return {};
    const left = tabs.filter((other) => other !== tab);
    const next = left[Math.min(place, left.length - 1)]?.id ?? null;
    return {
      tabs: left,
      active: active === id ? next : active,
      closed: [tab, ...closed].slice(0, CLOSED_KEPT),
    };
  });
}

/** Brings back the tab that was closed last, with its history. */
export function reopenTab(): void {
  useTabs.setState(({ tabs, active, closed }) => {
    const [tab, ...rest] = closed;
    return tab === undefined ? { active } : { tabs: [...tabs, tab], active: tab.id, closed: rest };
  });
}

/** Changes one tab; where it is not open, nothing happens. */
export function changeTab(id: string, change: (tab: Tab) => Tab): void {
  useTabs.setState(({ tabs }) => ({ tabs: tabs.map((tab) => (tab.id === id ? change(tab) : tab)) }));
}

function changeActive(change: (tab: Tab) => Tab): void {
  const { active } = useTabs.getState();
  if (active !== null) changeTab(active, change);
}

/** Does an edit on the active canvas. With `editIn`, the one door through which documents change. */
export function edit(change: Edit): void {
  changeActive((tab) => withEdited(tab, perform(tab.edited, scopeOf(tab), change)));
}

/** Does an edit in a tab that need not be the active one, on the graph of the given scope. */
export function editIn(id: string, scope: Scope, change: Edit): void {
  changeTab(id, (tab) => withEdited(tab, perform(tab.edited, scope, change)));
}

/** Ends the gesture under way, so that the next edit is undone by itself. */
export function seal(): void {
  changeActive((tab) => ({ ...tab, edited: sealGesture(tab.edited) }));
}

export function undo(): void {
  changeActive((tab) => withEdited(tab, undone(tab.edited)));
}

export function redo(): void {
  changeActive((tab) => withEdited(tab, redone(tab.edited)));
}

/** Nodes that an edit took away leave the selection too. */
function withEdited(tab: Tab, edited: Edited): Tab {
  if (edited === tab.edited) return tab;
  const path = tab.path.filter((key) => edited.document.subgraphs[key] !== undefined);
  const { nodes } = graphAt(edited.document, path.at(-1) ?? null);
  const gone = [...tab.selection].some((id) => nodes[id] === undefined);
  const selection = gone
    ? new Set([...tab.selection].filter((id) => nodes[id] !== undefined))
    : tab.selection;
  return { ...tab, edited, path: path.length === tab.path.length ? tab.path : path, selection };
}

export function select(ids: Iterable<NodeId>): void {
  const wanted = new Set(ids);
  changeActive((tab) => (sameSet(tab.selection, wanted) ? tab : { ...tab, selection: wanted }));
}

function sameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item));
}

/** Goes into a subgraph, or with `null` out of the innermost one. */
export function enter(key: string | null): void {
  changeActive((tab) => ({
    ...tab,
    path: key === null ? tab.path.slice(0, -1) : [...tab.path, key],
    selection: NOTHING,
  }));
}
