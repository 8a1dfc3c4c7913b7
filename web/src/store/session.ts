/** The page's life with its server: what is asked at the start, kept up by the feed, and asked again after a loss. */

import { create } from "zustand";
import { openFeed } from "../api/feed";
import { ApiError } from "../api/http";
import { getJob, getJobs, getQueue } from "../api/jobs";
import { getCatalogue } from "../api/system";
import type { FeedEvent } from "../api/types";
import { strings, Unreadable } from "../documents/fields";
import { applyJobEvent, asking, learn, setQueue } from "../runs/jobs";
import { applyEvent, applyHistory, applyPreview } from "../runs/reduce";
import { loadProblemWords } from "../texts/problems";
import { serverTexts } from "../texts/refusals";
import { catalogueFailed, setCatalogue } from "./catalogue";
import { changed } from "./changes";
import { restoreDrafts } from "./drafts";
import { openStarter } from "./files";
import { foldersChanged } from "./folders";
import { askToken, wantsToken } from "./notices";
import { refreshBlueprints } from "./offers";
import { askPlan, watchPlans } from "./plan";
import { useSettings } from "./settings";
import { dismissSaying, makeWay } from "./shell";
import { useTabs } from "./tabs";

interface Session {
  /** `starting` until the first answer. */
  readonly connection: "starting" | "connected" | "lost";
}

export const useSession = create<Session>(() => ({ connection: "starting" }));

/** Names this page to the server. */
export const CLIENT = crypto.randomUUID();

/** Begins: drafts first, since they need no server; then the catalogue and the feed. */
export async function startSession(): Promise<void> {
  // Without the words, problems are told in English.
  await Promise.all([restoreDrafts(), loadProblemWords().catch(() => undefined)]);
  void loadCatalogue();
  openFeed(CLIENT, {
    event: receive,
    preview: (frame) => {
      if (useSettings.getState().livePreview) applyPreview(frame);
    },
    refresh: () => void refresh(),
    status: (connected) => {
      useSession.setState({ connection: connected ? "connected" : "lost" });
      if (connected) dismissSaying(serverTexts.silent);
    },
  });
  watchPlans();
  useTabs.subscribe(({ active }, before) => {
    if (active !== before.active) makeWay();
  });
  if (useTabs.getState().tabs.length === 0) await openStarter();
}

const RETRY_MS = 2_000;

/** Asks until there is an answer: a server that starts for the first time has no nodes to tell of yet. */
async function insistently(ask: () => Promise<void>, refused: (problem: Error) => void): Promise<void> {
  for (;;) {
    try {
      await ask();
      return;
    } catch (problem) {
      if (!(problem instanceof ApiError || problem instanceof Unreadable)) throw problem;
      refused(problem);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

export function loadCatalogue(): Promise<void> {
  return insistently(
    async () => setCatalogue(await getCatalogue()),
    (problem) => {
      if (wantsToken(problem)) askToken();
      catalogueFailed(problem.message);
    },
  );
}

/** Everything that the feed would have told, had it been heard from the beginning. */
function refresh(): Promise<void> {
  return insistently(
    async () => {
      const asked = asking();
      const [queue, history] = await Promise.all([getQueue(), getJobs({ limit: 50 })]);
      setQueue(queue, asked);
      for (const job of history.items) learn(job, asked);
      applyHistory(history.items);
      changed("library", "pictures", "history");
      foldersChanged();
      await refreshBlueprints();
    },
    () => {
      // The banner says already that the server is away.
    },
  );
}

function receive(event: FeedEvent): void {
  applyEvent(event);
  switch (applyJobEvent(event)) {
    case "queue":
      askQueue();
      break;
    case "history":
      askQueue();
      if (event.job !== null) void askJob(event.job);
      break;
    case "nothing":
      break;
  }
  if (event.type === "catalogue.changed") void loadCatalogue();
  if (event.type === "library.changed") {
    changed("library");
    void quietly(refreshBlueprints);
  }
  if (event.type === "files.changed") {
    foldersChanged(strings(event.data["kinds"]));
    // A model that was missing may be there now, or the other way round.
    askPlan();
  }
  if (event.type === "node.artifact" || event.type === "artifact.removed") changed("pictures");
  if (event.type === "job.removed") changed("history");
}

const SETTLE_MS = 60;
let settling: ReturnType<typeof setTimeout> | undefined;

/** A burst of events asks once. */
function askQueue(): void {
  if (settling !== undefined) return;
  settling = setTimeout(() => {
    settling = undefined;
    const asked = asking();
    void quietly(async () => setQueue(await getQueue(), asked));
  }, SETTLE_MS);
}

async function askJob(id: string): Promise<void> {
  const asked = asking();
  await quietly(async () => {
    const { workflow: _, ...job } = await getJob(id);
    learn(job, asked);
  });
  changed("history");
}

/** What the feed asks by itself must not disturb anyone: after a break, the feed's own refresh makes up for it. */
async function quietly(ask: () => Promise<void>): Promise<void> {
  try {
    await ask();
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
  }
}
