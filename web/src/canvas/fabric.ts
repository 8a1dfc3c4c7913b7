/** Drawing below the nodes: the woven ground, the frames, the threads, and far away the nodes themselves. */

import type { Frame, NodeId, Point } from "../documents/types";
import { dye, hueNamed, hueOf } from "./dyes";
import { drawGround } from "./ground";
import type { Palette } from "./palette";
import { type Placed, portPoint, type Scene, type Shift, type Thread } from "./scene";
import { HEAD, type Side } from "./shape";
import { drawThreads } from "./threadDrawing";
import { type Box, contains, middle, overlaps } from "./threads";

export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export type NodeState = "waiting" | "running" | "done" | "cached" | "failed";

export interface FabricView {
  readonly camera: Camera;
  readonly width: number;
  readonly height: number;
  readonly palette: Palette;
  readonly scene: Scene;
  readonly frames: Readonly<Record<string, Frame>>;
  readonly shift: Shift | undefined;
  readonly selected: ReadonlySet<NodeId>;
  readonly hot: string | undefined;
  readonly states: ReadonlyMap<NodeId, NodeState>;
  readonly colourOf: (id: NodeId) => string | undefined;
  readonly shapeText: (thread: Thread) => string | undefined;
  /** So far away that nodes have no elements. */
  readonly far: boolean;
  /** The nodes that have elements; the others are drawn here. */
  readonly mounted: ReadonlySet<NodeId>;
  /** A wire is being drawn: those that are there step back. */
  readonly dimmed: boolean;
  /** Ports that lead out of the subgraph on the canvas, with the names that they have outside. */
  readonly stubs: readonly Stub[];
  /** The wire whose end is in the air. */
  readonly lifted: string | undefined;
}

export interface Stub {
  readonly node: NodeId;
  readonly side: Side;
  readonly port: string;
  readonly name: string;
}

const STUB = 34;

function drawStubs(pen: CanvasRenderingContext2D, view: FabricView): void {
  const { palette, scene } = view;
  pen.font = `600 11px ${palette.font}`;
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  for (const { node, side, port, name } of view.stubs) {
    const placed = scene.placed.get(node);
    const spec = (side === "in" ? placed?.shape.inputs : placed?.shape.outputs)?.get(port)?.spec;
    if (placed === undefined || spec === undefined) continue;
    const [x, y] = portPoint(placed, side, port);
    const way = side === "in" ? -1 : 1;
    const width = pen.measureText(name).width + 16;
    const left = side === "in" ? x - STUB - width : x + STUB;
    pen.strokeStyle = dye(spec.type, palette.theme);
    pen.lineWidth = 2.2;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x + way * STUB, y);
    pen.stroke();
    pen.beginPath();
    pen.roundRect(left, y - 10, width, 20, 10);
    pen.fillStyle = palette.colour.node;
    pen.fill();
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.fillStyle = palette.colour.text;
    pen.fillText(name, left + width / 2, y + 0.5);
  }
}

/** Would a node hide what is written here? */
function covered(view: FabricView, point: Point): boolean {
  return [...view.mounted].some((id) => {
    const placed = view.scene.placed.get(id);
    return placed !== undefined && contains(placed, point, 14);
  });
}

