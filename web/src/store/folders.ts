/** The files of a folder of models or inputs, fetched when a picker first needs them, and again when they change. */

import { useEffect } from "react";
import { create } from "zustand";
import { getFamilies, getFiles } from "../api/pictures";
import type { StoredFile } from "../api/types";
import { useCatalogue } from "./catalogue";

interface FilesState {
  readonly folders: ReadonlyMap<string, readonly StoredFile[]>;
  /** The models that files are for, by folder and name. */
  readonly families: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

const useFolders = create<FilesState>(() => ({ folders: new Map(), families: new Map() }));
const asked = new Set<string>();

/** Fetch a folder anew: what a picker does when it opens, and an upload when it is done. */
export async function refreshFolder(kind: string): Promise<void> {
  asked.add(kind);
  const files = await getFiles(kind).catch(() => undefined);
  if (files === undefined) asked.delete(kind);
  else useFolders.setState(({ folders }) => ({ folders: new Map([...folders, [kind, files]]) }));
}

/** Asks which models the files of a folder are for: what a picker does when it opens, since it reads every file. */
export async function refreshFamilies(kind: string): Promise<void> {
  const found = await getFamilies(kind).catch(() => undefined);
  if (found === undefined) return;
  useFolders.setState(({ families }) => ({ families: new Map([...families, [kind, found]]) }));
}

export function useFamilies(kind: string): ReadonlyMap<string, string> | undefined {
  return useFolders(({ families }) => families.get(kind));
}

/** The files of a folder; `undefined` until they are known, and while no folder is asked for. */
export function useFolder(kind: string | undefined): readonly StoredFile[] | undefined {
  const files = useFolders((state) => (kind === undefined ? undefined : state.folders.get(kind)));
  useEffect(() => {
    if (kind !== undefined && !asked.has(kind)) void refreshFolder(kind);
  }, [kind]);
  return files;
}

/** The first file of a folder, as far as it is known: what a new node that needs one starts with. */
export function firstFile(kind: string): string | undefined {
  return useFolders.getState().folders.get(kind)?.[0]?.name;
}

/** Has the folders of models at hand that nodes choose from, while nodes are being added. */
export function useModelFolders(): void {
  const nodes = useCatalogue(({ catalogue }) => catalogue.nodes);
  useEffect(() => {
    const widgets = [...nodes.values()].flatMap((spec) => spec.inputs.map((input) => input.widget));
    const kinds = widgets.map((widget) => (widget?.kind === "file" ? widget.folder : undefined));
    for (const kind of new Set(kinds))
      if (typeof kind === "string" && !asked.has(kind)) void refreshFolder(kind);
  }, [nodes]);
}

/** The server says that folders are no longer as they were; without names, that any may be. */
export function foldersChanged(kinds: readonly string[] = [...asked]): void {
  for (const kind of kinds) if (asked.has(kind)) void refreshFolder(kind);
}
