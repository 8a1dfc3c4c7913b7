/** The document: the workflow file as the editor holds it. Immutable; commands make the next one. */

export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export type NodeId = string;

/** Where a wire comes from: a node and the name of its output. */
export type Source = readonly [node: NodeId, output: string];

export interface Link {
  readonly link: Source;
}
/** The wires of an input that takes many. */
export interface Links {
  readonly links: readonly Source[];
}
/** A literal that is itself an object. */
export interface Wrapped {
  readonly value: Json;
}
/** Inside a subgraph: the instance's input of that name. */
export interface InputRef {
  readonly input: string;
}
export type InputValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | Link
  | Links
  | Wrapped
  | InputRef;

export type NodeMode = "mute" | "bypass";

export interface WorkflowNode {
  readonly type: string;
  readonly version: number;
  readonly inputs: Readonly<Record<string, InputValue>>;
  readonly mode?: NodeMode;
  readonly title?: string;
  /** Keys of the file that this editor does not know; written back unchanged. */
  readonly rest?: JsonObject;
}

export type SeedMode = "random" | "increment" | "decrement";

export type Point = readonly [x: number, y: number];

export interface NodeView {
  readonly x: number;
  readonly y: number;
  readonly width?: number;
  readonly height?: number;
  readonly collapsed?: boolean;
  readonly color?: string;
  /** Reroute points of the wires that end at this node, by input name (`name.2` for the third of several). */
  readonly routes?: Readonly<Record<string, readonly Point[]>>;
  /** What becomes of seeds before each run, by input; a seed that is not named here stays as it is. */
  readonly seeds?: Readonly<Record<string, SeedMode>>;
  readonly rest?: JsonObject;
}

export interface Frame {
  readonly title: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly color?: string;
  readonly rest?: JsonObject;
}

export interface Note {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly color?: string;
  readonly rest?: JsonObject;
}

/** What can be drawn and edited on one canvas: a document, or the inside of one of its subgraphs. */
export interface Graph {
  readonly title: string;
  readonly nodes: Readonly<Record<NodeId, WorkflowNode>>;
  readonly view: Readonly<Record<NodeId, NodeView>>;
  readonly frames: Readonly<Record<string, Frame>>;
  readonly notes: Readonly<Record<string, Note>>;
  readonly rest: JsonObject;
}

export interface SubgraphInput {
  readonly name: string;
  readonly type: string;
  readonly default?: Json;
}
export interface SubgraphOutput {
  readonly name: string;
  readonly type: string;
  readonly from: Source;
}
export interface Subgraph extends Graph {
  readonly inputs: readonly SubgraphInput[];
  readonly outputs: readonly SubgraphOutput[];
}

/** One control of the simple view. */
export interface FormField {
  readonly node: NodeId;
  readonly input: string;
  /** What programs call it over HTTP; without it, the server makes one of the label. */
  readonly name?: string;
  readonly label?: string;
  readonly widget?: string;
  readonly min?: number;
  readonly max?: number;
  readonly group?: string;
}

/** The ports of a node type as the file's author saw them, so that an unknown node still draws. */
export interface Signature {
  readonly inputs: readonly { readonly name: string; readonly type: string }[];
  readonly outputs: readonly { readonly name: string; readonly type: string }[];
}

export interface Document extends Graph {
  readonly format: 1;
  readonly subgraphs: Readonly<Record<string, Subgraph>>;
  readonly form: readonly FormField[];
  readonly models: readonly JsonObject[];
  readonly meta: JsonObject;
  readonly signatures: Readonly<Record<string, Signature>>;
}

/** Which graph of a document is meant: the document itself (`null`) or the subgraph of that key. */
export type Scope = string | null;

export const SUBGRAPH_PREFIX = "subgraph:";
