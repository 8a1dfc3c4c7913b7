import { describe, expect, test } from "vitest";
import { readArtifact } from "../api/read";
import type { Artifact } from "../api/types";
import type { Typed } from "../catalogue/fit";
import type { InputSpec, NodeSpec, OutputSpec } from "../catalogue/types";
import { toDocument } from "../documents/parse";
import type { Json } from "../documents/types";
import { longestWay, wayTo } from "./stages";

function port(name: string, type: string): InputSpec {
  const flags = { required: true, list: false, lazy: false, all: false, socket: true, help: "" };
  return { name, type, label: name, ...flags };
}

function spec(id: string, takes: readonly string[], gives: readonly string[], sink = false): NodeSpec {
  const outputs: OutputSpec[] = gives.map((given) => {
    const [type = "", many] = given.split("…");
    return {
      name: many === undefined ? type : "turns",
      type,
      label: type,
      each: many !== undefined,
      help: "",
    };
  });
  const texts = { title: id, category: "", categoryLabel: "", summary: "", help: "", source: "" };
  const inputs = takes.map((type) => port(type, type));
  return {
    kind: "known",
    id,
    version: 1,
    ...texts,
    references: [],
    aliases: [],
    pure: true,
    sink,
    inputs,
    outputs,
  };
}

const SPECS = new Map(
  [
    spec("Noise", ["Model"], ["Latent"]),
    spec("Decode", ["Latent"], ["Image"]),
    spec("Encode", ["Image"], ["Latent"]),
    spec("Upscale", ["Image"], ["Image"]),
    spec("Cascade", ["Image"], ["Image", "Image…"]),
    spec("Hint", ["Image"], ["Conditioning"]),
    spec("Sample", ["Latent", "Conditioning"], ["Latent"]),
    spec("Show", ["Image"], [], true),
  ].map((known) => [known.id, known]),
);

/** `a: Decode`, `b: Upscale < a` and so on: each line a node, with the outputs that it takes. */
function graph(...lines: readonly string[]): Typed {
  const nodes: Record<string, Json> = {};
  for (const line of lines) {
    const [, id = "", type = "", sources = ""] = /^(\w+): (\w+)(?: < (.*))?$/.exec(line) ?? [];
    const inputs = sources
      .split(" ")
      .filter((source) => source !== "")
      .map((source) => {
        const [node = "", output = "Image"] = source.split(".");
        const name = output === "turns" ? "Image" : output;
        return [name, { link: [node, output] }] as const;
      });
    nodes[id] = { type, version: 1, inputs: Object.fromEntries(inputs) };
  }
  const document = toDocument({ format: 1, title: "t", nodes });
  return {
    graph: document,
    specOf: (id) => {
      const known = SPECS.get(document.nodes[id]?.type ?? "");
      if (known === undefined) throw new Error(`There is no node ${id}.`);
      return known;
    },
  };
}

function shown(sizes: Readonly<Record<string, readonly number[]>>): (node: string) => readonly Artifact[] {
  return (node) =>
    (sizes[node] ?? []).map((side, index) =>
      readArtifact({ id: `${node}${index}`, node, index, kind: "image", width: side, height: side }),
    );
}

const told = ({ stages }: ReturnType<typeof wayTo>) =>
  stages.map(({ node, place, picture }) => [node, place, picture.id]);

describe("the way to a picture", () => {
  const byHand = graph(
    "noise: Noise",
    "decode: Decode < noise.Latent",
    "small: Show < decode",
    "larger: Upscale < decode",
    "back: Encode < larger",
    "again: Sample < back.Latent",
    "fine: Decode < again.Latent",
    "save: Show < fine",
  );

  test("is what each node made that somebody shows, through pixels and latents", () => {
    const way = wayTo(byHand, shown({ small: [64], save: [128] }), "save", 0);
    expect(told(way)).toEqual([
      ["decode", 0, "small0"],
      ["fine", 0, "save0"],
    ]);
    expect(way.hidden).toEqual([["larger", "Image"]]);
  });

  test("leads to a node that makes a picture as well as to one that shows it", () => {
    const made = shown({ small: [64], save: [128] });
    expect(told(wayTo(byHand, made, "larger", 0))).toEqual([["decode", 0, "small0"]]);
    expect(told(wayTo(byHand, made, "small", 0))).toEqual([["decode", 0, "small0"]]);
  });

  test("leaves out pictures that only have a say in it", () => {
    const hinted = graph(
      "edges: Upscale",
      "look: Show < edges",
      "hint: Hint < edges",
      "noise: Noise",
      "sample: Sample < noise.Latent hint.Conditioning",
      "decode: Decode < sample.Latent",
      "save: Show < decode",
    );
    const way = wayTo(hinted, shown({ look: [8], save: [64] }), "save", 0);
    expect(told(way)).toEqual([["decode", 0, "save0"]]);
    expect(way.hidden).toEqual([]);
  });

  const cascade = graph(
    "noise: Noise",
    "decode: Decode < noise.Latent",
    "start: Show < decode",
    "cascade: Cascade < decode",
    "stages: Show < cascade.turns",
    "save: Show < cascade",
  );

  test("has the stages of a cascade one by one, and its end once", () => {
    const way = wayTo(cascade, shown({ start: [64], stages: [128, 256], save: [256] }), "save", 0);
    expect(told(way)).toEqual([
      ["decode", 0, "start0"],
      ["cascade", 1, "stages0"],
      ["cascade", 2, "stages1"],
    ]);
    expect(way.hidden).toEqual([]);
  });

  test("offers the stages of a cascade rather than its end where nobody shows either", () => {
    const way = wayTo(cascade, shown({ start: [64] }), "cascade", 0);
    expect(way.hidden).toEqual([["cascade", "turns"]]);
  });

  test("follows one picture of a batch, also where batches come one by one", () => {
    const made = shown({ start: [64, 64], stages: [128, 128, 256, 256], save: [256, 256] });
    const way = wayTo(cascade, made, "save", 1);
    expect(way.batch).toBe(2);
    expect(told(way).map(([, , id]) => id)).toEqual(["start1", "stages1", "stages3"]);
  });

  test("is looked for from where it is longest", () => {
    expect(longestWay(cascade, shown({ start: [64], stages: [128, 256], save: [256] }))).toBe("save");
    expect(longestWay(cascade, shown({ start: [64] }))).toBe("start");
    expect(longestWay(cascade, shown({}))).toBeUndefined();
  });
});
