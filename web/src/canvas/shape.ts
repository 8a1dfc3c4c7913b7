/** The shape of a node before it is drawn: its size, its rows and where its ports are. Pure, so nothing is measured. */

import type { InputSpec, NodeSpec, OutputSpec } from "../catalogue/types";
import type { NodeView, WorkflowNode } from "../documents/types";
import { widgetKind, widgetRoom } from "../widgets/kinds";

export const HEAD = 30;
export const ROW = 24;
const PAD = 7;
const WIDTH = 224;
const WIDE = 300;
export const LEAST_WIDTH = 150;
/** The room of what a sink shows. */
const RESULT_ROOM = { picture: 224, text: 112, file: 44 } as const;

export type Side = "in" | "out";

export interface Port {
  readonly side: Side;
  readonly name: string;
  readonly spec: InputSpec | OutputSpec;
  /** From the node's top; ports sit on its left or right edge. */
  readonly y: number;
}

export type Row =
  | {
      readonly kind: "sockets";
      readonly y: number;
      readonly height: number;
      readonly input: InputSpec | undefined;
      readonly output: OutputSpec | undefined;
    }
  | { readonly kind: "widget"; readonly y: number; readonly height: number; readonly input: InputSpec }
  | { readonly kind: "result"; readonly y: number; readonly height: number; readonly shows: ResultKind };

export interface Shape {
  readonly width: number;
  readonly height: number;
  readonly rows: readonly Row[];
  readonly inputs: ReadonlyMap<string, Port>;
  readonly outputs: ReadonlyMap<string, Port>;
  readonly collapsed: boolean;
}

export type ResultKind = keyof typeof RESULT_ROOM;

/** What a sink shows of what it made: pictures where it takes some; a file where it takes something of another kind. */
export function resultOf(spec: NodeSpec): ResultKind | undefined {
  if (!spec.sink) return undefined;
  if (spec.inputs.some(({ type }) => type === "Image" || type === "Mask")) return "picture";
  return spec.inputs.some(({ type, socket }) => socket && type !== "*") ? "file" : "text";
}

function defaultWidth(spec: NodeSpec): number {
  const wide = spec.inputs.some((input) => !input.socket && widgetRoom(widgetKind(input)).grows);
  const result = resultOf(spec);
  return wide || result === "picture" || result === "text" ? WIDE : WIDTH;
}

interface Wanted {
  readonly height: number;
  readonly grows: boolean;
  readonly row: (y: number, height: number) => Row;
}

function wantedRows(spec: NodeSpec): readonly Wanted[] {
  const sockets = spec.inputs.filter((input) => input.socket);
  const rows: Wanted[] = [];
  for (let at = 0; at < Math.max(sockets.length, spec.outputs.length); at += 1) {
    const [input, output] = [sockets[at], spec.outputs[at]];
    rows.push({
      height: ROW,
      grows: false,
      row: (y, height) => ({ kind: "sockets", y, height, input, output }),
    });
  }
  for (const input of spec.inputs) {
    if (input.socket) continue;
    rows.push({
      ...widgetRoom(widgetKind(input)),
      row: (y, height) => ({ kind: "widget", y, height, input }),
    });
  }
  const shows = resultOf(spec);
  if (shows !== undefined) {
    rows.push({
      height: RESULT_ROOM[shows],
      grows: shows !== "file",
      row: (y, height) => ({ kind: "result", y, height, shows }),
    });
  }
  return rows;
}

/** The least height at which every row has its room. */
export function leastHeight(spec: NodeSpec): number {
  return HEAD + PAD * 2 + wantedRows(spec).reduce((sum, row) => sum + (row.grows ? 64 : row.height), 0);
}

/** Has the node a row that takes what room a taller node has? */
export function canGrow(shape: Shape): boolean {
  return shape.rows.some(
    (row) =>
      (row.kind === "result" && row.shows !== "file") ||
      (row.kind === "widget" && widgetRoom(widgetKind(row.input)).grows),
  );
}

function portsOf(rows: readonly Row[]): Pick<Shape, "inputs" | "outputs"> {
  const inputs = new Map<string, Port>();
  const outputs = new Map<string, Port>();
  for (const row of rows) {
    if (row.kind === "result") continue;
    const y = row.y + Math.min(row.height, 26) / 2;
    if (row.input) inputs.set(row.input.name, { side: "in", name: row.input.name, spec: row.input, y });
    if (row.kind === "sockets" && row.output) {
      outputs.set(row.output.name, { side: "out", name: row.output.name, spec: row.output, y });
    }
  }
  return { inputs, outputs };
}

function collapsedShape(spec: NodeSpec, width: number): Shape {
  const y = HEAD / 2;
  const inputs = new Map(
    spec.inputs.map((input) => [input.name, { side: "in", name: input.name, spec: input, y }]),
  );
  const outputs = new Map(
    spec.outputs.map((out) => [out.name, { side: "out", name: out.name, spec: out, y }]),
  );
  return {
    width,
    height: HEAD,
    rows: [],
    inputs: inputs as ReadonlyMap<string, Port>,
    outputs: outputs as ReadonlyMap<string, Port>,
    collapsed: true,
  };
}

function measure(spec: NodeSpec, view: NodeView | undefined): Shape {
  const width = Math.max(LEAST_WIDTH, view?.width ?? defaultWidth(spec));
  if (view?.collapsed) return collapsedShape(spec, width);
  const wanted = wantedRows(spec);
  const natural = HEAD + PAD * 2 + wanted.reduce((sum, row) => sum + row.height, 0);
  const growing = wanted.filter((row) => row.grows).length;
  const height = growing > 0 ? Math.max(leastHeight(spec), view?.height ?? natural) : natural;
  const extra = growing > 0 ? (height - natural) / growing : 0;
  let y = HEAD + PAD;
  const rows = wanted.map((row) => {
    const placed = row.row(y, row.height + (row.grows ? extra : 0));
    y += placed.height;
    return placed;
  });
  return { width, height, rows, ...portsOf(rows), collapsed: false };
}

interface Remembered {
  readonly spec: NodeSpec;
  readonly view: NodeView | undefined;
  readonly shape: Shape;
}
const shapes = new WeakMap<WorkflowNode, Remembered>();

/** The shape of a node; remembered while the node, its view's size and its declaration stay the same. */
export function shapeOf(node: WorkflowNode, spec: NodeSpec, view: NodeView | undefined): Shape {
  const known = shapes.get(node);
  if (known && known.spec === spec && sameSize(known.view, view)) return known.shape;
  const shape = measure(spec, view);
  shapes.set(node, { spec, view, shape });
  return shape;
}

function sameSize(a: NodeView | undefined, b: NodeView | undefined): boolean {
  return a?.width === b?.width && a?.height === b?.height && a?.collapsed === b?.collapsed;
}
