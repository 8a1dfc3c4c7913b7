/** The interface of a subgraph: ports offered, renamed and taken away, inside it and at every instance. */

import type { Draft } from "immer";
import { freshName } from "../documents/ids";
import { asInput, isInputRef, isLinks, sourcesOf } from "../documents/inputs";
import {
  type Graph,
  type InputValue,
  type Json,
  type NodeId,
  type Source,
  SUBGRAPH_PREFIX,
  type Subgraph,
  type SubgraphInput,
} from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";
import { shownType } from "./subgraphs";

/** Within a subgraph: an input of one of its nodes becomes an input of the subgraph, with its value as the default. */
export function offerInput(node: NodeId, input: string, type: string, value: Json | undefined): Edit {
  return {
    label: editTexts.addPortIn,
    recipe: (draft) => {
      const subgraph = draft as Draft<Subgraph>;
      const inner = subgraph.nodes[node];
      if (inner === undefined || subgraph.inputs === undefined) return;
      const name = freshName(Object.fromEntries(subgraph.inputs.map((port) => [port.name, port])), input);
      const standard = value === undefined ? {} : { default: value };
      subgraph.inputs.push({ name, type: shownType(type), ...standard } as Draft<SubgraphInput>);
      inner.inputs[input] = { input: name };
    },
  };
}

/** Within a subgraph: an output of one of its nodes becomes an output of the subgraph. */
export function offerOutput(node: NodeId, output: string, type: string): Edit {
  return {
    label: editTexts.addPortOut,
    recipe: (draft) => {
      const subgraph = draft as Draft<Subgraph>;
      if (subgraph.outputs === undefined) return;
      const name = freshName(Object.fromEntries(subgraph.outputs.map((port) => [port.name, port])), output);
      subgraph.outputs.push({ name, type: shownType(type), from: [node, output] });
    },
  };
}

/** Takes a port off a subgraph: inside, its default holds; at every instance, its value or its readers' wires go. */
export function removePort(key: string, side: "inputs" | "outputs", name: string): Edit {
  return changedPorts(key, side, name, undefined, editTexts.removePort);
}

/** Names a port anew, inside and at every instance. A name that is taken or empty changes nothing. */
export function renamePort(key: string, side: "inputs" | "outputs", name: string, to: string): Edit {
  return changedPorts(key, side, name, to, editTexts.renamePort);
}

function changedPorts(
  key: string,
  side: "inputs" | "outputs",
  name: string,
  to: string | undefined,
  label: string,
): Edit {
  return {
    label,
    recipe: (_, document) => {
      const subgraph = document.subgraphs[key];
      const ports: { name: string }[] | undefined = subgraph?.[side];
      const port = ports?.find((one) => one.name === name);
      if (subgraph === undefined || ports === undefined || port === undefined) return;
      if (to !== undefined && (to === "" || ports.some((one) => one.name === to))) return;
      const standard = (port as SubgraphInput).default;
      if (to === undefined) ports.splice(ports.indexOf(port), 1);
      else port.name = to;
      if (side === "inputs") rebind(subgraph, name, to, standard);
      for (const graph of [document as Draft<Graph>, ...Object.values(document.subgraphs)]) {
        changeInstances(graph as Draft<Graph>, SUBGRAPH_PREFIX + key, side, name, to);
      }
      document.form = document.form.flatMap((field) => {
        const ours = document.nodes[field.node]?.type === SUBGRAPH_PREFIX + key && field.input === name;
        if (!ours || side === "outputs") return [field];
        return to === undefined ? [] : [{ ...field, input: to }];
      });
    },
  };
}

/** Inside a subgraph, what reads one of its inputs reads the new name, or has the default as its value. */
function rebind(
  subgraph: Draft<Subgraph>,
  name: string,
  to: string | undefined,
  standard: Json | undefined,
): void {
  for (const node of Object.values(subgraph.nodes)) {
    for (const [input, value] of Object.entries(node.inputs)) {
      if (!isInputRef(value as InputValue) || (value as { input: string }).input !== name) continue;
      if (to !== undefined) node.inputs[input] = { input: to };
      else if (standard === undefined) delete node.inputs[input];
      else node.inputs[input] = asInput(standard) as Draft<InputValue>;
    }
  }
}

function changeInstances(
  graph: Draft<Graph>,
  type: string,
  side: "inputs" | "outputs",
  name: string,
  to: string | undefined,
): void {
  const ids = new Set(Object.keys(graph.nodes).filter((id) => graph.nodes[id]?.type === type));
  if (side === "inputs") {
    for (const id of ids) {
      const inputs = graph.nodes[id]?.inputs;
      if (inputs === undefined || !(name in inputs)) continue;
      if (to !== undefined) inputs[to] = inputs[name] as Draft<InputValue>;
      delete inputs[name];
    }
    return;
  }
  const mine = ([node, output]: Source) => ids.has(node) && output === name;
  for (const node of Object.values(graph.nodes)) {
    for (const [input, value] of Object.entries(node.inputs)) {
      const sources = sourcesOf(value as InputValue);
      if (!sources.some(mine)) continue;
      const next = sources.flatMap((source): Source[] =>
        !mine(source) ? [source] : to === undefined ? [] : [[source[0], to]],
      );
      if (next.length === 0) delete node.inputs[input];
      else
        node.inputs[input] = (
          isLinks(value as InputValue) ? { links: next } : { link: next[0] }
        ) as Draft<InputValue>;
    }
  }
}
