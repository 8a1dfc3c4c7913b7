/** Drawing a wire: lifted from a port, led to another, or let go in the open to look for a node. */

import { connect, disconnect, moveWire } from "../commands/wires";
import { sourcesOf, type Wire } from "../documents/inputs";
import { activeGraph, edit } from "../store/tabs";
import {
  bodyPort,
  drawnType,
  ends,
  fittingPorts,
  inputSpec,
  outputSpec,
  portsFitHere,
  typeAt,
} from "./fitting";
import { DRAG_START, follow } from "./pointer";
import { nodeAt, type PortAddress, portAt, portPoint } from "./scene";
import { stage, worldOf } from "./stage";

const REACH = 18;

/** The last wire at an input: pressing the input takes hold of its end. */
function wireAt(port: PortAddress): Wire | undefined {
  const sources = sourcesOf(activeGraph().nodes[port.node]?.inputs[port.name]);
  const from = sources.at(-1);
  return from && { from, to: [port.node, port.name], index: sources.length - 1 };
}

export function pressPort(port: PortAddress, event: PointerEvent): void {
  const held = port.side === "in" && !event.shiftKey ? wireAt(port) : undefined;
  const from: PortAddress = held ? { node: held.from[0], side: "out", name: held.from[1] } : port;
  let lifted = false;
  follow(event.pointerId, {
    move: (next) => {
      if (!lifted && Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) < DRAG_START)
        return;
      if (!lifted) lift(from, held);
      lifted = true;
      lead(next);
    },
    up: (next) => {
      if (lifted) land(next, held);
    },
    cancel: drop,
  });
}

function lift(from: PortAddress, held: Wire | undefined): void {
  const placed = stage.getState().scene.placed.get(from.node);
  if (placed === undefined) return;
  const spec = from.side === "out" ? outputSpec(from.node, from.name) : inputSpec(from.node, from.name);
  const start = portPoint(placed, from.side, from.name);
  stage.setState({
    pending: {
      from,
      type: from.side === "out" ? typeAt([from.node, from.name]) : spec ? drawnType(spec) : "*",
      start,
      end: start,
      fits: fittingPorts(from),
      target: undefined,
      refusal: undefined,
    },
    lifted: held && { to: held.to, index: held.index },
  });
}

/** Where the wire would end: the port under the pointer, or the port that a node finds for it. */
function lead(event: PointerEvent): void {
  const { pending, scene, camera } = stage.getState();
  if (pending === undefined) return;
  const at = worldOf(event);
  const side = pending.from.side === "out" ? "in" : "out";
  const port = portAt(scene, at, REACH / camera.zoom, side);
  const body = nodeAt(scene, at, 4);
  const wanted =
    port ?? (body && body.id !== pending.from.node ? bodyPort(pending.from, body.id) : undefined);
  const fit = wanted && portsFitHere(pending.from, wanted);
  const target = fit?.kind === "fits" ? wanted : undefined;
  const placed = target && scene.placed.get(target.node);
  stage.setState({
    pending: {
      ...pending,
      target,
      refusal: fit?.kind === "unfit" ? fit.reason : undefined,
      end: placed && target ? portPoint(placed, target.side, target.name) : at,
    },
  });
}

function land(event: PointerEvent, held: Wire | undefined): void {
  const { pending, scene } = stage.getState();
  drop();
  if (pending === undefined) return;
  if (pending.target) {
    join(pending.from, pending.target, held);
  } else if (held) {
    if (!nodeAt(scene, worldOf(event), 8))
      edit(disconnect({ node: held.to[0], input: held.to[1] }, held.index));
  } else if (!pending.refusal && !nodeAt(scene, worldOf(event), 8)) {
    stage.setState({
      adding: {
        at: worldOf(event),
        screen: [event.clientX, event.clientY],
        from: pending.from,
        wire: pending,
      },
    });
  }
}

/** Wire two ports; a wire that was held by its end moves there. */
export function join(one: PortAddress, other: PortAddress, held?: Wire): void {
  const { from, to } = ends(one, other);
  const address = { node: to.node, input: to.name };
  const many = inputSpec(to.node, to.name)?.list ?? false;
  if (held && held.to[0] === to.node && held.to[1] === to.name) return;
  const there = sourcesOf(activeGraph().nodes[to.node]?.inputs[to.name]);
  if (there.some(([node, output]) => node === from[0] && output === from[1])) return;
  edit(held ? moveWire(held, address, { many }) : connect(from, address, { many }));
}

function drop(): void {
  stage.setState({ pending: undefined, lifted: undefined });
}
