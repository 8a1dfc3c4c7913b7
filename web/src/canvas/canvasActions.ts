/** What can be done on the canvas, by name and by key. */

import { together } from "../commands/edit";
import { copyNodes, type Fragment, pasteNodes } from "../commands/fragment";
import { addFrame, addNote } from "../commands/frames";
import { changeView, moveNodes, removeNodes, setMode } from "../commands/nodes";
import { resetValue } from "../commands/values";
import { disconnect, setRoute } from "../commands/wires";
import { freshName } from "../documents/ids";
import { isWired, type Wire } from "../documents/inputs";
import { type NodeId, type NodeMode, type Point, SUBGRAPH_PREFIX } from "../documents/types";
import { downstream, upstream } from "../documents/walk";
import { type Action, registerActions } from "../store/actions";
import { specOf } from "../store/catalogue";
import { runTo } from "../store/run";
import { useSettings } from "../store/settings";
import { activeGraph, activeTab, edit, enter, seal, select } from "../store/tabs";
import { actionTexts, canvasTexts } from "../texts/canvas";
import { aligned, distributed, type Edge } from "./arrange";
import { selectionOf } from "./current";
import type { Placed } from "./scene";
import { stage, toWorld } from "./stage";
import { union } from "./threads";
import { fitAll, fitNodes, zoomBy, zoomTo } from "./viewport";

const CLIPBOARD = "weft.fragment";

const some = (): boolean => selectionOf().size > 0;
const several = (): boolean => selectionOf().size > 1;
const chosen = (): readonly NodeId[] => [...selectionOf()];

export function chosenBoxes(): readonly Placed[] {
  const { placed } = stage.getState().scene;
  return chosen().flatMap((id) => placed.get(id) ?? []);
}

let held: Fragment | undefined;

/** The copy is kept in this browser, so that it can be pasted into another window. */
export function copy(): void {
  held = copyNodes(activeGraph(), chosen());
  try {
    localStorage.setItem(CLIPBOARD, JSON.stringify(held));
  } catch {
    // Too large to share between windows (or holds integers that JSON cannot): this window keeps its own.
    localStorage.removeItem(CLIPBOARD);
  }
}

function heldFragment(): Fragment | undefined {
  const text = localStorage.getItem(CLIPBOARD);
  return text === null ? held : (JSON.parse(text) as Fragment);
}

function pasteAt(fragment: Fragment, at: { x: number; y: number }, keepIncoming: boolean): void {
  const pasted = pasteNodes(activeGraph(), fragment, { at, keepIncoming });
  edit(pasted.edit);
  select(pasted.ids);
}

/** Where a paste goes: under the pointer, or the middle of the canvas. */
let pointer: Point | undefined;

export function notePointer(at: Point | undefined): void {
  pointer = at;
}

function pasteHeld(keepIncoming: boolean): void {
  const fragment = heldFragment();
  if (fragment === undefined) return;
  const { width, height, camera } = stage.getState();
  const [x, y] = pointer ?? toWorld([width / 2, height / 2], camera);
  pasteAt(fragment, { x: Math.round(x), y: Math.round(y) }, keepIncoming);
}

function duplicate(): void {
  const fragment = copyNodes(activeGraph(), chosen());
  const views = Object.values(fragment.view);
  const { grid } = useSettings.getState();
  const off = Math.max(grid * 2, 32);
  const at = { x: Math.min(...views.map(({ x }) => x)) + off, y: Math.min(...views.map(({ y }) => y)) + off };
  pasteAt(fragment, at, true);
}

export function removeChosen(): void {
  edit(removeNodes(chosen(), (_, id) => specOf(id)));
}

/** The mode for all, or awake again where all have it. */
export function toggleMode(mode: NodeMode): void {
  const { nodes } = activeGraph();
  const all = chosen().every((id) => nodes[id]?.mode === mode);
  edit(setMode(chosen(), all ? null : mode));
}

