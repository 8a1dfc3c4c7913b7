/** Adding nodes: where they go, what they are wired to. */

import type { DragEvent } from "react";
import { everydayPlace } from "../catalogue/everyday";
import { type Candidate, givers, passage, takers } from "../catalogue/fit";
import type { InputSpec, NodeSpec } from "../catalogue/types";
import { type Edit, together } from "../commands/edit";
import { adoptSubgraph } from "../commands/fragment";
import { addNode } from "../commands/nodes";
import { connect, insertOnWire } from "../commands/wires";
import { freshId } from "../documents/ids";
import { type NodeId, type Point, SUBGRAPH_PREFIX } from "../documents/types";
import { useCatalogue } from "../store/catalogue";
import { firstFile } from "../store/folders";
import { report } from "../store/notices";
import { blueprintOf, openBlueprint, searchNodes } from "../store/offers";
import { useSettings } from "../store/settings";
import { activeGraph, activeTab, documentOf, edit, select } from "../store/tabs";
import { emptyValue, folderOf, widgetKind } from "../widgets/kinds";
import { inputSpec, outputSpec } from "./fitting";
import { type PortAddress, portPoint } from "./scene";
import { HEAD, shapeOf } from "./shape";
import { type Adding, stage, toScreen, worldOf } from "./stage";

/** The kind of data that a node dragged from a list carries: its type. */
export const NODE_DRAG = "application/x-weft-node";

/** Those of the found nodes that the search offers: all, or those that fit the loose wire or the wire to go into. */
export function offered(adding: Adding, specs: readonly NodeSpec[], query: string): readonly Candidate[] {
  const { from, thread } = adding;
  if (from !== undefined) {
    const found = fittingWire(from, specs);
    return query.trim() === "" ? everydayFirst(found) : found;
  }
  const wire = thread === undefined ? undefined : stage.getState().scene.threads.get(thread)?.wire;
  if (wire === undefined) return specs.map((spec) => ({ spec, port: "" }));
  const output = outputSpec(wire.from[0], wire.from[1]);
  const input = inputSpec(wire.to[0], wire.to[1]);
  if (output === undefined || input === undefined) return [];
  return specs.filter((spec) => passage(spec, output, input)).map((spec) => ({ spec, port: "" }));
}

function fittingWire(from: PortAddress, specs: readonly NodeSpec[]): readonly Candidate[] {
  if (from.side === "out") {
    const output = outputSpec(from.node, from.name);
    return output ? onwards(takers(specs, output), output.type) : [];
  }
  const input = inputSpec(from.node, from.name);
  return input ? givers(specs, input) : [];
}

const [SUCH_WIRE, ANY_WIRE] = [1_000, 2_000];

/** The everyday ones, then what is made for such a wire, and at last what takes any. */
function everydayFirst(found: readonly Candidate[]): readonly Candidate[] {
  const place = ({ spec, port }: Candidate): number => {
    const everyday = everydayPlace(spec.id);
    if (everyday !== undefined) return everyday;
    const at = [...spec.inputs, ...spec.outputs].find(({ name }) => name === port);
    return at?.variable !== undefined || at?.type === "*" ? ANY_WIRE : SUCH_WIRE;
  };
  return found.toSorted((one, other) => place(one) - place(other));
}

/** What takes a wire further comes before what only changes its value: from a latent, decoders before croppers. */
function onwards(found: readonly Candidate[], type: string): readonly Candidate[] {
  const changes = ({ spec }: Candidate): boolean => spec.outputs.some((output) => output.type === type);
  return [...found.filter((candidate) => !changes(candidate)), ...found.filter(changes)];
}

/**
 * The literals that a new node starts with: none where its type has a default, something sensible elsewhere. A model
 * is the first of its folder, as in ComfyUI; a picture is the user's to choose.
 */
function firstInputs(spec: NodeSpec) {
  const bare = spec.inputs.filter((input) => !input.socket && input.required && input.default === undefined);
  const first = (input: InputSpec) =>
    (widgetKind(input) === "file" ? firstFile(folderOf(input)) : undefined) ?? emptyValue(input);
  return Object.fromEntries(
    bare.map((input) => [input.name, first(input) as string | number | boolean | null]),
  );
}

function snapped([x, y]: Point): Point {
  const { grid } = useSettings.getState();
  return [Math.round(x / grid) * grid, Math.round(y / grid) * grid];
}

interface Placement {
  readonly add: Edit;
  readonly id: NodeId;
}

