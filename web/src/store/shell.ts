/** What of the shell is open, and the notices on it: nothing here belongs to a document. */

import { create } from "zustand";

export type LeftPanel = "nodes" | "outline" | "library" | "templates" | "gallery" | "queue";

export type BottomPanel = "problems" | "profile";

export type Dialog =
  | { readonly kind: "palette" }
  | {
      readonly kind: "wire";
      readonly node: string;
      /** The port of the node to wire, where it is known already. */
      readonly port?: { readonly node: string; readonly side: "in" | "out"; readonly name: string };
    }
  | { readonly kind: "keys" }
  | { readonly kind: "sweep"; readonly node: string; readonly input: string }
  | { readonly kind: "sweep-grid"; readonly sweep: string }
  | { readonly kind: "difference"; readonly job: string }
  | { readonly kind: "settings" }
  | { readonly kind: "token" }
  | { readonly kind: "save-as"; readonly tab: string }
  | { readonly kind: "versions"; readonly name: string }
  | { readonly kind: "conflict"; readonly tab: string }
  | { readonly kind: "close"; readonly tab: string }
  | { readonly kind: "rename"; readonly name: string }
  | {
      readonly kind: "confirm";
      readonly title: string;
      readonly text: string;
      /** What the button says that does it. */
      readonly label: string;
      readonly run: () => void;
    }
  | { readonly kind: "beside"; readonly left: string; readonly right: string }
  | {
      readonly kind: "stages";
      /** Where the way to the picture ends; the longest one where it is not said. */
      readonly node?: string;
      /** The run that made it; `null` for what is on the canvas. */
      readonly job: string | null;
    }
  | { readonly kind: "picture"; readonly artifact: string; readonly compare?: string };

export interface Notice {
  readonly id: number;
  readonly kind: "info" | "success" | "warning" | "error";
  readonly text: string;
  readonly hint?: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

interface ShellState {
  readonly left: LeftPanel | null;
  readonly inspector: boolean;
  /** Documents are shown as forms rather than as graphs. */
  readonly form: boolean;
  /** What the strip below the canvas shows. */
  readonly bottom: BottomPanel | null;
  readonly dialog: Dialog | null;
  readonly notices: readonly Notice[];
  /** A node that the canvas is asked to show; `request` differs each time, so the same one can be asked for twice. */
  readonly reveal: { readonly node: string; readonly request: number } | null;
}

export const useShell = create<ShellState>(() => ({
  left: null,
  inspector: false,
  form: false,
  bottom: null,
  dialog: null,
  notices: [],
  reveal: null,
}));

function isNarrow(): boolean {
  return window.matchMedia("(max-width: 700px)").matches;
}

/** Opens a panel of the left side, or closes it. A narrow page has room for one side only. */
export function toggleLeft(panel: LeftPanel): void {
  const narrow = isNarrow();
  useShell.setState(({ left, inspector }) => ({
    left: left === panel ? null : panel,
    inspector: inspector && !narrow,
  }));
}

/** Something is to be seen in the middle: on a narrow page, what covers it goes. */
export function makeWay(): void {
  if (isNarrow()) useShell.setState({ left: null, inspector: false });
}

/** Shows documents as forms, or as graphs again. */
export function toggleForm(): void {
  useShell.setState(({ form }) => ({ form: !form }));
  makeWay();
}

/** Opens a panel of the strip below the canvas, or closes it. */
export function toggleBottom(panel: BottomPanel): void {
  useShell.setState(({ bottom }) => ({ bottom: bottom === panel ? null : panel }));
}

export function showDialog(dialog: Dialog | null): void {
  useShell.setState({ dialog });
}

/** Asks the canvas to bring a node into view. */
export function revealNode(node: string): void {
  useShell.setState(({ reveal }) => ({ reveal: { node, request: (reveal?.request ?? 0) + 1 } }));
}

let lastNotice = 0;

/** Shows a notice; one that says the same takes its place, so that equal ones do not pile up. */
export function notify(notice: Omit<Notice, "id">): void {
  lastNotice += 1;
  const id = lastNotice;
  const says = (other: Notice) => other.kind === notice.kind && other.text === notice.text;
  useShell.setState(({ notices }) => ({
    notices: [...notices.filter((other) => !says(other)), { ...notice, id }].slice(-4),
  }));
  // Errors stay until they are read; the rest goes by itself.
  if (notice.kind !== "error") setTimeout(() => dismiss(id), notice.action === undefined ? 4_000 : 8_000);
}

/** What went wrong before is no news once something is tried again. */
export function dismissErrors(): void {
  useShell.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.kind !== "error") }));
}

/** What a notice says is no longer so. */
export function dismissSaying(text: string): void {
  useShell.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.text !== text) }));
}

export function dismiss(id: number): void {
  useShell.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.id !== id) }));
}
