/** Questions of fit that the canvas asks: all at once when a wire is lifted, one at a time when something is dropped. */

import { type Fit, fits, inputFor, outputFor, outputType, passage } from "../catalogue/fit";
import type { InputSpec, OutputSpec } from "../catalogue/types";
import type { Wire } from "../documents/inputs";
import type { NodeId, Source } from "../documents/types";
import { downstream, upstream } from "../documents/walk";
import { specOf, typedGraph } from "../store/catalogue";
import type { PortAddress } from "./scene";

export function inputSpec(id: NodeId, name: string): InputSpec | undefined {
  return specOf(id).inputs.find((port) => port.name === name);
}

export function outputSpec(id: NodeId, name: string): OutputSpec | undefined {
  return specOf(id).outputs.find((port) => port.name === name);
}

/** The type by which a port is drawn: open type variables are any. */
export function drawnType(port: InputSpec | OutputSpec): string {
  return port.variable !== undefined && port.variable.name === port.type ? "*" : port.type;
}

export function typeAt(source: Source): string {
  const type = outputType(typedGraph(), source);
  return outputSpec(source[0], source[1])?.variable?.name === type ? "*" : type;
}

/** The two ends of a wire from port to port, whichever was lifted first. */
export function ends(one: PortAddress, other: PortAddress): { from: Source; to: PortAddress } {
  const [output, input] = one.side === "out" ? [one, other] : [other, one];
  return { from: [output.node, output.name], to: input };
}

export function portsFitHere(one: PortAddress, other: PortAddress): Fit {
  const { from, to } = ends(one, other);
  return fits(typedGraph(), from, { node: to.node, input: to.name });
}

/** Every port that a wire from this one may end at, by node. */
export function fittingPorts(from: PortAddress): ReadonlyMap<NodeId, ReadonlySet<string>> {
  const typed = typedGraph();
  const { nodes } = typed.graph;
  // A walk once, rather than once a port: these nodes would close a circle.
  const circle = from.side === "out" ? upstream(nodes, [from.node]) : downstream(nodes, [from.node]);
  const found = new Map<NodeId, ReadonlySet<string>>();
  for (const id of Object.keys(nodes)) {
    if (circle.has(id)) continue;
    const spec = specOf(id);
    const ports = from.side === "out" ? spec.inputs : spec.outputs;
    const fitting = ports.filter((port) => {
      const there: PortAddress = { node: id, side: from.side === "out" ? "in" : "out", name: port.name };
      return portsFitHere(from, there).kind === "fits";
    });
    if (fitting.length > 0) found.set(id, new Set(fitting.map(({ name }) => name)));
  }
  return found;
}

/** The port of a node that a wire dropped on its body goes to. */
export function bodyPort(from: PortAddress, id: NodeId): PortAddress | undefined {
  if (from.side === "out") {
    const input = inputFor(typedGraph(), [from.node, from.name], id);
    return input && { node: id, side: "in", name: input.name };
  }
  const output = outputFor(typedGraph(), id, { node: from.node, input: from.name });
  return output && { node: id, side: "out", name: output.name };
}

/** How a node would go into a wire: the ports that take and give what the wire carries. */
export function insertion(wire: Wire, id: NodeId): { input: string; output: string } | undefined {
  const { nodes } = typedGraph().graph;
  if (wire.from[0] === id || wire.to[0] === id) return undefined;
  if (upstream(nodes, [wire.from[0]]).has(id) || downstream(nodes, [wire.to[0]]).has(id)) return undefined;
  const output = outputSpec(wire.from[0], wire.from[1]);
  const input = inputSpec(wire.to[0], wire.to[1]);
  return output && input && passage(specOf(id), output, input);
}
