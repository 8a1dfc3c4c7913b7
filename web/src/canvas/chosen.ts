/** What is done with the selected nodes, and where the pointer stands. */

import { together } from "../commands/edit";
import { addFrame, addNote } from "../commands/frames";
import { changeView, moveNodes, removeNodes, setMode } from "../commands/nodes";
import { resetValue } from "../commands/values";
import { disconnect, setRoute } from "../commands/wires";
import { freshName } from "../documents/ids";
import { isWired, subgraphKey, type Wire } from "../documents/inputs";
import type { NodeId, NodeMode, Point } from "../documents/types";
import type { upstream } from "../documents/walk";
import { specOf } from "../store/catalogue";
import { useSettings } from "../store/settings";
import { activeGraph, edit, enter, select } from "../store/tabs";
import { actionTexts, canvasTexts } from "../texts/canvas";
import { wantedLater } from "../widgets/later";
import { aligned, distributed, type Edge } from "./arrange";
import { selectionOf } from "./current";
import { visibleBox } from "./fabric";
import type { Placed } from "./scene";
import { FAR, stage, toWorld } from "./stage";
import { overlaps, union } from "./threads";
import { centreOn, fitAll } from "./viewport";

export const some = (): boolean => selectionOf().size > 0;
export const several = (): boolean => selectionOf().size > 1;
export const chosen = (): readonly NodeId[] => [...selectionOf()];

export function chosenBoxes(): readonly Placed[] {
  const { placed } = stage.getState().scene;
  return chosen().flatMap((id) => placed.get(id) ?? []);
}

/** Where the pointer is on the canvas: pastes, notes and new nodes go there. */
let pointer: Point | undefined;

export function notePointer(at: Point | undefined): void {
  pointer = at;
}

export function pointerNow(): Point | undefined {
  return pointer;
}

export function removeChosen(): void {
  edit(removeNodes(chosen(), (_, id) => specOf(id)));
}

/** The mode for all, or awake again where all have it. */
export function toggleMode(mode: NodeMode, ids: readonly NodeId[] = chosen()): void {
  const { nodes } = activeGraph();
  if (ids.length === 0) return;
  const all = ids.every((id) => nodes[id]?.mode === mode);
  edit(setMode(ids, all ? null : mode));
}

/** Lets the name of the first selected node be typed, where it can be seen. */
export function nameChosen(): void {
  const [id] = chosen();
  const { scene, camera, width, height } = stage.getState();
  const placed = id === undefined ? undefined : scene.placed.get(id);
  if (placed === undefined) return;
  if (camera.zoom < FAR || !overlaps(placed, visibleBox(camera, width, height), 0)) centreOn(placed.id);
  stage.setState({ naming: placed.id });
}

export function toggleCollapsed(): void {
  const { view } = activeGraph();
  const all = chosen().every((id) => view[id]?.collapsed);
  edit(changeView(chosen(), { collapsed: all ? null : true }));
}

export function align(edge: Edge): void {
  edit(moveNodes(aligned(chosenBoxes(), edge)));
}

export function distribute(axis: "across" | "down"): void {
  edit(moveNodes(distributed(chosenBoxes(), axis)));
}

const tidying = wantedLater(() => import("./tidy"));

/** Lay out the selection, or everything where less than two nodes are selected. */
export async function tidy(): Promise<void> {
  const graph = activeGraph();
  const ids = several() ? selectionOf() : new Set(Object.keys(graph.nodes));
  const { tidied } = await tidying();
  // The first time takes a moment, in which another tab may have come.
  if (activeGraph() !== graph) return;
  const { scene } = stage.getState();
  const moves = tidied(scene, ids, useSettings.getState().grid);
  const routes = [...scene.threads.values()]
    .filter(({ via, wire }) => via.length > 0 && ids.has(wire.to[0]) && ids.has(wire.from[0]))
    .map(({ wire }) => setRoute({ node: wire.to[0], input: wire.to[1] }, wire.index, []));
  edit(together(actionTexts.tidy, [moveNodes(moves), ...routes]));
  if (!several()) fitAll();
}

export function frameChosen(): void {
  const box = union(chosenBoxes());
  const graph = activeGraph();
  const id = freshName(graph.frames, "frame");
  const [x, y] = pointer ?? [0, 0];
  const air = 28;
  const place = box
    ? { x: box.x - air, y: box.y - air, width: box.width + air * 2, height: box.height + air * 2 }
    : { x: Math.round(x), y: Math.round(y), width: 480, height: 320 };
  edit(addFrame(id, { title: canvasTexts.frame, ...place }));
}

export function noteHere(at: Point = pointer ?? [0, 0]): void {
  const id = freshName(activeGraph().notes, "note");
  edit(addNote(id, { text: "", x: Math.round(at[0]), y: Math.round(at[1]), width: 220, height: 120 }));
}

export function disconnectChosen(): void {
  const ids = selectionOf();
  const wires = [...stage.getState().scene.threads.values()].map(({ wire }) => wire);
  const mine = wires.filter(({ from, to }) => ids.has(from[0]) || ids.has(to[0]));
  // From the last to the first: a wire that goes moves those behind it up.
  const ordered = mine.toSorted((one, other) => other.index - one.index);
  edit(together(actionTexts.disconnect, ordered.map(removal)));
}

export function removal(wire: Wire) {
  return disconnect({ node: wire.to[0], input: wire.to[1] }, wire.index);
}

export function resetChosen(): void {
  const { nodes } = activeGraph();
  const edits = chosen().flatMap((id) =>
    Object.entries(nodes[id]?.inputs ?? {})
      .filter(([, value]) => !isWired(value))
      .map(([name]) => resetValue(id, name)),
  );
  edit(together(actionTexts.reset, edits));
}

export function nudge(dx: number, dy: number): void {
  const moves = chosenBoxes().map(({ id, x, y }) => ({ id, x: x + dx, y: y + dy }));
  edit(moveNodes(moves, "nudge"));
}

/** The subgraph that the one selected node is an instance of. */
export function chosenSubgraph(): string | undefined {
  const [id, another] = chosen();
  const node = id === undefined || another !== undefined ? undefined : activeGraph().nodes[id];
  return node && subgraphKey(node);
}

export function enterChosen(): void {
  const key = chosenSubgraph();
  if (key !== undefined) enter(key);
}

export function openSearch(): void {
  const { left, top, width, height, camera } = stage.getState();
  const at = pointer ?? toWorld([width / 2 - 280, height / 3], camera);
  const screen: Point = [left + at[0] * camera.zoom + camera.x, top + at[1] * camera.zoom + camera.y];
  stage.setState({ adding: { at, screen } });
}

export function spread(walk: typeof upstream): void {
  select(walk(activeGraph().nodes, chosen()));
}
