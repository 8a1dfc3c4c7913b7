/** What can be done on the canvas, by name and by key. */

import { downstream, upstream } from "../documents/walk";
import { type Action, registerActions } from "../store/actions";
import { runTo } from "../store/run";
import { useSettings } from "../store/settings";
import { showDialog } from "../store/shell";
import { activeGraph, activeTab, enter, seal, select } from "../store/tabs";
import { actionTexts } from "../texts/canvas";
import { stageTexts } from "../texts/stages";
import { subgraphTexts } from "../texts/subgraphs";
import { wireTexts } from "../texts/wires";
import {
  align,
  chosen,
  chosenSubgraph,
  disconnectChosen,
  distribute,
  enterChosen,
  frameChosen,
  nameChosen,
  noteHere,
  nudge,
  openSearch,
  removeChosen,
  resetChosen,
  several,
  some,
  spread,
  tidy,
  toggleCollapsed,
  toggleMode,
} from "./chosen";
import { copy, duplicate, pasteHeld } from "./clipboard";
import { selectionOf } from "./current";
import { stage } from "./stage";
import { groupChosen, unpackChosen } from "./subgraphing";
import { fitAll, fitNodes, zoomBy, zoomTo } from "./viewport";

const NUDGES: readonly (readonly [key: keyof typeof actionTexts.nudge, dx: number, dy: number])[] = [
  ["ArrowLeft", -1, 0],
  ["ArrowRight", 1, 0],
  ["ArrowUp", 0, -1],
  ["ArrowDown", 0, 1],
];

/** The way to the picture of the selected node; inside a subgraph, the longest way of the document. */
function compareStages(): void {
  const tab = activeTab();
  const [node] = tab?.path.length === 0 ? chosen() : [];
  showDialog({ kind: "stages", job: null, ...(node === undefined ? {} : { node }) });
}

function canvasActions(): readonly Action[] {
  const t = actionTexts;
  const nudges = NUDGES.flatMap(([key, dx, dy]): Action[] => [
    {
      id: `canvas.nudge.${key}`,
      title: actionTexts.nudge[key],
      keys: [key],
      enabled: some,
      run: () => step(dx, dy, 1),
    },
    {
      id: `canvas.push.${key}`,
      title: actionTexts.nudgeFar[key],
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
      run: nameChosen,
    },
    { id: "node.runTo", title: t.runTo, keys: ["Shift+R"], enabled: some, run: () => void runTo(chosen()) },
    {
      id: "node.wire",
      title: wireTexts.action,
      keys: ["W"],
      words: ["connect", "link", "keyboard"],
      enabled: () => chosen().length === 1,
      run: () => showDialog({ kind: "wire", node: chosen()[0] as string }),
    },
    {
      id: "node.stages",
      title: stageTexts.action,
      keys: ["V"],
      words: ["cascade", "side by side", "steps", "zoom", "pictures"],
      run: compareStages,
    },
    { id: "node.disconnect", title: t.disconnect, keys: ["X"], enabled: some, run: disconnectChosen },
    { id: "node.reset", title: t.reset, keys: ["Alt+R"], enabled: some, run: resetChosen },
    {
      id: "node.enter",
      title: t.enter,
      keys: ["Enter"],
      enabled: () => chosenSubgraph() !== undefined,
      run: enterChosen,
    },
    {
      id: "node.group",
      title: subgraphTexts.make,
      keys: ["Mod+G"],
      words: ["group", "pack", "subgraph"],
      enabled: some,
      run: groupChosen,
    },
    {
      id: "node.ungroup",
      title: subgraphTexts.unpack,
      keys: ["Mod+Shift+G"],
      words: ["ungroup", "expand"],
      enabled: () => chosenSubgraph() !== undefined,
      run: unpackChosen,
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
    {
      id: "arrange.left",
      title: t.alignLeft,
      keys: ["Alt+Shift+ArrowLeft"],
      enabled: several,
      run: () => align("left"),
    },
    {
      id: "arrange.centre",
      title: t.alignCentre,
      keys: ["Alt+Shift+C"],
      enabled: several,
      run: () => align("centre"),
    },
    {
      id: "arrange.right",
      title: t.alignRight,
      keys: ["Alt+Shift+ArrowRight"],
      enabled: several,
      run: () => align("right"),
    },
    {
      id: "arrange.top",
      title: t.alignTop,
      keys: ["Alt+Shift+ArrowUp"],
      enabled: several,
      run: () => align("top"),
    },
    {
      id: "arrange.middle",
      title: t.alignMiddle,
      keys: ["Alt+Shift+M"],
      enabled: several,
      run: () => align("middle"),
    },
    {
      id: "arrange.bottom",
      title: t.alignBottom,
      keys: ["Alt+Shift+ArrowDown"],
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
