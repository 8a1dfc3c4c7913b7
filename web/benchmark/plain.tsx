/** The measure: React Flow as its documentation shows it, with nodes whose controls are always there. */

import {
  Background,
  type Edge,
  Handle,
  MiniMap,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from "@xyflow/react";
import { createRoot } from "react-dom/client";
import "@xyflow/react/dist/style.css";
import "./plain.css";

interface Port {
  readonly name: string;
  readonly control: "socket" | "number" | "text" | "long" | "choice" | "switch";
  readonly options: readonly string[];
  readonly value: string;
}

interface Card extends Record<string, unknown> {
  readonly title: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly string[];
}

interface Sheet {
  readonly nodes: Node<Card>[];
  readonly edges: Edge[];
}

function CardNode({ data }: NodeProps<Node<Card>>) {
  return (
    <div className="card">
      <h3>{data.title}</h3>
      {data.inputs.map((port) => (
        <div key={port.name} className="card__row">
          <Handle type="target" position={Position.Left} id={port.name} />
          <label htmlFor={port.name}>{port.name}</label>
          <Control port={port} />
        </div>
      ))}
      {data.outputs.map((name) => (
        <div key={name} className="card__row">
          <span />
          {name}
          <Handle type="source" position={Position.Right} id={name} />
        </div>
      ))}
    </div>
  );
}

function Control({ port: { control, options, value } }: { readonly port: Port }) {
  switch (control) {
    case "socket":
      return null;
    case "number":
      return <input className="nodrag" type="number" defaultValue={value} />;
    case "text":
      return <input className="nodrag" defaultValue={value} />;
    case "long":
      return <textarea className="nodrag" defaultValue={value} rows={4} />;
    case "choice":
      return (
        <select className="nodrag" defaultValue={value}>
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      );
    case "switch":
      return <input className="nodrag" type="checkbox" />;
    default:
      return control satisfies never;
  }
}

const NODE_TYPES = { card: CardNode };

const sheet = (await (await fetch("sheet.json")).json()) as Sheet;
const root = document.getElementById("root");
if (root === null) throw new Error("The page has no root element.");
createRoot(root).render(
  <ReactFlow
    defaultNodes={sheet.nodes}
    defaultEdges={sheet.edges}
    nodeTypes={NODE_TYPES}
    minZoom={0.05}
    maxZoom={2.5}
    panOnDrag={[0, 1]}
    fitView
  >
    <Background />
    <MiniMap />
  </ReactFlow>,
);
