/** The element that the fabric is drawn on: drawn when something changed, never otherwise. */

import { useEffect, useRef } from "react";
import { isInputRef } from "../documents/inputs";
import type { Graph, Subgraph } from "../documents/types";
import { activeGraph, useTabs } from "../store/tabs";
import { selectionOf } from "./current";
import { drawFabric, type FabricView, type NodeState, type Stub } from "./fabric";
import { sizeOf } from "./foreseen";
import { palette } from "./palette";
import { onRunChange, stateOf } from "./running";
import { FAR, stage } from "./stage";
import { onThemeChange } from "./theme";

export function Fabric() {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => (element.current ? keepDrawn(element.current) : undefined), []);
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus
  return <canvas ref={element} className="fabric" aria-hidden="true" />;
}

function keepDrawn(element: HTMLCanvasElement): () => void {
  const pen = element.getContext("2d", { alpha: false });
  if (pen === null) return () => undefined;
  let frame = 0;
  const draw = (): void => {
    frame = 0;
    const { width, height } = stage.getState();
    const ratio = window.devicePixelRatio || 1;
    fitElement(element, width, height, ratio);
    drawFabric(pen, ratio, viewNow());
    element.dataset.draws = String(Number(element.dataset.draws ?? 0) + 1);
  };
  const ask = (): void => {
    if (frame === 0) frame = requestAnimationFrame(draw);
  };
  const stops = [stage.subscribe(ask), useTabs.subscribe(ask), onRunChange(ask), onThemeChange(ask)];
  ask();
  return () => {
    cancelAnimationFrame(frame);
    for (const stop of stops) stop();
  };
}

function fitElement(element: HTMLCanvasElement, width: number, height: number, ratio: number): void {
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (element.width !== across) element.width = across;
  if (element.height !== down) element.height = down;
}

function viewNow(): FabricView {
  const { camera, width, height, scene, hot, mounted, lifted, pending, shift } = stage.getState();
  const graph = activeGraph();
  const states = new Map<string, NodeState>();
  for (const id of scene.placed.keys()) {
    const state = stateOf(id);
    if (state) states.set(id, state);
  }
  return {
    camera,
    width,
    height,
    palette: palette(),
    scene,
    frames: graph.frames,
    shift,
    selected: selectionOf(),
    hot,
    states,
    stubs: stubsOf(graph),
    far: camera.zoom < FAR,
    mounted,
    dimmed: pending !== undefined,
    lifted: lifted && `${lifted.to[0]}.${lifted.to[1]}.${lifted.index}`,
    colourOf: (id) => graph.view[id]?.color,
    shapeText: ({ wire: { from } }) => sizeOf(from),
  };
}

const stubs = new WeakMap<Graph, readonly Stub[]>();

/** Inside a subgraph: the inputs that read its interface, and the outputs that it hands on. */
function stubsOf(graph: Graph): readonly Stub[] {
  const known = stubs.get(graph);
  if (known !== undefined) return known;
  const into = Object.entries(graph.nodes).flatMap(([node, { inputs }]) =>
    Object.entries(inputs).flatMap(([port, value]): Stub[] =>
      isInputRef(value) ? [{ node, side: "in", port, name: value.input }] : [],
    ),
  );
  const handed = "outputs" in graph ? (graph as Subgraph).outputs : [];
  const out = handed.map(({ name, from: [node, port] }): Stub => ({ node, side: "out", port, name }));
  stubs.set(graph, [...into, ...out]);
  return [...into, ...out];
}
