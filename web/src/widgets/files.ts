/** The files of a folder of models or inputs, fetched when a picker first needs them. */

import { useEffect } from "react";
import { create } from "zustand";
import { getFiles } from "../api/pictures";
import type { StoredFile } from "../api/types";

interface FilesState {
  readonly folders: ReadonlyMap<string, readonly StoredFile[]>;
}

const useFolders = create<FilesState>(() => ({ folders: new Map() }));
const asked = new Set<string>();

/** Fetch a folder anew: what a picker does when it opens, and an upload when it is done. */
export async function refreshFolder(kind: string): Promise<void> {
  asked.add(kind);
  const files = await getFiles(kind).catch(() => undefined);
  if (files === undefined) asked.delete(kind);
  else useFolders.setState(({ folders }) => ({ folders: new Map([...folders, [kind, files]]) }));
}

/** The files of a folder; `undefined` until they are known, and while no folder is asked for. */
export function useFolder(kind: string | undefined): readonly StoredFile[] | undefined {
  const files = useFolders((state) => (kind === undefined ? undefined : state.folders.get(kind)));
  useEffect(() => {
    if (kind !== undefined && !asked.has(kind)) void refreshFolder(kind);
  }, [kind]);
  return files;
}

export function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${Math.round(bytes / 1e6)} MB`;
  return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}