function placedNode(spec: NodeSpec, [x, y]: Point): Placement {
  const id = freshId(activeGraph().nodes, spec.id.replace(SUBGRAPH_PREFIX, ""));
  const add = addNode({ id, type: spec.id, version: spec.version, inputs: firstInputs(spec) }, { x, y });
  return { add, id };
}

/** Adds the chosen node, wired to what was waiting for it. */
export function addChosen(adding: Adding, { spec, port }: Candidate): void {
  withDefinition(spec, (here, define) => {
    const { from, thread, at } = adding;
    const shape = shapeOf({ type: here.id, version: 1, inputs: {} }, here, undefined);
    const portY = (from?.side === "in" ? shape.outputs : shape.inputs).get(port)?.y ?? HEAD / 2;
    const corner: Point = from?.side === "in" ? [at[0] - shape.width, at[1] - portY] : [at[0], at[1] - portY];
    const { add, id } = placedNode(here, snapped(corner));
    const edits = [...define, add, ...wiring(here, id, port, adding), ...insertion(here, id, thread)];
    edit(edits.length === 1 ? add : together(add.label, edits));
    select([id]);
  });
}

/** The edits that wire a new node to the port whose wire was let go. */
function wiring(spec: NodeSpec, id: NodeId, port: string, { from }: Adding): readonly Edit[] {
  if (from?.side === "out") {
    const many = spec.inputs.find((input) => input.name === port)?.list ?? false;
    return [connect([from.node, from.name], { node: id, input: port }, { many })];
  }
  if (from?.side !== "in") return [];
  const many = inputSpec(from.node, from.name)?.list ?? false;
  return [connect([id, port], { node: from.node, input: from.name }, { many })];
}

/** The edits that put a new node into a wire. */
function insertion(spec: NodeSpec, id: NodeId, thread: string | undefined): readonly Edit[] {
  const wire = thread === undefined ? undefined : stage.getState().scene.threads.get(thread)?.wire;
  const output = wire && outputSpec(wire.from[0], wire.from[1]);
  const input = wire && inputSpec(wire.to[0], wire.to[1]);
  const ends = output && input && passage(spec, output, input);
  return wire && ends ? [insertOnWire(wire, id, ends.input, ends.output)] : [];
}

/** Adds a node of a type with its head at a place; without a place, in the middle of what is seen. */
export function addNodeOfType(type: string, at?: Point): NodeId | undefined {
  const spec = useCatalogue.getState().catalogue.nodes.get(type);
  if (spec === undefined) return undefined;
  const { add, id } = placedNode(spec, snapped(at ?? middle()));
  edit(add);
  select([id]);
  return id;
}

/** Adds what a list offers, be it a node or a subgraph of the document or of the library. */
export function addOffered(spec: NodeSpec, at?: Point): void {
  withDefinition(spec, (here, define) => {
    const { add, id } = placedNode(here, snapped(at ?? middle()));
    edit(define.length === 0 ? add : together(add.label, [...define, add]));
    select([id]);
  });
}

function middle(): Point {
  const { width, height, camera } = stage.getState();
  return [(width / 2 - camera.x) / camera.zoom - 110, (height / 2 - camera.y) / camera.zoom - 60];
}

/** A subgraph of the library is fetched first: its instance needs its definition in the document. */
function withDefinition(spec: NodeSpec, add: (here: NodeSpec, define: readonly Edit[]) => void): void {
  const blueprint = blueprintOf(spec.id);
  if (blueprint === undefined) {
    add(spec, []);
    return;
  }
  openBlueprint(blueprint).then((from) => {
    const tab = activeTab();
    if (tab === undefined) return;
    const { edit: define, key } = adoptSubgraph(documentOf(tab), from, blueprint.key);
    add({ ...spec, id: SUBGRAPH_PREFIX + key }, [define]);
  }, report);
}

/** Opens the search for a node that is wired to a port, beside that port. */
export function searchFor(port: PortAddress): void {
  const { scene, left, top, camera } = stage.getState();
  const placed = scene.placed.get(port.node);
  if (placed === undefined) return;
  const [x, y] = portPoint(placed, port.side, port.name);
  const at: Point = [port.side === "out" ? x + 80 : x - 80, y];
  const [across, down] = toScreen(at, camera);
  stage.setState({ adding: { at, screen: [left + across, top + down], from: port } });
}

/** A node dragged here from a list. */
export function dropOnCanvas(event: DragEvent): void {
  const type = event.dataTransfer.getData(NODE_DRAG);
  if (type === "") return;
  event.preventDefault();
  const [x, y] = worldOf(event);
  const spec = searchNodes("").find(({ id }) => id === type);
  if (spec !== undefined) addOffered(spec, [x - 40, y - HEAD / 2]);
}
