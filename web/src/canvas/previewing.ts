/** Previews for outputs that no node shows: wired below their nodes as one edit, and run. */

import { type Edit, together } from "../commands/edit";
import { addNode } from "../commands/nodes";
import { connect } from "../commands/wires";
import { freshName } from "../documents/ids";
import type { NodeId, Source } from "../documents/types";
import { useCatalogue } from "../store/catalogue";
import { runTo } from "../store/run";
import { activeGraph, edit } from "../store/tabs";
import { stageTexts } from "../texts/stages";
import { stage } from "./stage";

const PREVIEW = "PreviewImage";
const GAP = 48;

export function previewOutputs(outputs: readonly Source[]): void {
  const version = useCatalogue.getState().catalogue.nodes.get(PREVIEW)?.version ?? 1;
  const { nodes, view } = activeGraph();
  const { placed } = stage.getState().scene;
  const taken: Record<NodeId, unknown> = { ...nodes };
  const edits: Edit[] = [];
  const added: NodeId[] = [];
  for (const [node, output] of outputs) {
    const id = freshName(taken, "preview");
    taken[id] = true;
    added.push(id);
    const { x, y } = view[node] ?? { x: 0, y: 0 };
    const below = y + (placed.get(node)?.height ?? 0) + GAP;
    edits.push(addNode({ id, type: PREVIEW, version, inputs: {} }, { x, y: below }));
    edits.push(connect([node, output], { node: id, input: "images" }, { many: false }));
  }
  edit(together(stageTexts.show, edits));
  void runTo(added);
}