function toggleCollapsed(): void {
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

/** Lay out the selection, or everything where less than two nodes are selected. */
export async function tidy(): Promise<void> {
  const ids = several() ? selectionOf() : new Set(Object.keys(activeGraph().nodes));
  const { tidied } = await import("./tidy");
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

function nudge(dx: number, dy: number): void {
  const moves = chosenBoxes().map(({ id, x, y }) => ({ id, x: x + dx, y: y + dy }));
  edit(moveNodes(moves, "nudge"));
}

/** The subgraph that the one selected node is an instance of. */
function chosenSubgraph(): string | undefined {
  const [id, another] = chosen();
  const type = id === undefined || another !== undefined ? undefined : activeGraph().nodes[id]?.type;
  return type?.startsWith(SUBGRAPH_PREFIX) ? type.slice(SUBGRAPH_PREFIX.length) : undefined;
}

function enterChosen(): void {
  const key = chosenSubgraph();
  if (key !== undefined) enter(key);
}

function openSearch(): void {
  const { left, top, width, height, camera } = stage.getState();
  const at = pointer ?? toWorld([width / 2 - 280, height / 3], camera);
  const screen: Point = [left + at[0] * camera.zoom + camera.x, top + at[1] * camera.zoom + camera.y];
  stage.setState({ adding: { at, screen } });
}

function spread(walk: typeof upstream): void {
  select(walk(activeGraph().nodes, chosen()));
}

/** Moves focus and selection to the neighbour along the wires, or to the nearest box. */
const NUDGES: readonly (readonly [key: string, dx: number, dy: number])[] = [
  ["ArrowLeft", -1, 0],
  ["ArrowRight", 1, 0],
  ["ArrowUp", 0, -1],
  ["ArrowDown", 0, 1],
];

function canvasActions(): readonly Action[] {
  const t = actionTexts;
  const nudges = NUDGES.flatMap(([key, dx, dy]): Action[] => [
    {
      id: `canvas.nudge.${key}`,
      title: `Move ${key.slice(5).toLowerCase()}`,
      keys: [key],
      enabled: some,
      run: () => step(dx, dy, 1),
    },
    {
      id: `canvas.push.${key}`,
      title: `Move ${key.slice(5).toLowerCase()}, far`,
      keys: [`Shift+${key}`],
      enabled: some,
      run: () => step(dx, dy, 5),
    },
  ]);
  const step = (dx: number, dy: number, times: number): void => {
    const { grid } = useSettings.getState();
    nudge(dx * grid * times, dy * grid * times);
  };
  return [
    { id: "node.add", title: t.add, keys: ["Tab", "A"], words: ["search", "insert"], run: openSearch },
    { id: "node.delete", title: t.delete, keys: ["Delete", "Backspace"], enabled: some, run: removeChosen },
    { id: "node.copy", title: t.copy, keys: ["Mod+C"], enabled: some, run: copy },
    {
      id: "node.cut",
      title: t.cut,
      keys: ["Mod+X"],
      enabled: some,
      run: () => {
        copy();
        removeChosen();
      },
    },
    { id: "node.paste", title: t.paste, keys: ["Mod+V"], run: () => pasteHeld(false) },
    { id: "node.pasteWired", title: t.pasteWired, keys: ["Mod+Shift+V"], run: () => pasteHeld(true) },
    { id: "node.duplicate", title: t.duplicate, keys: ["Mod+D"], enabled: some, run: duplicate },
    { id: "node.mute", title: t.mute, keys: ["M"], enabled: some, run: () => toggleMode("mute") },
    { id: "node.bypass", title: t.bypass, keys: ["B"], enabled: some, run: () => toggleMode("bypass") },
    { id: "node.collapse", title: t.collapse, keys: ["C"], enabled: some, run: toggleCollapsed },
    {
      id: "node.rename",
      title: t.rename,
      keys: ["F2"],
      enabled: some,
      run: () => stage.setState({ naming: chosen()[0] }),
    },
    { id: "node.runTo", title: t.runTo, keys: ["Shift+R"], enabled: some, run: () => void runTo(chosen()) },
    { id: "node.disconnect", title: t.disconnect, keys: ["X"], enabled: some, run: disconnectChosen },
    { id: "node.reset", title: t.reset, keys: [], enabled: some, run: resetChosen },
    {
      id: "node.enter",
      title: t.enter,
      keys: ["Enter"],
      enabled: () => chosenSubgraph() !== undefined,
      run: enterChosen,
    },
    {
      id: "graph.leave",
      title: t.leave,
      keys: ["Alt+ArrowUp"],
      enabled: () => (activeTab()?.path.length ?? 0) > 0,
      run: () => enter(null),
    },
    {
      id: "select.all",
      title: t.selectAll,
      keys: ["Mod+A"],
      run: () => select(Object.keys(activeGraph().nodes)),
    },
    {
      id: "select.none",
      title: t.selectNone,
      keys: ["Escape"],
      enabled: some,
      run: () => {
        seal();
        select([]);
      },
    },
    { id: "select.up", title: t.selectUp, keys: ["["], enabled: some, run: () => spread(upstream) },
    { id: "select.down", title: t.selectDown, keys: ["]"], enabled: some, run: () => spread(downstream) },
    { id: "arrange.frame", title: t.addFrame, keys: ["G"], words: ["group"], run: frameChosen },
    { id: "arrange.note", title: t.addNote, keys: ["N"], words: ["comment"], run: () => noteHere() },
    { id: "arrange.tidy", title: t.tidy, keys: ["L"], words: ["layout"], run: () => void tidy() },
    { id: "arrange.left", title: t.alignLeft, keys: ["Alt+A"], enabled: several, run: () => align("left") },
    {
      id: "arrange.centre",
      title: t.alignCentre,
      keys: ["Alt+H"],
      enabled: several,
      run: () => align("centre"),
    },
    {
      id: "arrange.right",
      title: t.alignRight,
      keys: ["Alt+D"],
      enabled: several,
      run: () => align("right"),
    },
    { id: "arrange.top", title: t.alignTop, keys: ["Alt+W"], enabled: several, run: () => align("top") },
    {
      id: "arrange.middle",
      title: t.alignMiddle,
      keys: ["Alt+V"],
      enabled: several,
      run: () => align("middle"),
    },
    {
      id: "arrange.bottom",
      title: t.alignBottom,
      keys: ["Alt+S"],
      enabled: several,
      run: () => align("bottom"),
    },
    {
      id: "arrange.across",
      title: t.distributeAcross,
      keys: ["Alt+Shift+H"],
      enabled: several,
      run: () => distribute("across"),
    },
    {
      id: "arrange.down",
      title: t.distributeDown,
      keys: ["Alt+Shift+V"],
      enabled: several,
      run: () => distribute("down"),
    },
    {
      id: "view.find",
      title: t.find,
      keys: ["Mod+F"],
      words: ["search"],
      whileTyping: true,
      run: () => stage.setState({ finding: true }),
    },
    { id: "view.fit", title: t.fit, keys: ["."], words: ["zoom"], run: () => fitAll() },
    {
      id: "view.selection",
      title: t.fitSelection,
      keys: ["F"],
      enabled: some,
      run: () => fitNodes(selectionOf()),
    },
    { id: "view.zoomIn", title: t.zoomIn, keys: ["Mod++", "Mod+=", "+"], run: () => zoomBy(1.25) },
    { id: "view.zoomOut", title: t.zoomOut, keys: ["Mod+-", "-"], run: () => zoomBy(0.8) },
    { id: "view.zoomFull", title: t.zoomFull, keys: ["Mod+0", "1"], run: () => zoomTo(1) },
    ...nudges,
  ];
}

export function keepCanvasActions(): () => void {
  return registerActions(canvasActions());
}
