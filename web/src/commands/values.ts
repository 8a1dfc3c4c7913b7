/** Commands on values: set a literal, on one node or on many, or take it back to its default. */

import type { Draft } from "immer";
import { asInput, isWired } from "../documents/inputs";
import type { InputValue, Json, NodeId, SeedMode } from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";

export interface ValueOptions {
  /** One name for all steps of a drag or of a burst of typing: they become one entry. */
  readonly gesture?: string;
}

/** Sets a literal. A wired input keeps its wire: the value is the wire's. */
export function setValue(node: NodeId, input: string, value: Json, options: ValueOptions = {}): Edit {
  return setValues([{ node, input, value }], options);
}

export interface ValueChange {
  readonly node: NodeId;
  readonly input: string;
  readonly value: Json;
}

export function setValues(changes: readonly ValueChange[], options: ValueOptions = {}): Edit {
  const only = changes.length === 1 ? changes[0] : undefined;
  return {
    label: only === undefined ? editTexts.changeValues(changes.length) : editTexts.change(only.input),
    ...options,
    recipe: (graph) => {
      for (const { node, input, value } of changes) {
        const inputs = graph.nodes[node]?.inputs;
        if (inputs === undefined || isWired(inputs[input] as InputValue | undefined)) continue;
        if (inputs[input] !== value) inputs[input] = asInput(value) as Draft<InputValue>;
      }
    },
  };
}

/** Says what becomes of a seed before each run; `null` keeps it as it is. */
export function setSeedMode(node: NodeId, input: string, mode: SeedMode | null): Edit {
  return {
    label: mode === null ? editTexts.holdSeed : editTexts.drawSeed,
    recipe: (graph) => {
      const view = graph.view[node] ?? { x: 0, y: 0 };
      graph.view[node] = view;
      const seeds = { ...view.seeds };
      if (mode === null) delete seeds[input];
      else seeds[input] = mode;
      if (Object.keys(seeds).length > 0) view.seeds = seeds;
      else delete view.seeds;
    },
  };
}

/** Takes a literal out of the file, so that the node's default holds again. */
export function resetValue(node: NodeId, input: string): Edit {
  return {
    label: editTexts.reset(input),
    recipe: (graph) => {
      const inputs = graph.nodes[node]?.inputs;
      if (inputs !== undefined && !isWired(inputs[input] as InputValue | undefined)) delete inputs[input];
    },
  };
}
