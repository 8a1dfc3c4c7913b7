/** Unknown JSON → document. What this editor does not know is kept in `rest`; what it cannot mean is refused. */

import { readTexts as t } from "../texts/refusals";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  isObject,
  isReal,
  isString,
  others,
  record,
  Unreadable,
} from "./fields";
import { parseJson } from "./json";
import type {
  Document,
  FormField,
  Frame,
  Graph,
  InputValue,
  Json,
  JsonObject,
  NodeView,
  Note,
  Point,
  SeedMode,
  Signature,
  Source,
  Subgraph,
  SubgraphInput,
  SubgraphOutput,
  WorkflowNode,
} from "./types";

const NODE_ID = /^[A-Za-z0-9_-]{1,64}$/;
const GRAPH_KEYS = ["title", "nodes", "view", "frames", "notes"];
const DOCUMENT_KEYS = [...GRAPH_KEYS, "format", "subgraphs", "form", "models", "meta", "signatures"];

/**
 * Reads the text of a workflow file.
 * @throws Unreadable with a sentence that says what is wrong and where.
 */
export function parseDocument(text: string): Document {
  let json: Json;
  try {
    json = parseJson(text);
  } catch (problem) {
    throw new Unreadable(t.noJson, t.readerSays((problem as Error).message));
  }
  return toDocument(json);
}

/** Does this look like one of our files, as opposed to another program's? */
export function looksLikeDocument(json: Json): boolean {
  return isObject(json) && json["format"] === 1 && isObject(json["nodes"]);
}

export function toDocument(json: Json): Document {
  const file = asObject(json, "A workflow file");
  if (file["format"] !== 1) {
    throw new Unreadable(t.format, t.formatHint);
  }
  return {
    format: 1,
    ...toGraph(file, "The file", DOCUMENT_KEYS),
    subgraphs: mapped(file["subgraphs"], "`subgraphs`", toSubgraph),
    form: file["form"] === undefined ? [] : asArray(file["form"], "`form`").map(toField),
    models:
      file["models"] === undefined
        ? []
        : asArray(file["models"], "`models`").map((item) => asObject(item, "A model")),
    meta: file["meta"] === undefined ? record() : asObject(file["meta"], "`meta`"),
    signatures: mapped(file["signatures"], "`signatures`", toSignature),
  };
}

function toGraph(file: JsonObject, where: string, keys: readonly string[]): Graph {
  const nodes = mapped(file["nodes"], `${where}: \`nodes\``, toNode);
  for (const id of Object.keys(nodes)) {
    if (!NODE_ID.test(id)) {
      throw new Unreadable(t.id(id.slice(0, 80)), t.idHint);
    }
  }
  return {
    title: file["title"] === undefined ? "Untitled" : asString(file["title"], `${where}: \`title\``),
    nodes,
    view: mapped(file["view"], `${where}: \`view\``, toView),
    frames: mapped(file["frames"], `${where}: \`frames\``, toFrame),
    notes: mapped(file["notes"], `${where}: \`notes\``, toNote),
    rest: others(file, keys) ?? record(),
  };
}

function mapped<Value>(
  json: Json | undefined,
  what: string,
  read: (value: JsonObject, what: string) => Value,
): Record<string, Value> {
  if (json === undefined) return record();
  return record(
    Object.entries(asObject(json, what)).map(([key, value]) => {
      const place = `${what} → “${key.slice(0, 80)}”`;
      return [key, read(asObject(value, place), place)] as const;
    }),
  );
}

function toNode(json: JsonObject, what: string): WorkflowNode {
  const mode = json["mode"];
  const title = json["title"];
  const knownMode = mode === "mute" || mode === "bypass";
  const inputs = json["inputs"] === undefined ? {} : asObject(json["inputs"], `${what}: \`inputs\``);
  // A mode or title of another kind stays in `rest`: kept, shown as a problem by the server, never reset.
  const known = [
    "type",
    "version",
    "inputs",
    ...(knownMode ? ["mode"] : []),
    ...(isString(title) ? ["title"] : []),
  ];
  const rest = others(json, known);
  return {
    type: asString(json["type"], `${what}: \`type\``),
    version: json["version"] === undefined ? 1 : asNumber(json["version"], `${what}: \`version\``),
    inputs: record(
      Object.entries(inputs).map(([name, value]) => [name, toInput(value, `${what}: “${name}”`)]),
    ),
    ...(knownMode ? { mode } : {}),
    ...(isString(title) ? { title } : {}),
    ...(rest ? { rest } : {}),
  };
}

function toInput(json: Json, what: string): InputValue {
  if (!isObject(json)) return json as InputValue;
  const keys = Object.keys(json);
  if (keys.length === 1) {
    const [key] = keys;
    if (key === "link") return { link: toSource(json["link"], what) };
    if (key === "links") return { links: asArray(json["links"], what).map((item) => toSource(item, what)) };
    if (key === "value") return { value: json["value"] as Json };
    if (key === "input") return { input: asString(json["input"], what) };
  }
  throw new Unreadable(t.input(what), t.inputHint);
}

