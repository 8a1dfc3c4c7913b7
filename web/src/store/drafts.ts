/** Drafts: every open document in IndexedDB half a second after its last change, so that closing loses nothing. */

import { createStore, del, entries, set, type UseStore } from "idb-keyval";
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
let store: UseStore | undefined;
let mine = "";

function database(): UseStore {
  store ??= createStore("weft-drafts", "windows");
  return store;
}

/** Takes up what this window had open, or what a window that is gone left behind; from then on keeps drafts. */
export async function restoreDrafts(): Promise<void> {
  const known = await entries<string, string>(database());
  const held = sessionStorage.getItem("weft.window");
  const candidates = known
    .map(([key, text]) => ({ key, window: readWindow(text) }))
    .sort(
      (one, other) =>
        Number(other.key === held) - Number(one.key === held) || other.window.time - one.window.time,
    );
  for (const { key, window } of candidates) {
    if (window.drafts.length === 0 || !(await hold(key))) continue;
    mine = key;
    restoreTabs(window.drafts.map(toTab), window.active);
    useTabs.setState({ closed: window.closed.map(toTab) });
    break;
  }
  if (mine === "") {
    mine = `${KEY_PREFIX}${crypto.randomUUID()}`;
    await hold(mine);
  }
  sessionStorage.setItem("weft.window", mine);
  keepDrafts();
}

/** Claims a window's drafts for as long as this page lives; false where another page has them open. */
async function hold(key: string): Promise<boolean> {
  // Locks need a secure context; over plain HTTP from another machine, only this page's own drafts are told apart.
  if (navigator.locks === undefined)
    return key === sessionStorage.getItem("weft.window") || !key.startsWith(KEY_PREFIX);
  return new Promise((resolve) => {
    void navigator.locks.request(`weft.${key}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise<void>(() => {});
    });
  });
}

function keepDrafts(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    void write();
  };
  useTabs.subscribe((state, before) => {
    if (state.active === before.active && sameWork(state.tabs, before.tabs)) return;
    clearTimeout(timer);
    timer = setTimeout(flush, SETTLE_MS);
  });
  // The page may be gone before the half second is over.
  window.addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") flush();
  });
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

async function write(): Promise<void> {
  const { tabs, closed, active } = useTabs.getState();
  const now: Window = { drafts: tabs.map(toDraft), closed: closed.map(toDraft), active, time: Date.now() };
  if (tabs.length === 0 && closed.length === 0) await del(mine, database());
  else await set(mine, JSON.stringify(now), database());
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