function drawShapes(pen: CanvasRenderingContext2D, view: FabricView, threads: readonly Thread[]): void {
  const { palette } = view;
  pen.font = `500 10.5px ${palette.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const thread of threads) {
    const text = view.shapeText(thread);
    if (text === undefined) continue;
    const [x, y] = middle(thread.pieces);
    if (covered(view, [x, y])) continue;
    const half = pen.measureText(text).width / 2 + 5;
    if (Math.hypot(thread.box.width, thread.box.height) < half * 2 + 16) continue;
    pen.beginPath();
    pen.roundRect(x - half, y - 8, half * 2, 16, 8);
    pen.fillStyle = palette.colour.canvas;
    pen.fill();
    pen.lineWidth = 1;
    pen.strokeStyle = palette.colour["node-line"];
    pen.stroke();
    pen.fillStyle = palette.colour["text-2"];
    pen.fillText(text, x, y + 0.5);
  }
}

function outlineOf(view: FabricView, id: NodeId): string {
  const { colour } = view.palette;
  if (view.selected.has(id)) return colour.accent;
  switch (view.states.get(id)) {
    case "running":
      return colour.accent;
    case "failed":
      return colour.danger;
    case "done":
      return colour.success;
    default:
      return colour["node-line"];
  }
}

/** Pixels that a node is wide when its outline begins to show; lines are the dearest of what is drawn far away. */
const OUTLINED = 24;

function drawNode(pen: CanvasRenderingContext2D, view: FabricView, placed: Placed): void {
  const { palette, camera } = view;
  const { id, x, y, width, height, node, spec } = placed;
  const own = hueNamed(view.colourOf(id), palette.theme);
  const hue = own ?? hueOf(spec.category, palette.theme);
  pen.globalAlpha = node.mode ? 0.45 : 1;
  pen.fillStyle = palette.colour.node;
  pen.fillRect(x, y, width, height);
  pen.globalAlpha = node.mode ? 0.3 : 0.85;
  pen.fillStyle = hue;
  pen.fillRect(x, y, width, Math.max(HEAD * 0.4, 3 / camera.zoom));
  pen.globalAlpha = 1;
  const state = view.states.get(id);
  const loud = view.selected.has(id) || state === "running" || state === "failed";
  if (loud || state === "done" || width * camera.zoom > OUTLINED) {
    pen.lineWidth = (loud ? 2.5 : 1) / camera.zoom;
    pen.strokeStyle = outlineOf(view, id);
    pen.strokeRect(x, y, width, height);
  }
  if (width * camera.zoom < 46) return;
  const size = Math.min(11 / camera.zoom, 34, height * 0.6);
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.font = `600 ${size}px ${palette.font}`;
  pen.fillStyle = palette.colour.text;
  pen.textAlign = "left";
  pen.textBaseline = "top";
  pen.fillText(
    node.title ?? spec.title,
    x + size * 0.6,
    y + Math.max(HEAD * 0.4, 3 / camera.zoom) + size * 0.45,
  );
  pen.restore();
}

/** What of the world the viewport shows. */
export function visibleBox(camera: Camera, width: number, height: number): Box {
  return {
    x: -camera.x / camera.zoom,
    y: -camera.y / camera.zoom,
    width: width / camera.zoom,
    height: height / camera.zoom,
  };
}

/** Frames lie under everything: a tinted field with a title. */
function drawFrames(pen: CanvasRenderingContext2D, view: FabricView, visible: Box): void {
  const { palette, camera, shift } = view;
  for (const [id, frame] of Object.entries(view.frames)) {
    const moved = shift?.frame === id;
    const x = frame.x + (moved ? shift.dx : 0);
    const y = frame.y + (moved ? shift.dy : 0);
    const { width, height } = frame;
    if (!overlaps({ x, y, width, height }, visible)) continue;
    const hue = hueNamed(frame.color, palette.theme) ?? palette.colour["text-3"];
    pen.beginPath();
    pen.roundRect(x, y, width, height, 12);
    pen.globalAlpha = palette.theme === "dark" ? 0.09 : 0.12;
    pen.fillStyle = hue;
    pen.fill();
    pen.globalAlpha = 0.5;
    pen.lineWidth = 1 / Math.min(camera.zoom, 1);
    pen.strokeStyle = hue;
    pen.stroke();
    pen.globalAlpha = 1;
    if (!view.far) continue;
    const size = Math.min(13 / camera.zoom, 60);
    pen.font = `600 ${size}px ${palette.font}`;
    pen.fillStyle = hue;
    pen.textAlign = "left";
    pen.textBaseline = "bottom";
    pen.fillText(frame.title, x + 4, y - 4 / camera.zoom, width);
  }
}

export function drawFabric(pen: CanvasRenderingContext2D, ratio: number, view: FabricView): void {
  const { camera, scene } = view;
  drawGround(pen, ratio, view);
  pen.setTransform(ratio * camera.zoom, 0, 0, ratio * camera.zoom, ratio * camera.x, ratio * camera.y);
  const visible = visibleBox(camera, view.width, view.height);
  drawFrames(pen, view, visible);
  const threads = [...scene.threads.values()].filter(
    (thread) => overlaps(thread.box, visible, 20) && thread.key !== view.lifted,
  );
  drawThreads(pen, view, threads);
  for (const placed of scene.placed.values()) {
    if (!view.mounted.has(placed.id) && overlaps(placed, visible)) drawNode(pen, view, placed);
  }
  if (!view.far) drawStubs(pen, view);
  if (camera.zoom >= 0.7) drawShapes(pen, view, threads);
}
