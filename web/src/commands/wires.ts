/** Commands on wires: connect, disconnect, insert a node, and the reroute points that a wire passes. */

import type { Draft } from "immer";
import { isLinks, sourcesOf, type Wire } from "../documents/inputs";
import type { Graph, InputValue, NodeId, Point, Source } from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";

export interface InputAddress {
  readonly node: NodeId;
  readonly input: string;
}

/** Wires an output to an input. An input of one wire changes its wire; with `many` the wire joins those there. */
export function connect(from: Source, to: InputAddress, options: { readonly many: boolean }): Edit {
  return { label: editTexts.connect, recipe: (graph) => attach(graph, from, to, options.many) };
}

function attach(graph: Draft<Graph>, from: Source, to: InputAddress, many: boolean): void {
  const node = graph.nodes[to.node];
  if (node === undefined) return;
  if (!many) {
    dropRoute(graph, to, 0);
    node.inputs[to.input] = { link: [from[0], from[1]] };
    return;
  }
  const present = sourcesOf(node.inputs[to.input] as InputValue | undefined);
  if (present.some(([id, output]) => id === from[0] && output === from[1])) return;
  node.inputs[to.input] = { links: [...present, from] } as Draft<InputValue>;
}

/** Takes one wire away; `index` says which, where the input takes many. */
export function disconnect(to: InputAddress, index = 0): Edit {
  return { label: editTexts.disconnect, recipe: (graph) => detach(graph, to, index) };
}

function detach(graph: Draft<Graph>, to: InputAddress, index: number): void {
  const inputs = graph.nodes[to.node]?.inputs;
  const value = inputs?.[to.input] as InputValue | undefined;
  if (inputs === undefined || value === undefined) return;
  dropRoute(graph, to, index);
  const left = isLinks(value) ? value.links.filter((_, place) => place !== index) : [];
  if (left.length > 0) inputs[to.input] = { links: left } as Draft<InputValue>;
  else delete inputs[to.input];
}

/** Moves the end of a wire from one input to another, as one entry. */
export function moveWire(wire: Wire, to: InputAddress, options: { readonly many: boolean }): Edit {
  return {
    label: editTexts.moveWire,
    recipe: (graph) => {
      detach(graph, { node: wire.to[0], input: wire.to[1] }, wire.index);
      attach(graph, wire.from, to, options.many);
    },
  };
}

/** Puts a node into a wire: the wire's source feeds `input`, and `output` feeds what the source fed. */
export function insertOnWire(wire: Wire, node: NodeId, input: string, output: string): Edit {
  return {
    label: editTexts.insertNode,
    recipe: (graph) => {
      const [reader, name] = wire.to;
      const inputs = graph.nodes[reader]?.inputs;
      const value = inputs?.[name] as InputValue | undefined;
      if (inputs === undefined || value === undefined || graph.nodes[node] === undefined) return;
      attach(graph, wire.from, { node, input }, false);
      dropRoute(graph, { node: reader, input: name }, wire.index);
      inputs[name] = (
        isLinks(value)
          ? { links: value.links.map((source, place) => (place === wire.index ? [node, output] : source)) }
          : { link: [node, output] }
      ) as Draft<InputValue>;
    },
  };
}

/** Where the reroute points of a wire stand in its reader's view. */
export function routeKey(input: string, index: number): string {
  return index === 0 ? input : `${input}.${index}`;
}

/** Gives a wire its reroute points, in order from source to reader; none makes it straight again. */
export function setRoute(to: InputAddress, index: number, points: readonly Point[], gesture?: string): Edit {
  return {
    label: editTexts.reroute,
    ...(gesture === undefined ? {} : { gesture }),
    recipe: (graph) => {
      if (points.length === 0) {
        dropRoute(graph, to, index);
        return;
      }
      const view = graph.view[to.node] ?? { x: 0, y: 0 };
      graph.view[to.node] = view;
      view.routes = { ...view.routes, [routeKey(to.input, index)]: points.map(([x, y]) => [x, y]) };
    },
  };
}

/** The points of a wire that ends go with it, and those of the wires behind it move up one place. */
function dropRoute(graph: Draft<Graph>, to: InputAddress, index: number): void {
  const view = graph.view[to.node];
  const routes = view?.routes;
  if (view === undefined || routes === undefined) return;
  delete routes[routeKey(to.input, index)];
  const count = sourcesOf(graph.nodes[to.node]?.inputs[to.input] as InputValue | undefined).length;
  for (let place = index + 1; place < count; place += 1) {
    const points = routes[routeKey(to.input, place)];
    delete routes[routeKey(to.input, place)];
    if (points !== undefined) routes[routeKey(to.input, place - 1)] = points;
  }
  if (Object.keys(routes).length === 0) delete view.routes;
}
