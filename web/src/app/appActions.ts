/** What can be done with documents and with the shell, by name and by key. */

import type { Action } from "../store/actions";
import { chooseFiles, exportForComfy, exportJson, newDocument, save } from "../store/files";
import { run, stop } from "../store/run";
import { changeSettings, useSettings } from "../store/settings";
import { showDialog, toggleBottom, toggleForm, toggleLeft, useShell } from "../store/shell";
import { activate, activeTab, redo, reopenTab, undo, useTabs } from "../store/tabs";
import { appTexts } from "../texts/app";
import { formTexts } from "../texts/form";
import { texts } from "../texts/panels";
import { profileTexts } from "../texts/runs";
import { sweepTexts } from "../texts/sweep";
import { outlineTexts } from "../texts/wires";
import { closeOrAsk } from "./closing";

function otherTab(step: number): void {
  const { tabs, active } = useTabs.getState();
  const at = tabs.findIndex((tab) => tab.id === active);
  const next = tabs[(at + step + tabs.length) % tabs.length];
  if (next) activate(next.id);
}

function flipTheme(): void {
  const now = document.documentElement.dataset["theme"];
  changeSettings({ theme: now === "light" ? "dark" : "light" });
}

export function appActions(): readonly Action[] {
  const t = appTexts;
  const past = (): boolean => (activeTab()?.edited.past.length ?? 0) > 0;
  const future = (): boolean => (activeTab()?.edited.future.length ?? 0) > 0;
  const active = (): string | undefined => activeTab()?.id;
  return [
    { id: "run.run", title: t.run, keys: ["Mod+Enter"], whileTyping: true, run: () => void run() },
    {
      id: "run.front",
      title: t.runFront,
      keys: ["Mod+Shift+Enter"],
      whileTyping: true,
      run: () => void run({ front: true }),
    },
    {
      id: "run.sweeps",
      title: sweepTexts.earlier,
      keys: ["Shift+S"],
      words: ["grid", "batch", "vary", "xy plot"],
      run: () => showDialog({ kind: "sweep-grid", sweep: "" }),
    },
    { id: "run.stop", title: t.stop, keys: ["Mod+."], whileTyping: true, run: () => void stop() },
    { id: "file.new", title: t.fileNew, keys: ["Alt+N"], run: newDocument },
    { id: "file.open", title: t.fileOpen, keys: ["Mod+O"], whileTyping: true, run: chooseFiles },
    { id: "file.save", title: t.fileSave, keys: ["Mod+S"], whileTyping: true, run: () => void save() },
    {
      id: "file.saveAs",
      title: t.fileSaveAs,
      keys: ["Mod+Shift+S"],
      whileTyping: true,
      run: () => saveAsDialog(active()),
    },
    { id: "file.export", title: t.fileExport, keys: ["Mod+E"], words: ["download", "json"], run: exportJson },
    {
      id: "file.exportForComfy",
      title: t.fileExportForComfy,
      keys: ["Mod+Shift+E"],
      words: ["download", "json", "comfy"],
      run: () => void exportForComfy(),
    },
    { id: "file.close", title: t.closeThisTab, keys: ["Alt+W"], run: () => closeOrAsk(active()) },
    { id: "file.reopen", title: t.reopenTab, keys: ["Alt+Shift+T"], run: reopenTab },
    { id: "tab.next", title: t.nextTab, keys: ["Alt+ArrowRight"], run: () => otherTab(1) },
    { id: "tab.previous", title: t.previousTab, keys: ["Alt+ArrowLeft"], run: () => otherTab(-1) },
    { id: "edit.undo", title: t.undo, keys: ["Mod+Z"], enabled: past, run: undo },
    { id: "edit.redo", title: t.redo, keys: ["Mod+Shift+Z", "Mod+Y"], enabled: future, run: redo },
    { id: "panel.nodes", title: t.nodes, keys: ["Alt+1"], run: () => toggleLeft("nodes") },
    { id: "panel.library", title: t.library, keys: ["Alt+2"], run: () => toggleLeft("library") },
    { id: "panel.templates", title: t.templates, keys: ["Alt+3"], run: () => toggleLeft("templates") },
    { id: "panel.gallery", title: t.gallery, keys: ["Alt+4"], run: () => toggleLeft("gallery") },
    { id: "panel.queue", title: t.queuePanel, keys: ["Alt+5"], run: () => toggleLeft("queue") },
    {
      id: "panel.outline",
      title: outlineTexts.title,
      keys: ["Alt+6", "O"],
      words: ["list", "tree", "screen reader"],
      run: () => toggleLeft("outline"),
    },
    {
      id: "panel.inspector",
      title: t.inspector,
      keys: ["I"],
      run: () => useShell.setState((s) => ({ inspector: !s.inspector })),
    },
    {
      id: "view.form",
      title: formTexts.toggle,
      keys: ["Shift+F"],
      words: ["simple", "app", "phone"],
      run: toggleForm,
    },
    {
      id: "panel.problems",
      title: texts.problems.title,
      keys: ["P"],
      run: () => toggleBottom("problems"),
    },
    {
      id: "panel.profile",
      title: profileTexts.title,
      keys: ["Shift+P"],
      words: ["time", "memory", "timeline", "slow"],
      run: () => toggleBottom("profile"),
    },
    {
      id: "app.palette",
      title: t.palette,
      keys: ["Mod+K", "Mod+P"],
      whileTyping: true,
      run: () => showDialog({ kind: "palette" }),
    },
    { id: "app.keys", title: t.keys, keys: ["?"], run: () => showDialog({ kind: "keys" }) },
    { id: "app.settings", title: t.settings, keys: ["Mod+,"], run: () => showDialog({ kind: "settings" }) },
    { id: "app.theme", title: t.theme, keys: ["Alt+T"], words: ["dark", "light"], run: flipTheme },
    {
      id: "view.minimap",
      title: t.minimap,
      keys: ["Alt+M"],
      run: () => changeSettings({ minimap: !useSettings.getState().minimap }),
    },
  ];
}

function saveAsDialog(tab: string | undefined): void {
  if (tab !== undefined) showDialog({ kind: "save-as", tab });
}
