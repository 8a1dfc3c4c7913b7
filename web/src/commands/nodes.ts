/** Commands on nodes: add, remove with healing, move, and what a node carries besides its inputs. */

import type { Draft } from "immer";
import { ANY } from "../catalogue/fit";
import type { InputSpec, NodeSpec } from "../catalogue/types";
import { isLink, isLinks, sourcesOf } from "../documents/inputs";
import type { Graph, InputValue, NodeId, NodeMode, NodeView, Source, WorkflowNode } from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";

/** The ports of a node, as the catalogue or the file tells them. */
export type SpecOf = (node: WorkflowNode, id: NodeId) => NodeSpec;

export interface NewNode {
  readonly id: NodeId;
  readonly type: string;
  readonly version: number;
  readonly inputs?: Readonly<Record<string, InputValue>>;
  readonly title?: string;
}

export function addNode(node: NewNode, at: NodeView): Edit {
  const { id, ...rest } = node;
  return {
    label: editTexts.addNode,
    recipe: (graph) => {
      graph.nodes[id] = { inputs: {}, ...rest } as Draft<WorkflowNode>;
      graph.view[id] = at as Draft<NodeView>;
    },
  };
}

/**
 * Takes nodes away. A wire through a removed node is healed where one of the node's own inputs of the same type
 * was wired: what fed the node then feeds its reader. Other wires from it go, and the reader's input is open again.
 */
export function removeNodes(ids: readonly NodeId[], specOf: SpecOf): Edit {
  return {
    label: editTexts.deleteNodes(ids.length),
    recipe: (graph) => {
      const gone = new Set(ids);
      const heal = healer(graph as Graph, gone, specOf);
      for (const [id, node] of Object.entries(graph.nodes)) {
        if (gone.has(id)) continue;
        for (const [name, value] of Object.entries(node.inputs)) {
          if (!sourcesOf(value as InputValue).some(([source]) => gone.has(source))) continue;
          const healed = rewired(value as InputValue, heal);
          if (healed === undefined) delete node.inputs[name];
          else node.inputs[name] = healed as Draft<InputValue>;
        }
      }
      for (const id of ids) {
        delete graph.nodes[id];
        delete graph.view[id];
      }
    },
  };
}

function rewired(value: InputValue, heal: (source: Source) => Source | undefined): InputValue | undefined {
  if (isLink(value)) {
    const source = heal(value.link);
    return source && { link: source };
  }
  if (isLinks(value)) {
    const links = value.links.map(heal).filter((source) => source !== undefined);
    return links.length > 0 ? { links } : undefined;
  }
  return value;
}

/** What a source becomes when the nodes `gone` are taken away: itself, what fed them, or nothing. */
function healer(
  graph: Graph,
  gone: ReadonlySet<NodeId>,
  specOf: SpecOf,
): (source: Source) => Source | undefined {
  return (start) => {
    const seen = new Set<NodeId>();
    let source: Source | undefined = start;
    while (source !== undefined && gone.has(source[0])) {
      const [id, output]: Source = source;
      const node: WorkflowNode | undefined = graph.nodes[id];
      if (node === undefined || seen.has(id)) return undefined;
      seen.add(id);
      source = passedThrough(node, specOf(node, id), output);
    }
    return source === undefined ? undefined : [source[0], source[1]];
  };
}

/**
 * What a bypassed node hands on for an output: the source of its input of the same name, or else at the same place, or
 * else of its first wired one, always of the same type; where nothing wired is, an input that takes anything serves.
 */
export function passedThrough(node: WorkflowNode, spec: NodeSpec, output: string): Source | undefined {
  const slot = spec.outputs.findIndex((port) => port.name === output);
  const type = spec.outputs[slot]?.type;
  const same = spec.inputs.filter((port) => port.type === type);
  const source = (port: InputSpec | undefined) => port && sourcesOf(node.inputs[port.name])[0];
  const named = same.find((port) => port.name === output);
  if (named !== undefined) return source(named);
  const beside = same.find((port) => port === spec.inputs[slot]);
  const wired = (port: InputSpec) => source(port) !== undefined;
  return (
    source(beside) ?? source(same.find(wired) ?? spec.inputs.find((port) => port.type === ANY && wired(port)))
  );
}

export interface Move {
  readonly id: NodeId;
  readonly x: number;
  readonly y: number;
}

/** Puts nodes at places. One drag is one entry where the caller gives all its steps one `gesture`. */
export function moveNodes(moves: readonly Move[], gesture?: string): Edit {
  return {
    label: editTexts.moveNodes(moves.length),
    ...(gesture === undefined ? {} : { gesture }),
    recipe: (graph) => {
      for (const { id, x, y } of moves) {
        if (graph.nodes[id] === undefined) continue;
        const view = graph.view[id];
        if (view === undefined) graph.view[id] = { x, y };
        else Object.assign(view, { x, y });
      }
    },
  };
}

export type ViewChange = {
  readonly [Key in "width" | "height" | "collapsed" | "color"]?: NodeView[Key] | null;
};

/** Size, colour, collapsed or not; `null` takes the entry out of the file. */
export function changeView(ids: readonly NodeId[], change: ViewChange, gesture?: string): Edit {
  return {
    label: editTexts.lookOfNodes(ids.length),
    ...(gesture === undefined ? {} : { gesture }),
    recipe: (graph) => {
      for (const id of ids) {
        const view = graph.view[id] ?? { x: 0, y: 0 };
        graph.view[id] = view;
        for (const [key, value] of Object.entries(change)) {
          if (value === null) delete view[key as keyof ViewChange];
          else Object.assign(view, { [key]: value });
        }
      }
    },
  };
}

/** Mutes, bypasses, or with `null` wakes nodes. */
export function setMode(ids: readonly NodeId[], mode: NodeMode | null): Edit {
  const { enableNodes, muteNodes, bypassNodes } = editTexts;
  const label = mode === null ? enableNodes : mode === "mute" ? muteNodes : bypassNodes;
  return {
    label: label(ids.length),
    recipe: (graph) => {
      for (const id of ids) {
        const node = graph.nodes[id];
        if (node === undefined) continue;
        if (mode === null) delete node.mode;
        else node.mode = mode;
      }
    },
  };
}

/** Names a node; an empty name gives it its type's title again. */
export function setNodeTitle(id: NodeId, title: string): Edit {
  return {
    label: editTexts.renameNode,
    recipe: (graph) => {
      const node = graph.nodes[id];
      if (node === undefined) return;
      if (title.trim() === "") delete node.title;
      else node.title = title;
    },
  };
}
