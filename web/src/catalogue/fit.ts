/** Which output fits which input, and in words why not. */

import { sourcesOf } from "../documents/inputs";
import type { Graph, NodeId, Source } from "../documents/types";
import { closesCycle } from "../documents/walk";
import { fitTexts as t } from "../texts/refusals";
import type { InputSpec, NodeSpec, OutputSpec } from "./types";

export type Fit = { readonly kind: "fits" } | { readonly kind: "unfit"; readonly reason: string };

const FITS: Fit = { kind: "fits" };
export const ANY = "*";

/** A graph with the specs of its nodes: what questions about types are asked of. */
export interface Typed {
  readonly graph: Graph;
  readonly specOf: (id: NodeId) => NodeSpec;
}

/** Does a value of one type go where another is wanted? Int widens to Float; `*` is any. */
export function typeFits(from: string, to: string): boolean {
  return from === to || from === ANY || to === ANY || (from === "Int" && to === "Float");
}

/** May this output be wired to this input, in this graph as it stands? */
export function fits(typed: Typed, from: Source, to: { readonly node: NodeId; readonly input: string }): Fit {
  const output = typed.specOf(from[0]).outputs.find((port) => port.name === from[1]);
  const input = typed.specOf(to.node).inputs.find((port) => port.name === to.input);
  if (output === undefined || input === undefined) return { kind: "unfit", reason: t.gone };
  if (from[0] === to.node) return { kind: "unfit", reason: t.itself };
  const offered = outputType(typed, from);
  const wanted = inputType(typed, to);
  const mismatch = portsFit({ ...output, type: offered }, { ...input, type: wanted });
  if (mismatch.kind === "unfit") return mismatch;
  if (closesCycle(typed.graph.nodes, from[0], to.node)) {
    return { kind: "unfit", reason: t.circle };
  }
  return FITS;
}

/** May a port of one node, taken by itself, be wired to one of another? What menus of new nodes ask. */
export function portsFit(output: OutputSpec, input: InputSpec): Fit {
  const allowed = input.variable?.oneOf;
  if (allowed !== undefined && input.type === input.variable?.name) {
    if (isOpen(output) || allowed.some((type) => typeFits(output.type, type))) return FITS;
    return {
      kind: "unfit",
      reason: t.takes(capital(input.label), allowed, output.type),
    };
  }
  if (isOpen(output) || isOpen(input) || typeFits(output.type, input.type)) return FITS;
  return {
    kind: "unfit",
    reason: t.takes(capital(input.label), [input.type], output.type),
  };
}

/** A type variable that nothing has fixed yet. */
function isOpen(port: InputSpec | OutputSpec): boolean {
  return port.type === ANY || (port.variable !== undefined && port.type === port.variable.name);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The type of an output, with its type variable followed up the wires as far as they go. */
export function outputType(typed: Typed, source: Source): string {
  return followed(typed, source, new Set());
}

/** The type that an input wants; where it shares its variable with a wired input, that one's type. */
export function inputType(typed: Typed, to: { readonly node: NodeId; readonly input: string }): string {
  const spec = typed.specOf(to.node);
  const input = spec.inputs.find((port) => port.name === to.input);
  if (input?.variable === undefined) return input?.type ?? ANY;
  return bound(typed, to.node, spec, input.variable.name, new Set([to.node]), to.input) ?? input.type;
}

function followed(typed: Typed, [id, name]: Source, seen: Set<NodeId>): string {
  const spec = typed.specOf(id);
  const output = spec.outputs.find((port) => port.name === name);
  if (output === undefined) return ANY;
  if (output.variable === undefined) return output.type;
  if (seen.has(id)) return ANY;
  seen.add(id);
  return bound(typed, id, spec, output.variable.name, seen) ?? output.type;
}

/** What a node's wires make of one of its type variables, leaving one input out of account. */
function bound(
  typed: Typed,
  id: NodeId,
  spec: NodeSpec,
  variable: string,
  seen: Set<NodeId>,
  except?: string,
): string | undefined {
  for (const port of spec.inputs) {
    if (port.variable?.name !== variable || port.name === except) continue;
    const [source] = sourcesOf(typed.graph.nodes[id]?.inputs[port.name]);
    if (source === undefined) continue;
    const type = followed(typed, source, seen);
    if (type !== ANY) return type;
  }
  return undefined;
}

/** The input of a node that a wire dropped on its body goes to: the first open one that fits, else the first that fits. */
export function inputFor(typed: Typed, from: Source, node: NodeId): InputSpec | undefined {
  const fitting = typed
    .specOf(node)
    .inputs.filter((port) => fits(typed, from, { node, input: port.name }).kind === "fits");
  const wired = (port: InputSpec) =>
    !port.list && sourcesOf(typed.graph.nodes[node]?.inputs[port.name]).length > 0;
  const ranked = [...fitting].sort((one, other) => rank(one, wired(one)) - rank(other, wired(other)));
  return ranked[0];
}

/** Open sockets first, then open values, then what already has a wire. */
function rank(port: InputSpec, wired: boolean): number {
  return (wired ? 4 : 0) + (port.socket ? 0 : 2) + (port.required ? 0 : 1);
}

/** The output of a node that feeds an input, where a wire is drawn backwards onto the node's body. */
export function outputFor(
  typed: Typed,
  node: NodeId,
  to: { readonly node: NodeId; readonly input: string },
): OutputSpec | undefined {
  return typed.specOf(node).outputs.find((port) => fits(typed, [node, port.name], to).kind === "fits");
}

/** The ports by which a node goes into a wire between an output and an input: what passes through it. */
export function passage(
  spec: NodeSpec,
  output: OutputSpec,
  input: InputSpec,
): { readonly input: string; readonly output: string } | undefined {
  const into = spec.inputs.find((port) => port.socket && portsFit(output, port).kind === "fits");
  const generic = into?.variable !== undefined;
  const out = spec.outputs.find((port) =>
    generic && port.variable?.name === into.variable?.name
      ? portsFit(output, input).kind === "fits"
      : portsFit(port, input).kind === "fits",
  );
  return into && out && { input: into.name, output: out.name };
}

/** A node of the catalogue that a loose wire may end at (or begin from), and the port by which. */
export interface Candidate {
  readonly spec: NodeSpec;
  readonly port: string;
}

/** The nodes that take what an output gives. */
export function takers(specs: Iterable<NodeSpec>, output: OutputSpec): readonly Candidate[] {
  return candidates(specs, (spec) => {
    const fitting = spec.inputs.filter((port) => portsFit(output, port).kind === "fits");
    return [...fitting].sort((one, other) => rank(one, false) - rank(other, false))[0]?.name;
  });
}

/** The nodes that give what an input takes. */
export function givers(specs: Iterable<NodeSpec>, input: InputSpec): readonly Candidate[] {
  return candidates(
    specs,
    (spec) => spec.outputs.find((port) => portsFit(port, input).kind === "fits")?.name,
  );
}

function candidates(
  specs: Iterable<NodeSpec>,
  portOf: (spec: NodeSpec) => string | undefined,
): readonly Candidate[] {
  return [...specs].flatMap((spec) => {
    const port = portOf(spec);
    return port === undefined ? [] : [{ spec, port }];
  });
}
