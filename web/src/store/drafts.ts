/** Drafts: every open document in IndexedDB half a second after its last change, so that closing loses nothing. */

import { createStore, del, delMany, entries, set, type UseStore } from "idb-keyval";
import { beginHistory } from "../commands/history";
import { asObject, isObject, isString, Unreadable } from "../documents/fields";
import { parseJson } from "../documents/json";
import { parseDocument } from "../documents/parse";
import { toWire } from "../documents/serialise";
import type { Document, Json } from "../documents/types";
import { documentOf, type FileRef, isDirty, restoreTabs, type Tab, useTabs } from "./tabs";

/** A tab as text: a draft of an older editor goes through the same parser as any file. */
interface Draft {
  readonly id: string;
  readonly text: string;
  readonly file: FileRef | null;
  readonly dirty: boolean;
}

interface Window {
  readonly drafts: readonly Draft[];
  readonly closed: readonly Draft[];
  readonly active: string | null;
  /** When this was written, so that the latest of the windows that are gone is taken up first. */
  readonly time: number;
}

const SETTLE_MS = 500;
const KEY_PREFIX = "window:";
const HELD = "weft.window";
// A page that is being reloaded, or was just closed, lets go a moment after the new one begins.
const RELOAD_MS = 1_000;
const CLOSING_MS = 250;
let store: UseStore | undefined;
let mine = "";

function database(): UseStore {
  store ??= createStore("weft-drafts", "windows");
  return store;
}

/**
 * Takes up what this window had open before a reload. A new window takes up what windows that are gone left behind:
 * all of the latest, and of the others what is in no file. From then on, drafts are kept.
 */
export async function restoreDrafts(): Promise<void> {
  const known = new Map([...(await entries<string, string>(database())), ...lastWords()]);
  const held = sessionStorage.getItem(HELD);
  const own = held !== null && known.has(held) && (await hold(held, RELOAD_MS)) ? held : null;
  const free = own === null ? await abandoned([...known.keys()]) : [own];
  const [latest, ...others] = free
    .map((key) => ({ key, window: readWindow(known.get(key) ?? "{}") }))
    .sort((one, other) => other.window.time - one.window.time);
  mine = latest?.key ?? `${KEY_PREFIX}${crypto.randomUUID()}`;
  if (latest === undefined) await hold(mine, RELOAD_MS);
  sessionStorage.setItem(HELD, mine);
  const left = others.flatMap(({ window }) => window.drafts.filter((draft) => draft.dirty));
  const drafts = [...(latest?.window.drafts ?? []), ...left];
  if (drafts.length > 0) restoreTabs(drafts.map(toTab), latest?.window.active ?? null);
  useTabs.setState({ closed: [latest, ...others].flatMap((found) => found?.window.closed ?? []).map(toTab) });
  keepDrafts();
  await write();
  await delMany(
    others.map(({ key }) => key),
    database(),
  );
  for (const key of free) localStorage.removeItem(LAST + key);
}

const LAST = "weft.last.";

/** What windows wrote in the moment in which they closed: newer than what they had in the database. */
function lastWords(): readonly (readonly [string, string])[] {
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(LAST))
    .map((key) => [key.slice(LAST.length), localStorage.getItem(key) ?? "{}"] as const);
}

/** The windows that no page has open. */
async function abandoned(keys: readonly string[]): Promise<readonly string[]> {
  const free = await Promise.all(keys.map((key) => hold(key, CLOSING_MS)));
  return keys.filter((_, place) => free[place]);
}

/** Claims a window's drafts for as long as this page lives; false where another page keeps them. */
async function hold(key: string, patience: number): Promise<boolean> {
  // Locks need a secure context; over plain HTTP from another machine, only this page's own drafts are told apart.
  if (navigator.locks === undefined) return key === sessionStorage.getItem(HELD);
  return new Promise((resolve, reject) => {
    const forLife = () => {
      resolve(true);
      return new Promise<void>(() => {});
    };
    const signal = AbortSignal.timeout(patience);
    navigator.locks.request(`weft.${key}`, { signal }, forLife).catch((problem: unknown) => {
      if (signal.aborted) resolve(false);
      else reject(problem);
    });
  });
}

function keepDrafts(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    void write();
  };
  useTabs.subscribe((state, before) => {
    if (state.active === before.active && sameWork(state.tabs, before.tabs)) return;
    clearTimeout(timer);
    timer = setTimeout(flush, SETTLE_MS);
  });
  window.addEventListener("pagehide", () => {
    // The page may be gone before the half second is over, and before the database has written.
    if (timer === undefined) return;
    writeAtOnce();
    flush();
  });
}

/** Local storage writes before the page goes; the next write to the database takes its place. */
function writeAtOnce(): void {
  try {
    localStorage.setItem(LAST + mine, JSON.stringify(present()));
  } catch (problem) {
    // More than the few megabytes that a browser gives: the database has what was half a second ago.
    if (!(problem instanceof DOMException)) throw problem;
  }
}

/** Selections and the like are no work: they are not worth a write. */
function sameWork(now: readonly Tab[], before: readonly Tab[]): boolean {
  if (now === before) return true;
  return (
    now.length === before.length &&
    now.every((tab, place) => {
      const old = before[place];
      return (
        old?.id === tab.id &&
        documentOf(old) === documentOf(tab) &&
        old.saved === tab.saved &&
        old.file === tab.file
      );
    })
  );
}

/** The text of a document; made once for each state of it, so that a change in one tab writes one tab anew. */
const written = new WeakMap<Document, string>();

function textOf(document: Document): string {
  const text = written.get(document) ?? toWire(document);
  written.set(document, text);
  return text;
}

function toDraft(tab: Tab): Draft {
  return { id: tab.id, text: textOf(documentOf(tab)), file: tab.file, dirty: isDirty(tab) };
}

function present(): Window {
  const { tabs, closed, active } = useTabs.getState();
  return { drafts: tabs.map(toDraft), closed: closed.map(toDraft), active, time: Date.now() };
}

async function write(): Promise<void> {
  const now = present();
  if (now.drafts.length + now.closed.length === 0) await del(mine, database());
  else await set(mine, JSON.stringify(now), database());
  // A page that comes back from the browser's own cache has written again since.
  localStorage.removeItem(LAST + mine);
}

function toTab(draft: Draft): Tab {
  const document = parseDocument(draft.text);
  return {
    id: draft.id,
    edited: beginHistory(document),
    saved: draft.dirty ? null : document,
    file: draft.file,
    path: [],
    selection: new Set(),
  };
}

function readWindow(text: string): Window {
  const json = asObject(parseJson(text), "A window's drafts");
  const { active, time } = json;
  return {
    drafts: drafts(json["drafts"]),
    closed: drafts(json["closed"]),
    active: isString(active) ? active : null,
    time: typeof time === "number" ? time : 0,
  };
}

/** A draft that can no longer be read is left out rather than keeping the editor from opening. */
function drafts(json: Json | undefined): readonly Draft[] {
  if (!Array.isArray(json)) return [];
  return json.filter(isObject).flatMap((item): Draft[] => {
    const { id, text, file, dirty } = item;
    if (!isString(id) || !isString(text) || !isReadable(text)) return [];
    const { name, version } = isObject(file) ? file : {};
    const ref = isString(name) && isString(version) ? { name, version } : null;
    return [{ id, text, file: ref, dirty: dirty === true }];
  });
}

function isReadable(text: string): boolean {
  try {
    parseDocument(text);
    return true;
  } catch (problem) {
    if (problem instanceof Unreadable) return false;
    throw problem;
  }
}
