/** Opening and saving: the server's library, templates, files of this machine, and pictures that carry a workflow. */

import { ApiError } from "../api/http";
import { convert, convertForComfy, getVersion, getWorkflow, putCover, putWorkflow } from "../api/library";
import { getArtifactWorkflow, isPicture } from "../api/pictures";
import type { Problem } from "../api/types";
import { withSignatures } from "../catalogue/signatures";
import { setTitle } from "../commands/document";
import { EMPTY_DOCUMENT } from "../documents/empty";
import { Unreadable } from "../documents/fields";
import { formatJson, parseJson } from "../documents/json";
import { looksLikeDocument, toDocument } from "../documents/parse";
import { isPng, pngTexts } from "../documents/png";
import { toText } from "../documents/serialise";
import type { Document, Json } from "../documents/types";
import { nodeKey, nodeRuns } from "../runs/board";
import { texts } from "../texts/panels";
import { useCatalogue } from "./catalogue";
import { changed } from "./changes";
import { report } from "./notices";
import { remember } from "./recents";
import { notify, showDialog } from "./shell";
import { openShipped } from "./shipped";
import {
  activate,
  activeTab,
  changeTab,
  documentOf,
  editIn,
  openTab,
  type Tab,
  tabOf,
  useTabs,
} from "./tabs";

/** What a person sees first: text to image, ready to run. */
const STARTER = "text_to_image";

export async function openStarter(): Promise<void> {
  try {
    const starter = await openShipped(STARTER);
    // A file may have been dropped meanwhile.
    if (useTabs.getState().tabs.length === 0) openTab(starter, { pristine: true });
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    if (useTabs.getState().tabs.length === 0) newDocument();
  }
}

export function newDocument(): void {
  openTab(EMPTY_DOCUMENT, { pristine: true });
}

/** Opens a workflow of the library; where it is open already, its tab is shown. */
export async function openFromLibrary(name: string): Promise<void> {
  const open = useTabs.getState().tabs.find((tab) => tab.file?.name === name);
  if (open !== undefined) {
    activate(open.id);
    remember(name);
    return;
  }
  await reported(async () => {
    const { document, version } = await getWorkflow(name);
    openTab(document, { file: { name, version } });
    remember(name);
  });
}

export async function openVersion(name: string, version: string): Promise<void> {
  await reported(async () => {
    const document = await getVersion(name, version);
    openTab({ ...document, title: texts.files.versionTitle(document.title, version) });
  });
}

export async function openTemplate(name: string): Promise<void> {
  await reported(async () => {
    openTab(await openShipped(name), { pristine: true });
  });
}

/** Opens the workflow that made a picture. */
export async function openPictureWorkflow(artifact: string): Promise<void> {
  await reported(async () => {
    openTab(await getArtifactWorkflow(artifact), { pristine: true });
  });
}

/** Opens a dropped or chosen file. `false`: it is a picture without a workflow, for others to take. */
export async function openFile(file: File): Promise<boolean> {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const json = isPng(bytes)
      ? await carried(bytes)
      : isPictureFile(file)
        ? undefined
        : read(new TextDecoder().decode(bytes));
    if (json === undefined) return false;
    const document = await understood(json);
    openTab(document.title === "Untitled" ? { ...document, title: stem(file.name) } : document);
  } catch (problem) {
    report(problem);
  }
  return true;
}

function isPictureFile(file: File): boolean {
  return file.type.startsWith("image/");
}

function stem(name: string): string {
  return name.replace(/\.[^.]*$/, "") || name;
}

function read(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    throw new Unreadable(texts.files.notJson, texts.files.notJsonHint);
  }
}

/** Ours first; of ComfyUI's two, the one that has the places of nodes. */
async function carried(bytes: Uint8Array): Promise<Json | undefined> {
  const found = await pngTexts(bytes);
  const text = found.get("weft") ?? found.get("workflow") ?? found.get("prompt");
  return text === undefined ? undefined : read(text);
}

async function understood(json: Json): Promise<Document> {
  if (looksLikeDocument(json)) return toDocument(json);
  const { document, problems } = await convert(json);
  if (problems.length > 0) warnOfConversion(problems);
  return document;
}

function warnOfConversion(problems: readonly Problem[]): void {
  notify({ kind: "warning", text: texts.files.converted(problems.length), hint: problems[0]?.message ?? "" });
}

/** Saves a tab to its file, or asks for a name where it has none yet. */
export async function save(id?: string): Promise<void> {
  const tab = id === undefined ? activeTab() : tabOf(id);
  if (tab === undefined) return;
  if (tab.file === null) {
    showDialog({ kind: "save-as", tab: tab.id });
    return;
  }
  const { name, version } = tab.file;
  try {
    await write(tab, name, version === "" ? { kind: "absent" } : { kind: "version", version });
  } catch (problem) {
    if (isConflict(problem)) showDialog({ kind: "conflict", tab: tab.id });
    else report(problem);
  }
}

