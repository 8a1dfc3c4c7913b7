/** What the server says about its nodes: everything the editor draws follows from this. */

import type { Json, JsonObject } from "../documents/types";

/** How an input is edited. `kind` names an entry of the widget registry; the rest is that widget's own. */
export interface WidgetSpec {
  readonly kind: string;
  readonly [key: string]: Json;
}

/** A type variable: the same one within a node stands for one type. */
export interface TypeVariable {
  readonly name: string;
  /** The types that it may stand for; any where absent. */
  readonly oneOf?: readonly string[];
}

export interface InputSpec {
  readonly name: string;
  /** A wire class, `Int`, `Float`, `String`, `Boolean`, or `*` for any; a generic one carries `variable` too. */
  readonly type: string;
  readonly variable?: TypeVariable;
  readonly label: string;
  readonly required: boolean;
  /** Takes many wires. */
  readonly list: boolean;
  readonly lazy: boolean;
  /** Receives a whole sequence instead of running once per element. */
  readonly all: boolean;
  /** Only ever wired: it has no control of its own. */
  readonly socket: boolean;
  readonly help: string;
  readonly default?: Json;
  readonly widget?: WidgetSpec;
}

export interface OutputSpec {
  readonly name: string;
  readonly type: string;
  readonly variable?: TypeVariable;
  readonly label: string;
  /** Yields a sequence: what it is wired to runs once per element. */
  readonly each: boolean;
  readonly help: string;
  readonly shape?: JsonObject;
}

export interface NodeSpec {
  /** `ghost`: not in the catalogue, drawn from what the file says of it. */
  readonly kind: "known" | "ghost" | "subgraph";
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly category: string;
  /** The category in the words of the language, written like it. */
  readonly categoryLabel: string;
  readonly summary: string;
  readonly help: string;
  readonly references: readonly string[];
  readonly aliases: readonly string[];
  readonly pure: boolean;
  readonly sink: boolean;
  /** The Python module that declares it. */
  readonly source: string;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
}

export interface WireType {
  readonly name: string;
  readonly comfy: string;
  readonly help: string;
}

export interface CatalogueFailure {
  readonly source: string;
  readonly message: string;
}

export interface Catalogue {
  readonly hash: string;
  readonly nodes: ReadonlyMap<string, NodeSpec>;
  readonly types: ReadonlyMap<string, WireType>;
  readonly failures: readonly CatalogueFailure[];
  /** Nodes' English titles to those of the language; empty in English. */
  readonly titles: ReadonlyMap<string, string>;
}

export const EMPTY_CATALOGUE: Catalogue = {
  hash: "",
  nodes: new Map(),
  types: new Map(),
  failures: [],
  titles: new Map(),
};