function toSource(json: Json | undefined, what: string): Source {
  const pair = asArray(json, `${what}: the wire`);
  const [node, output] = pair;
  if (pair.length === 2 && isString(node) && isString(output)) return [node, output];
  throw new Unreadable(t.wire(what));
}

function numberOr(json: Json | undefined, fallback: number): number {
  return isReal(json) ? json : fallback;
}

function toView(json: JsonObject): NodeView {
  const { width, height, collapsed, color, routes, seeds } = json;
  const rest = others(json, ["x", "y", "width", "height", "collapsed", "color", "routes", "seeds"]);
  return {
    x: numberOr(json["x"], 0),
    y: numberOr(json["y"], 0),
    ...(isReal(width) ? { width } : {}),
    ...(isReal(height) ? { height } : {}),
    ...(typeof collapsed === "boolean" ? { collapsed } : {}),
    ...(isString(color) ? { color } : {}),
    ...(isObject(routes)
      ? { routes: record(Object.entries(routes).map(([key, points]) => [key, toPoints(points)])) }
      : {}),
    ...(isObject(seeds) ? { seeds: record(Object.entries(seeds).filter(isSeedMode)) } : {}),
    ...(rest ? { rest } : {}),
  };
}

function isSeedMode(entry: [string, Json]): entry is [string, SeedMode] {
  return entry[1] === "random" || entry[1] === "increment" || entry[1] === "decrement";
}

function toPoints(json: Json): readonly Point[] {
  if (!Array.isArray(json)) return [];
  return json.flatMap((point): Point[] => {
    const [x, y] = Array.isArray(point) ? point : [];
    return isReal(x) && isReal(y) ? [[x, y]] : [];
  });
}

function toBox(json: JsonObject, width: number, height: number) {
  const { color } = json;
  return {
    x: numberOr(json["x"], 0),
    y: numberOr(json["y"], 0),
    width: Math.max(1, numberOr(json["width"], width)),
    height: Math.max(1, numberOr(json["height"], height)),
    ...(isString(color) ? { color } : {}),
  };
}

function toFrame(json: JsonObject): Frame {
  const rest = others(json, ["title", "x", "y", "width", "height", "color"]);
  return {
    title: isString(json["title"]) ? json["title"] : "",
    ...toBox(json, 400, 300),
    ...(rest ? { rest } : {}),
  };
}

function toNote(json: JsonObject): Note {
  const rest = others(json, ["text", "x", "y", "width", "height", "color"]);
  return {
    text: isString(json["text"]) ? json["text"] : "",
    ...toBox(json, 240, 120),
    ...(rest ? { rest } : {}),
  };
}

function toSubgraph(json: JsonObject, what: string): Subgraph {
  const inputs = json["inputs"] === undefined ? [] : asArray(json["inputs"], `${what}: \`inputs\``);
  const outputs = json["outputs"] === undefined ? [] : asArray(json["outputs"], `${what}: \`outputs\``);
  return {
    ...toGraph(json, what, [...GRAPH_KEYS, "inputs", "outputs"]),
    inputs: inputs.map((item) => toSubgraphInput(asObject(item, `${what}: an input`), what)),
    outputs: outputs.map((item) => toSubgraphOutput(asObject(item, `${what}: an output`), what)),
  };
}

function toSubgraphInput(json: JsonObject, what: string): SubgraphInput {
  const value = json["default"];
  const port = toPort(json, what);
  return value === undefined ? port : { ...port, default: value };
}

function toSubgraphOutput(json: JsonObject, what: string): SubgraphOutput {
  return { ...toPort(json, what), from: toSource(json["from"], what) };
}

function toPort(json: JsonObject, what: string): { readonly name: string; readonly type: string } {
  return {
    name: asString(json["name"], `${what}: a port's name`),
    type: asString(json["type"], `${what}: a port's type`),
  };
}

function toField(json: Json): FormField {
  const field = asObject(json, "A field of `form`");
  const { name, label, widget, min, max, group } = field;
  return {
    node: asString(field["node"], "A field's node"),
    input: asString(field["input"], "A field's input"),
    ...(isString(name) ? { name } : {}),
    ...(isString(label) ? { label } : {}),
    ...(isString(widget) ? { widget } : {}),
    ...(isReal(min) ? { min } : {}),
    ...(isReal(max) ? { max } : {}),
    ...(isString(group) ? { group } : {}),
  };
}

function toSignature(json: JsonObject, what: string): Signature {
  const ports = (key: string) =>
    asArray(json[key] ?? [], `${what}: \`${key}\``).map((item) =>
      toPort(asObject(item, `${what}: a port`), what),
    );
  return { inputs: ports("inputs"), outputs: ports("outputs") };
}
