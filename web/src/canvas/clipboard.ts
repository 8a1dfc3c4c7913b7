/** Copying and pasting: nodes with their wires, and the frames and notes that go with them. */

import { copyNodes, type Fragment, pasteNodes, type Surroundings } from "../commands/fragment";
import { type Box, nodesInFrame } from "../commands/frames";
import { EMPTY_DOCUMENT } from "../documents/empty";
import type { Graph, NodeId } from "../documents/types";
import { useSettings } from "../store/settings";
import { activeGraph, activeTab, documentOf, edit, select } from "../store/tabs";
import { chosen, pointerNow } from "./chosen";
import { stage, toWorld } from "./stage";

const CLIPBOARD = "weft.fragment.2";

let held: Fragment | undefined;

function sizeOf(id: NodeId) {
  return stage.getState().scene.placed.get(id) ?? { width: 0, height: 0 };
}

function within(inner: Box, outer: Box): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

/** What lies wholly in a frame, the frame included. */
export function contentsOf(graph: Graph, id: string) {
  const frame = graph.frames[id];
  if (frame === undefined) return { nodes: [], frames: [], notes: [] };
  const inside = (boxes: Readonly<Record<string, Box>>) =>
    Object.keys(boxes).filter((key) => within(boxes[key] as Box, frame));
  return {
    nodes: nodesInFrame(graph, frame, sizeOf),
    frames: inside(graph.frames),
    notes: inside(graph.notes),
  };
}

/** A frame goes along where all that it holds does, a note where its frame does; everything where all nodes go. */
function surroundings(graph: Graph, ids: readonly NodeId[]): Surroundings {
  const going = new Set(ids);
  if (ids.length > 0 && ids.length === Object.keys(graph.nodes).length)
    return { frames: Object.keys(graph.frames), notes: Object.keys(graph.notes) };
  const whole = Object.keys(graph.frames).filter((id) => {
    const { nodes } = contentsOf(graph, id);
    return nodes.length > 0 && nodes.every((node) => going.has(node));
  });
  const all = whole.map((id) => contentsOf(graph, id));
  return {
    frames: [...new Set(all.flatMap(({ frames }) => frames))],
    notes: [...new Set(all.flatMap(({ notes }) => notes))],
  };
}

function taken(ids: readonly NodeId[], around: Surroundings): Fragment {
  const tab = activeTab();
  return copyNodes(tab === undefined ? EMPTY_DOCUMENT : documentOf(tab), activeGraph(), ids, around);
}

/** The copy is kept in this browser, so that it can be pasted into another window. */
function hold(fragment: Fragment): void {
  held = fragment;
  try {
    localStorage.setItem(CLIPBOARD, JSON.stringify(held));
  } catch {
    // Too large to share between windows (or holds integers that JSON cannot): this window keeps its own.
    localStorage.removeItem(CLIPBOARD);
  }
}

export function copy(): void {
  hold(taken(chosen(), surroundings(activeGraph(), chosen())));
}

/** Copies a frame with everything in it. */
export function copyFrame(id: string): void {
  const { nodes, ...around } = contentsOf(activeGraph(), id);
  hold(taken(nodes, around));
}

export function copyNote(id: string): void {
  hold(taken([], { notes: [id] }));
}

function heldFragment(): Fragment | undefined {
  const text = localStorage.getItem(CLIPBOARD);
  return text === null ? held : (JSON.parse(text) as Fragment);
}

function pasteAt(fragment: Fragment, at: { x: number; y: number }, keepIncoming: boolean): void {
  const tab = activeTab();
  if (tab === undefined) return;
  const pasted = pasteNodes(documentOf(tab), activeGraph(), fragment, { at, keepIncoming });
  edit(pasted.edit);
  select(pasted.ids);
}

export function pasteHeld(keepIncoming: boolean): void {
  const fragment = heldFragment();
  if (fragment === undefined) return;
  const { width, height, camera } = stage.getState();
  const [x, y] = pointerNow() ?? toWorld([width / 2, height / 2], camera);
  pasteAt(fragment, { x: Math.round(x), y: Math.round(y) }, keepIncoming);
}

/** Puts a copy of a fragment so far from where it was taken. */
function pasteShifted(fragment: Fragment, dx: number, dy: number): void {
  const places = [fragment.view, fragment.frames, fragment.notes].flatMap((boxes) => Object.values(boxes));
  if (places.length === 0) return;
  const x = Math.min(...places.map((place) => place.x)) + dx;
  const y = Math.min(...places.map((place) => place.y)) + dy;
  pasteAt(fragment, { x, y }, true);
}

function pasteBeside(fragment: Fragment): void {
  const off = Math.max(useSettings.getState().grid * 2, 32);
  pasteShifted(fragment, off, off);
}

/** What a drag with Alt does: copies of nodes, so far from them. */
export function dropCopy(ids: readonly NodeId[], dx: number, dy: number): void {
  pasteShifted(taken(ids, {}), dx, dy);
}

export function duplicate(): void {
  pasteBeside(taken(chosen(), surroundings(activeGraph(), chosen())));
}

/** Duplicates a frame with everything in it. */
export function duplicateFrame(id: string): void {
  const { nodes, ...around } = contentsOf(activeGraph(), id);
  pasteBeside(taken(nodes, around));
}

export function duplicateNote(id: string): void {
  pasteBeside(taken([], { notes: [id] }));
}
