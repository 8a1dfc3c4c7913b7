/** What differs between two documents, and taking it over. Places and colours are no difference: runs do not see them. */

import type { Draft } from "immer";
import { compactJson } from "../documents/json";
import type { Document, InputValue, Json, NodeId, NodeMode, WorkflowNode } from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";

export type Difference =
  | { readonly kind: "added" | "removed"; readonly node: NodeId; readonly type: string }
  | {
      readonly kind: "input";
      readonly node: NodeId;
      readonly input: string;
      readonly left: InputValue | undefined;
      readonly right: InputValue | undefined;
    }
  | {
      readonly kind: "mode";
      readonly node: NodeId;
      readonly left: NodeMode | undefined;
      readonly right: NodeMode | undefined;
    };

function same(one: unknown, other: unknown): boolean {
  return one === other || compactJson(one as Json) === compactJson(other as Json);
}

/** In the order of the left document; what only the right one has comes last. A node of another type is another node. */
export function differences(left: Document, right: Document): readonly Difference[] {
  const found: Difference[] = [];
  for (const [node, mine] of Object.entries(left.nodes)) {
    const theirs = right.nodes[node];
    if (theirs === undefined || theirs.type !== mine.type) {
      found.push({ kind: "removed", node, type: mine.type });
      continue;
    }
    if (mine.mode !== theirs.mode) found.push({ kind: "mode", node, left: mine.mode, right: theirs.mode });
    for (const input of new Set([...Object.keys(mine.inputs), ...Object.keys(theirs.inputs)])) {
      const values = { left: mine.inputs[input], right: theirs.inputs[input] };
      if (!same(values.left, values.right)) found.push({ kind: "input", node, input, ...values });
    }
  }
  for (const [node, { type }] of Object.entries(right.nodes)) {
    if (left.nodes[node]?.type !== type) found.push({ kind: "added", node, type });
  }
  return found;
}

/** Makes a document like `right` where these differences are. */
export function takeOver(right: Document, chosen: readonly Difference[]): Edit {
  return {
    label: editTexts.applyDifferences(chosen.length),
    recipe: (graph, document) => {
      // First what goes: a node of another type has the id of the one that comes.
      for (const { kind, node } of chosen) {
        if (kind !== "removed") continue;
        delete graph.nodes[node];
        delete graph.view[node];
      }
      for (const difference of chosen) {
        const { node } = difference;
        const theirs = right.nodes[node];
        if (difference.kind === "added" && theirs !== undefined) {
          graph.nodes[node] = theirs as Draft<WorkflowNode>;
          graph.view[node] = (right.view[node] ?? { x: 0, y: 0 }) as never;
        }
        const mine = graph.nodes[node];
        if (mine === undefined) continue;
        if (difference.kind === "input") {
          if (difference.right === undefined) delete mine.inputs[difference.input];
          else mine.inputs[difference.input] = difference.right as Draft<InputValue>;
        }
        if (difference.kind === "mode") {
          if (difference.right === undefined) delete mine.mode;
          else mine.mode = difference.right;
        }
      }
      for (const [key, subgraph] of Object.entries(right.subgraphs))
        document.subgraphs[key] ??= subgraph as never;
    },
  };
}
