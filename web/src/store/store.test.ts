import { beforeEach, describe, expect, test } from "vitest";
import { addNode, removeNodes } from "../commands/nodes";
import { setValue } from "../commands/values";
import { EMPTY_DOCUMENT } from "../documents/empty";
import { actionFor, chordOf, chordText, perform, registerActions } from "./actions";
import { specOf } from "./catalogue";
import { dismissErrors, notify, useShell } from "./shell";
import {
  activate,
  activeGraph,
  activeTab,
  closeTab,
  edit,
  editIn,
  isDirty,
  openTab,
  redo,
  reopenTab,
  restoreTabs,
  seal,
  select,
  undo,
  useTabs,
} from "./tabs";

beforeEach(() => useTabs.setState({ tabs: [], active: null, closed: [] }));

const add = (id: string) => edit(addNode({ id, type: "A", version: 1 }, { x: 0, y: 0 }));

describe("tabs", () => {
  test("hold documents of their own, each with its own history", () => {
    const first = openTab(EMPTY_DOCUMENT);
    add("a");
    const second = openTab(EMPTY_DOCUMENT);
    undo();
    expect(activeTab()?.id).toBe(second);
    expect(Object.keys(activeGraph().nodes)).toEqual([]);
    activate(first);
    expect(Object.keys(activeGraph().nodes)).toEqual(["a"]);
    undo();
    redo();
    expect(Object.keys(activeGraph().nodes)).toEqual(["a"]);
  });

  test("know when there is something to save, and when undo took it back", () => {
    openTab(EMPTY_DOCUMENT, { pristine: true });
    const dirty = () => isDirty(activeTab() ?? expect.fail("There is no tab."));
    expect(dirty()).toBe(false);
    add("a");
    expect(dirty()).toBe(true);
  });

  test("that a draft kept come back before what was opened meanwhile", () => {
    openTab(EMPTY_DOCUMENT);
    const kept = useTabs.getState().tabs;
    useTabs.setState({ tabs: [], active: null });
    const opened = openTab(EMPTY_DOCUMENT);
    restoreTabs(kept, kept[0]?.id ?? null);
    expect(useTabs.getState().tabs.map(({ id }) => id)).toEqual([kept[0]?.id, opened]);
    expect(activeTab()?.id).toBe(opened);
  });

  test("drop nodes from the selection that an edit took away", () => {
    openTab(EMPTY_DOCUMENT);
    add("a");
    add("b");
    select(["a", "b"]);
    edit(removeNodes(["a"], (_, id) => specOf(id)));
    expect([...(activeTab()?.selection ?? [])]).toEqual(["b"]);
    undo();
    expect([...(activeTab()?.selection ?? [])]).toEqual(["b"]);
  });

  test("keep the tab object where nothing changed", () => {
    openTab(EMPTY_DOCUMENT);
    add("a");
    select(["a"]);
    const before = activeTab();
    select(["a"]);
    seal();
    undo();
    redo();
    redo();
    expect(activeTab()?.selection.size).toBe(0);
    const after = activeTab();
    redo();
    expect(activeTab()).toBe(after);
    expect(after).not.toBe(before);
  });

  test("that are closed come back with their history", () => {
    const id = openTab(EMPTY_DOCUMENT);
    openTab(EMPTY_DOCUMENT);
    activate(id);
    add("a");
    closeTab(id);
    expect(useTabs.getState().tabs).toHaveLength(1);
    expect(activeTab()?.id).not.toBe(id);
    reopenTab();
    expect(activeTab()?.id).toBe(id);
    undo();
    expect(Object.keys(activeGraph().nodes)).toEqual([]);
  });

  test("can be edited while another one is shown", () => {
    const id = openTab(EMPTY_DOCUMENT);
    add("a");
    openTab(EMPTY_DOCUMENT);
    editIn(id, null, setValue("a", "seed", 5));
    expect(useTabs.getState().tabs[0]?.edited.document.nodes["a"]?.inputs["seed"]).toBe(5);
    expect(Object.keys(activeGraph().nodes)).toEqual([]);
  });
});

describe("actions", () => {
  const key = (
    key: string,
    held: Partial<Record<"ctrlKey" | "shiftKey" | "altKey" | "metaKey", boolean>> = {},
  ) => chordOf({ key, ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, ...held });

  test("are found by chord, where they are enabled and the person is not typing", () => {
    const done: string[] = [];
    let enabled = true;
    const remove = registerActions([
      { id: "a.save", title: "Save", keys: ["Mod+S"], whileTyping: true, run: () => done.push("save") },
      { id: "a.mute", title: "Mute", keys: ["M"], enabled: () => enabled, run: () => done.push("mute") },
    ]);
    expect(actionFor("Mod+S", true)?.id).toBe("a.save");
    expect(actionFor("M", true)).toBeUndefined();
    expect(perform("a.mute")).toBe(true);
    enabled = false;
    expect(perform("a.mute")).toBe(false);
    expect(actionFor("M", false)).toBeUndefined();
    remove();
    expect(perform("a.save")).toBe(false);
    expect(done).toEqual(["mute"]);
  });

  test.each([
    [key("s", { ctrlKey: true }), "Mod+S", "Ctrl+S"],
    [key("Z", { ctrlKey: true, shiftKey: true }), "Mod+Shift+Z", "Ctrl+Shift+Z"],
    [key("?", { shiftKey: true }), "?", "?"],
    [key("+", { ctrlKey: true }), "Mod++", "Ctrl++"],
    [key(" "), "Space", "Space"],
    [key("ArrowUp", { altKey: true }), "Alt+ArrowUp", "Alt+↑"],
    [key("Delete", { shiftKey: true }), "Shift+Delete", "Shift+Delete"],
  ])("%s is the chord %s, written %s", (chord, expected, text) => {
    expect(chord).toBe(expected);
    expect(chordText(chord)).toBe(text);
  });
});

describe("notices", () => {
  test("that say the same do not pile up; the newest four stay", () => {
    useShell.setState({ notices: [] });
    for (const text of ["a", "b", "a", "c", "d", "e"]) notify({ kind: "error", text });
    expect(useShell.getState().notices.map((notice) => notice.text)).toEqual(["a", "c", "d", "e"]);
  });

  test("of errors go with the next try; others stay their time", () => {
    useShell.setState({ notices: [] });
    notify({ kind: "error", text: "It failed." });
    notify({ kind: "info", text: "Saved." });
    dismissErrors();
    expect(useShell.getState().notices.map((notice) => notice.text)).toEqual(["Saved."]);
  });
});
