/** The pictures that runs made, page by page from the server's history. */

import { create } from "zustand";
import { deleteArtifact, getArtifacts } from "../api/pictures";
import type { Artifact } from "../api/types";
import { report } from "./notices";

interface Gallery {
  readonly items: readonly Artifact[];
  readonly query: string;
  /** Where the next page begins; `null` at the end. */
  readonly next: string | null;
  readonly state: "new" | "loading" | "ready" | "failed";
}

const PAGE = 60;

export const useGallery = create<Gallery>(() => ({ items: [], query: "", next: null, state: "new" }));

let asked = 0;

/** Looks again from the newest on; `query` searches titles. Pictures that are known stay until the answer comes. */
export async function refreshGallery(query = useGallery.getState().query): Promise<void> {
  asked += 1;
  const mine = asked;
  useGallery.setState((state) => ({ query, state: state.state === "ready" ? "ready" : "loading" }));
  try {
    const { items, next } = await getArtifacts({ limit: PAGE, q: query });
    if (mine === asked) useGallery.setState({ items, next, state: "ready" });
  } catch (problem) {
    if (mine === asked) useGallery.setState({ state: "failed" });
    report(problem);
  }
}

export async function loadMore(): Promise<void> {
  const { next, query, state } = useGallery.getState();
  if (next === null || state !== "ready") return;
  useGallery.setState({ state: "loading" });
  try {
    const page = await getArtifacts({ limit: PAGE, before: next, q: query });
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
