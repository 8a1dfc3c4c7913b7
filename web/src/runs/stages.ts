/** The pictures on the way to one: what each node that it went through made of it, as far as a node shows it. */

import { isPicture } from "../api/pictures";
import type { Artifact } from "../api/types";
import { outputType, type Typed } from "../catalogue/fit";
import { sourcesOf, wiresOf } from "../documents/inputs";
import type { NodeId, Source } from "../documents/types";
import { grouped } from "./grouping";

export interface Stage {
  /** The node that made the picture; another one may show it. */
  readonly node: NodeId;
  /** Which of several that the node gives one by one, from 1; 0 where it gives one. */
  readonly place: number;
  readonly picture: Artifact;
}

export interface Way {
  readonly stages: readonly Stage[];
  /** Outputs on the way whose pictures no node shows. */
  readonly hidden: readonly Source[];
  /** How many pictures went the way side by side. */
  readonly batch: number;
}

export const NO_WAY: Way = { stages: [], hidden: [], batch: 1 };

/** What the last runs of a node made. */
export type MadeBy = (node: NodeId) => readonly Artifact[];

/** Types that hold the picture itself; others only have a say in it. */
const CARRIERS: ReadonlySet<string> = new Set(["Image", "Latent"]);

/** The nodes that a picture went through up to a node, that one last. */
function nodesTo(typed: Typed, end: NodeId): readonly NodeId[] {
  const order: NodeId[] = [];
  const seen = new Set<NodeId>();
  const visit = (id: NodeId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const input of Object.values(typed.graph.nodes[id]?.inputs ?? {})) {
      for (const source of sourcesOf(input)) {
        if (CARRIERS.has(outputType(typed, source))) visit(source[0]);
      }
    }
    order.push(id);
  };
  visit(end);
  return order;
}

/** The pictures that nodes show of each output, by `node.output`; those of the end of the way are taken first. */
function shownBy(typed: Typed, madeBy: MadeBy, end: NodeId): ReadonlyMap<string, readonly Artifact[]> {
  const wires = wiresOf(typed.graph.nodes).filter(({ from }) => outputType(typed, from) === "Image");
  const shown = new Map<string, readonly Artifact[]>();
  for (const [key, readers] of grouped(wires, ({ from }) => from.join("."))) {
    const nodes = readers.map(({ to }) => to[0]).filter((id) => typed.specOf(id).sink);
    const first = nodes.toSorted((one, other) => Number(other === end) - Number(one === end));
    const pictures = first.map((id) => madeBy(id).filter(isPicture)).find((found) => found.length > 0);
    if (pictures !== undefined) shown.set(key, pictures);
  }
  return shown;
}

/**
 * The way to the picture that a node shows or makes.
 *
 * @param picture Which of a batch, from 0.
 */
export function wayTo(typed: Typed, madeBy: MadeBy, end: NodeId, picture: number): Way {
  const shown = shownBy(typed, madeBy, end);
  const nodes = nodesTo(typed, end);
  const outputs = (id: NodeId, each: boolean): readonly Source[] =>
    typed
      .specOf(id)
      .outputs.filter((port) => port.each === each && outputType(typed, [id, port.name]) === "Image")
      .map((port) => [id, port.name]);
  const picturesOf = (source: Source) => shown.get(source.join(".")) ?? [];
  const single = nodes.flatMap((id) => outputs(id, false)).map((source) => picturesOf(source).length);
  const batch = Math.max(1, single.at(-1) ?? 1);

  const stages: Stage[] = [];
  const hidden: Source[] = [];
  for (const node of nodes) {
    const inTurn = outputs(node, true);
    const atOnce = outputs(node, false);
    const turns = inTurn.flatMap((source) => inTurnsOf(picturesOf(source), batch, picture));
    stages.push(...turns.map((made, index) => ({ node, place: index + 1, picture: made })));
    for (const source of atOnce) {
      const made = picturesOf(source);
      const one = made[Math.min(picture, made.length - 1)];
      // What a node gives at the end is the last of what it gives one by one.
      if (one !== undefined && !sameSize(one, turns.at(-1))) stages.push({ node, place: 0, picture: one });
    }
    const [first] = [...inTurn, ...atOnce];
    if (first !== undefined && stages.at(-1)?.node !== node) hidden.push(first);
  }
  return { stages, hidden, batch };
}

/** Of pictures that come one by one, each a batch, those of one place in the batch. */
function inTurnsOf(made: readonly Artifact[], batch: number, picture: number): readonly Artifact[] {
  if (made.length % batch !== 0) return made;
  return made.filter((_, index) => index % batch === picture);
}

function sameSize(one: Artifact, other: Artifact | undefined): boolean {
  return one.width === other?.width && one.height === other.height;
}

/** The node that shows the picture with the longest way, the last of equals. */
export function longestWay(typed: Typed, madeBy: MadeBy): NodeId | undefined {
  const ends = Object.keys(typed.graph.nodes).filter((id) => madeBy(id).some(isPicture));
  const lengths = ends.map((id) => wayTo(typed, madeBy, id, 0).stages.length);
  return ends[lengths.lastIndexOf(Math.max(...lengths))];
}