async function write(tab: Tab, name: string, expected: Parameters<typeof putWorkflow>[2]): Promise<void> {
  const document = documentOf(tab);
  const version = await putWorkflow(
    name,
    withSignatures(document, useCatalogue.getState().catalogue),
    expected,
  );
  changeTab(tab.id, (current) => ({ ...current, saved: document, file: { name, version } }));
  remember(name);
  await keepCover(tab, name);
  changed("library");
  notify({ kind: "success", text: texts.files.saved(name) });
}

async function keepCover(tab: Tab, name: string): Promise<void> {
  const picture = lastPicture(tab);
  if (picture === undefined) return;
  try {
    await putCover(name, picture);
  } catch (problem) {
    // The picture was deleted meanwhile: the workflow keeps the cover that it has.
    if (!(problem instanceof ApiError && problem.status === 404)) throw problem;
  }
}

/** The first picture of the tab's last run, saved ones before previews: it stands for the workflow in lists. */
function lastPicture(tab: Tab): string | undefined {
  const runs = Object.keys(documentOf(tab).nodes).map((node) => nodeRuns.get(nodeKey(tab.id, node)));
  const pictures = runs.flatMap((run) => run?.artifacts ?? []).filter(isPicture);
  const saved = pictures.filter(({ folder }) => folder === "output");
  return [...saved, ...pictures][0]?.id;
}

export function isConflict(problem: unknown): boolean {
  return problem instanceof ApiError && (problem.status === 412 || problem.status === 409);
}

/** Saves under a name; `exists` where that name is taken and `replace` was not asked for. */
export async function saveAs(
  id: string,
  name: string,
  replace: boolean,
): Promise<"saved" | "exists" | "failed"> {
  const before = tabOf(id);
  if (before === undefined) return "failed";
  if (documentOf(before).title === EMPTY_DOCUMENT.title)
    editIn(id, null, setTitle(name.split("/").at(-1) ?? name));
  const tab = tabOf(id) ?? before;
  try {
    await write(tab, name, { kind: replace ? "whatever" : "absent" });
    return "saved";
  } catch (problem) {
    if (isConflict(problem)) return "exists";
    report(problem);
    return "failed";
  }
}

/** After a conflict: mine over theirs. The server keeps theirs as a version. */
export async function keepMine(id: string): Promise<void> {
  const tab = tabOf(id);
  if (tab?.file) await reported(() => write(tab, tab.file?.name ?? "", { kind: "whatever" }));
}

/** After a conflict: theirs in this tab's place, and mine beside it under no name yet. Neither is lost. */
export async function takeTheirs(id: string): Promise<void> {
  const tab = tabOf(id);
  const name = tab?.file?.name;
  if (tab === undefined || name === undefined) return;
  await reported(async () => {
    const { document, version } = await getWorkflow(name);
    changeTab(id, (mine) => ({ ...mine, file: null, saved: null }));
    editIn(id, null, setTitle(texts.files.mine(documentOf(tab).title)));
    openTab(document, { file: { name, version } });
  });
}

/** Hands the file to the browser's downloads. */
export function exportJson(): void {
  const tab = activeTab();
  if (tab !== undefined) handOver(toText(toBeShared(tab)), fileNameOf(tab));
}

/** Hands the workflow to the browser's downloads as a file that ComfyUI opens. */
export async function exportForComfy(): Promise<void> {
  const tab = activeTab();
  if (tab === undefined) return;
  await reported(async () => {
    const theirs = await convertForComfy(toBeShared(tab));
    handOver(formatJson(theirs), `${fileNameOf(tab)}.comfyui`);
  });
}

function toBeShared(tab: Tab): Document {
  return withSignatures(documentOf(tab), useCatalogue.getState().catalogue);
}

function fileNameOf(tab: Tab): string {
  const name = tab.file?.name.split("/").at(-1) ?? documentOf(tab).title;
  return name.replace(/[^\p{L}\p{N} _.-]+/gu, "_") || "workflow";
}

function handOver(text: string, name: string): void {
  const link = window.document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `${name}.json`;
  link.click();
  // The browser has begun to read by the next turn; the address would otherwise hold the text for ever.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Asks the machine for files and opens each. */
export function chooseFiles(): void {
  const input = window.document.createElement("input");
  input.type = "file";
  input.accept = ".json,application/json,image/png";
  input.multiple = true;
  input.onchange = async () => {
    for (const file of input.files ?? []) {
      if (!(await openFile(file))) notify({ kind: "info", text: texts.files.noWorkflow(file.name) });
    }
  };
  input.click();
}

async function reported(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (problem) {
    report(problem);
  }
}
