/** The ports of nodes that not every reader of a file has, written into it so that they still draw there. */

import type { Document, Signature } from "../documents/types";
import type { Catalogue, NodeSpec } from "./types";

/** The document with the signatures of its nodes from outside this project; others it keeps as they are. */
export function withSignatures(document: Document, catalogue: Catalogue): Document {
  const graphs = [document, ...Object.values(document.subgraphs)];
  const types = new Set(graphs.flatMap((graph) => Object.values(graph.nodes).map((node) => node.type)));
  const added = [...types].flatMap((type) => {
    const spec = catalogue.nodes.get(type);
    return spec === undefined || /^nodes(\.|$)/.test(spec.source) ? [] : [[type, signatureOf(spec)] as const];
  });
  if (added.length === 0) return document;
  return { ...document, signatures: { ...document.signatures, ...Object.fromEntries(added) } };
}

function signatureOf(spec: NodeSpec): Signature {
  const ports = (list: readonly { readonly name: string; readonly type: string }[]) =>
    list.map(({ name, type }) => ({ name, type }));
  return { inputs: ports(spec.inputs), outputs: ports(spec.outputs) };
}
