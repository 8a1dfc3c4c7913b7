/** The answer of `GET /api/v1/nodes` → catalogue. */

import { asArray, asObject, asString, isObject, isString } from "../documents/fields";
import type { Json, JsonObject } from "../documents/types";
import type { Catalogue, InputSpec, NodeSpec, OutputSpec, TypeVariable, WidgetSpec, WireType } from "./types";

/** @throws Unreadable where the answer is not a catalogue. */
export function toCatalogue(json: Json): Catalogue {
  const answer = asObject(json, "The catalogue");
  const nodes = Object.entries(asObject(answer["nodes"], "The catalogue's nodes"));
  const types = Object.entries(asObject(answer["types"] ?? {}, "The catalogue's types"));
  const failures = asArray(answer["failures"] ?? [], "The catalogue's failures");
  const titles = Object.entries(asObject(answer["titles"] ?? {}, "The catalogue's titles"));
  return {
    hash: text(answer["hash"]),
    nodes: new Map(nodes.map(([id, value]) => [id, toSpec(id, asObject(value, `Node ${id}`))])),
    types: new Map(types.map(([name, value]) => [name, toType(name, asObject(value, `Type ${name}`))])),
    failures: failures.map((item) => {
      const failure = asObject(item, "A failure");
      return { source: text(failure["source"]), message: text(failure["message"]) };
    }),
    titles: new Map(titles.map(([english, own]) => [english, text(own)])),
  };
}

function text(value: Json | undefined): string {
  return isString(value) ? value : "";
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter(isString) : [];
}

function toType(name: string, json: JsonObject): WireType {
  return { name, comfy: text(json["comfy"]), help: text(json["help"]) };
}

function toSpec(id: string, json: JsonObject): NodeSpec {
  return {
    kind: "known",
    id,
    version: Number(json["version"] ?? 1),
    title: text(json["title"]) || id,
    category: text(json["category"]),
    categoryLabel: text(json["category_label"]) || labelOf(text(json["category"])),
    summary: text(json["summary"]),
    help: text(json["help"]),
    references: texts(json["references"]),
    aliases: texts(json["aliases"]),
    pure: json["pure"] !== false,
    sink: json["sink"] === true,
    source: text(json["source"]),
    inputs: asArray(json["inputs"], `The inputs of ${id}`).map((item) =>
      toInput(asObject(item, `An input of ${id}`)),
    ),
    outputs: asArray(json["outputs"], `The outputs of ${id}`).map((item) =>
      toOutput(asObject(item, `An output of ${id}`)),
    ),
  };
}

/** `sampler_name` → `sampler name`: what a port is called where its declaration gives no label. */
export function labelOf(name: string): string {
  return name.replaceAll("_", " ");
}

function toInput(json: JsonObject): InputSpec {
  const name = asString(json["name"], "An input's name");
  const { widget } = json;
  const value = json["default"];
  return {
    name,
    ...toPortType(json),
    label: text(json["label"]) || labelOf(name),
    required: json["required"] === true,
    list: json["list"] === true,
    lazy: json["lazy"] === true,
    all: json["all"] === true,
    socket: json["socket"] === true,
    help: text(json["help"]),
    ...(value === undefined ? {} : { default: value }),
    ...(isObject(widget) && isString(widget["kind"]) ? { widget: widget as WidgetSpec } : {}),
  };
}

function toOutput(json: JsonObject): OutputSpec {
  const name = asString(json["name"], "An output's name");
  const { shape } = json;
  return {
    name,
    ...toPortType(json),
    label: text(json["label"]) || labelOf(name),
    each: json["each"] === true,
    help: text(json["help"]),
    ...(isObject(shape) ? { shape } : {}),
  };
}

function toPortType(json: JsonObject): { readonly type: string; readonly variable?: TypeVariable } {
  const type = asString(json["type"], "A port's type");
  if (json["generic"] !== true) return { type };
  const oneOf = texts(json["one_of"]);
  return { type, variable: oneOf.length > 0 ? { name: type, oneOf } : { name: type } };
}
