/** The pictures that runs made, page by page from the server's history. */

import { create } from "zustand";
import { deleteArtifact, getArtifacts } from "../api/pictures";
import type { Artifact } from "../api/types";
import { report } from "./notices";

interface Gallery {
  readonly items: readonly Artifact[];
  readonly query: string;
  readonly folder: Artifact["folder"];
  /** Where the next page begins; `null` at the end. */
  readonly next: string | null;
  readonly state: "new" | "loading" | "ready" | "failed";
}

const PAGE = 60;

export const useGallery = create<Gallery>(() => ({
  items: [],
  query: "",
  folder: "output",
  next: null,
  state: "new",
}));

let asked = 0;

/** Looks again from the newest on. Pictures that are known stay until the answer comes. */
export async function refreshGallery(look: Partial<Pick<Gallery, "query" | "folder">> = {}): Promise<void> {
  asked += 1;
  const mine = asked;
  useGallery.setState(({ state }) => ({ ...look, state: state === "ready" ? "ready" : "loading" }));
  const { query, folder } = useGallery.getState();
  try {
    const { items, next } = await getArtifacts({ limit: PAGE, q: query, folder });
    if (mine === asked) useGallery.setState({ items, next, state: "ready" });
  } catch (problem) {
    if (mine === asked) useGallery.setState({ state: "failed" });
    report(problem);
  }
}

export async function loadMore(): Promise<void> {
  const { next, query, folder, state } = useGallery.getState();
  if (next === null || state !== "ready") return;
  useGallery.setState({ state: "loading" });
  try {
    const page = await getArtifacts({ limit: PAGE, before: next, q: query, folder });
    useGallery.setState(({ items }) => ({
      items: [...items, ...page.items],
      next: page.next,
      state: "ready",
    }));
  } catch (problem) {
    useGallery.setState({ state: "failed" });
    report(problem);
  }
}

/** Deletes a picture on the server, and here. */
export async function removePicture(id: string): Promise<void> {
  try {
    await deleteArtifact(id);
    useGallery.setState(({ items }) => ({ items: items.filter((item) => item.id !== id) }));
  } catch (problem) {
    report(problem);
  }
}
