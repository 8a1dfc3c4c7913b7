/** What stands where: every node's box and every wire's curve, worked out from the graph without the DOM. */

import type { NodeSpec } from "../catalogue/types";
import { routeKey } from "../commands/wires";
import { sourcesOf, type Wire, wireKey } from "../documents/inputs";
import type { Graph, NodeId, Point, Source, WorkflowNode } from "../documents/types";
import { HEAD, type Port, type Shape, type Side, shapeOf } from "./shape";
import { type Box, bounds, type Cubic, contains, curve, nearest, overlaps } from "./threads";

export interface Placed extends Box {
  readonly id: NodeId;
  readonly node: WorkflowNode;
  readonly spec: NodeSpec;
  readonly shape: Shape;
}

export interface Thread {
  readonly key: string;
  readonly wire: Wire;
  readonly type: string;
  readonly start: Point;
  readonly end: Point;
  readonly via: readonly Point[];
  readonly pieces: readonly Cubic[];
  readonly box: Box;
}

export interface Scene {
  readonly placed: ReadonlyMap<NodeId, Placed>;
  readonly threads: ReadonlyMap<string, Thread>;
}

/** What a drag shows before it is an edit. */
export interface Shift {
  readonly ids: ReadonlySet<NodeId>;
  readonly dx: number;
  readonly dy: number;
  /** The frame that moves along with its contents. */
  readonly frame?: string;
}

export interface PortAddress {
  readonly node: NodeId;
  readonly side: Side;
  readonly name: string;
}

export interface SceneContext {
  readonly specOf: (id: NodeId) => NodeSpec;
  /** The type that a wire from this output carries, with type variables worked out; `*` where they are open. */
  readonly typeAt: (source: Source) => string;
}

export const EMPTY_SCENE: Scene = { placed: new Map(), threads: new Map() };

const NOWHERE = { x: 0, y: 0 };

export function portPoint(placed: Placed, side: Side, name: string): Point {
  const port = (side === "in" ? placed.shape.inputs : placed.shape.outputs).get(name);
  return [placed.x + (side === "in" ? 0 : placed.width), placed.y + (port?.y ?? HEAD / 2)];
}

/** Build the scene; boxes and curves that did not move are taken over from the scene before. */
export function buildScene(graph: Graph, context: SceneContext, before: Scene, shift?: Shift): Scene {
  const placed = new Map<NodeId, Placed>();
  for (const [id, node] of Object.entries(graph.nodes)) {
    const view = graph.view[id];
    const spec = context.specOf(id);
    const shape = shapeOf(node, spec, view);
    const moved = shift?.ids.has(id) ?? false;
    const x = (view?.x ?? NOWHERE.x) + (moved ? (shift?.dx ?? 0) : 0);
    const y = (view?.y ?? NOWHERE.y) + (moved ? (shift?.dy ?? 0) : 0);
    const old = before.placed.get(id);
    const same =
      old && old.x === x && old.y === y && old.node === node && old.shape === shape && old.spec === spec;
    placed.set(id, same ? old : { id, node, spec, shape, x, y, width: shape.width, height: shape.height });
  }
  const threads = new Map<string, Thread>();
  for (const [id, node] of Object.entries(graph.nodes)) {
    const reader = placed.get(id) as Placed;
    for (const [input, value] of Object.entries(node.inputs)) {
      sourcesOf(value).forEach((from, index) => {
        const source = placed.get(from[0]);
        if (source === undefined) return;
        const wire: Wire = { from, to: [id, input], index };
        const via = graph.view[id]?.routes?.[routeKey(input, index)] ?? [];
        const thread = threadOf(wire, source, reader, routed(via, shift, from[0], id), context, before);
        threads.set(thread.key, thread);
      });
    }
  }
  return { placed, threads };
}

/** Reroute points move along where both ends of the wire do. */
function routed(via: readonly Point[], shift: Shift | undefined, from: NodeId, to: NodeId): readonly Point[] {
  if (via.length === 0 || shift === undefined || !shift.ids.has(from) || !shift.ids.has(to)) return via;
  return via.map(([x, y]) => [x + shift.dx, y + shift.dy]);
}

function threadOf(
  wire: Wire,
  source: Placed,
  reader: Placed,
  via: readonly Point[],
  context: SceneContext,
  before: Scene,
): Thread {
  const key = wireKey(wire);
  const start = portPoint(source, "out", wire.from[1]);
  const end = portPoint(reader, "in", wire.to[1]);
  const type = context.typeAt(wire.from);
  const old = before.threads.get(key);
  if (
    old !== undefined &&
    old.type === type &&
    old.wire.from[0] === wire.from[0] &&
    old.wire.from[1] === wire.from[1] &&
    samePoint(old.start, start) &&
    samePoint(old.end, end) &&
    old.via.length === via.length &&
    old.via.every((point, at) => samePoint(point, via[at] as Point))
  ) {
    return old;
  }
  const pieces = curve(start, end, via);
  return { key, wire, type, start, end, via, pieces, box: bounds(pieces) };
}

const samePoint = (a: Point, b: Point): boolean => a[0] === b[0] && a[1] === b[1];

/** The topmost node at a point: later nodes stand above earlier ones. */
export function nodeAt(scene: Scene, point: Point, margin = 0): Placed | undefined {
  let found: Placed | undefined;
  for (const placed of scene.placed.values()) if (contains(placed, point, margin)) found = placed;
  return found;
}

/** The nearest port within reach of a point. */
export function portAt(scene: Scene, [x, y]: Point, reach: number, side?: Side): PortAddress | undefined {
  let best: PortAddress | undefined;
  let least = reach;
  for (const placed of scene.placed.values()) {
    if (!contains(placed, [x, y], reach)) continue;
    const consider = (port: Port, edge: number): void => {
      if (side !== undefined && port.side !== side) return;
      const distance = Math.hypot(x - edge, y - placed.y - port.y);
      if (distance > least) return;
      least = distance;
      best = { node: placed.id, side: port.side, name: port.name };
    };
    for (const port of placed.shape.inputs.values()) consider(port, placed.x);
    for (const port of placed.shape.outputs.values()) consider(port, placed.x + placed.width);
  }
  return best;
}

export interface ThreadHit {
  readonly thread: Thread;
  /** Which of its pieces was hit: a new reroute point goes behind that many others. */
  readonly piece: number;
  readonly distance: number;
}

export function threadAt(scene: Scene, point: Point, reach: number): ThreadHit | undefined {
  let best: ThreadHit | undefined;
  for (const thread of scene.threads.values()) {
    if (!contains(thread.box, point, reach)) continue;
    const { distance, piece } = nearest(thread.pieces, point);
    if (distance <= (best?.distance ?? reach)) best = { thread, piece, distance };
  }
  return best;
}

export interface PinHit {
  readonly thread: Thread;
  readonly index: number;
}

/** The reroute point at a place. */
export function pinAt(scene: Scene, [x, y]: Point, reach: number): PinHit | undefined {
  for (const thread of scene.threads.values()) {
    const index = thread.via.findIndex(([px, py]) => Math.hypot(px - x, py - y) <= reach);
    if (index >= 0) return { thread, index };
  }
  return undefined;
}

export function nodesIn(scene: Scene, box: Box): readonly NodeId[] {
  return [...scene.placed.values()].filter((placed) => overlaps(placed, box)).map(({ id }) => id);
}
