import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { EMPTY_DOCUMENT } from "../documents/empty";
import { toDocument } from "../documents/parse";
import type { Document } from "../documents/types";
import { categoryLabel, groupNodes } from "./categories";
import { fits, givers, inputFor, outputFor, outputType, passage, type Typed, takers } from "./fit";
import { toCatalogue } from "./parse";
import { specOf } from "./ports";
import { indexNodes } from "./search";
import { withSignatures } from "./signatures";
import type { InputSpec, NodeSpec, OutputSpec } from "./types";

const CATALOGUE = toCatalogue(
  JSON.parse(readFileSync(`${import.meta.dirname}/fixtures/catalogue.json`, "utf8")),
);

function documentOf(nodes: object, more: object = {}): Document {
  return toDocument({ format: 1, title: "t", nodes: nodes as never, ...more });
}

function typed(nodes: object): Typed {
  const graph = documentOf(nodes);
  return { graph, specOf: (id) => specOf(CATALOGUE, graph, graph, id) };
}

const node = (type: string, inputs: object = {}) => ({ type, version: 1, inputs });
const link = (id: string, output: string) => ({ link: [id, output] });

function known(id: string): NodeSpec {
  const spec = CATALOGUE.nodes.get(id);
  if (spec === undefined) throw new Error(`The fixture has no ${id}.`);
  return spec;
}

function input(id: string, name: string): InputSpec {
  const port = known(id).inputs.find((candidate) => candidate.name === name);
  if (port === undefined) throw new Error(`The fixture's ${id} has no input ${name}.`);
  return port;
}

function output(id: string, name: string): OutputSpec {
  const port = known(id).outputs.find((candidate) => candidate.name === name);
  if (port === undefined) throw new Error(`The fixture's ${id} has no output ${name}.`);
  return port;
}

describe("the catalogue", () => {
  test("reads ports, widgets, defaults and failures", () => {
    const sampler = CATALOGUE.nodes.get("KSampler");
    expect(sampler?.inputs.find((port) => port.name === "sampler_name")).toMatchObject({
      label: "sampler name",
      default: "euler",
      socket: false,
      widget: { kind: "choice" },
    });
    expect(sampler?.outputs).toMatchObject([{ name: "latent", type: "Latent" }]);
    expect(CATALOGUE.failures).toHaveLength(1);
    expect(CATALOGUE.types.get("Image")?.comfy).toBe("IMAGE");
  });
});

describe("search", () => {
  const search = indexNodes([...CATALOGUE.nodes.values()]);
  const first = (query: string) => search(query)[0]?.id;

  test.each([
    ["ksampler", "KSampler"],
    ["sampler", "KSampler"],
    ["prompt", "CLIPTextEncode"],
    ["checkpont", "CheckpointLoaderSimple"],
    ["empty la", "EmptyLatentImage"],
    ["empty image", "EmptyImage"],
    ["invert", "ImageInvert"],
    ["scale factor", "ImageScaleBy"],
    ["ksmp", "KSampler"],
    ["emlat", "EmptyLatentImage"],
    ["vd", "VAEDecode"],
  ])("%s finds %s", (query, id) => expect(first(query)).toBe(id));

  test("without a word lists everything", () => expect(search(" ")).toHaveLength(CATALOGUE.nodes.size));
  test("of nonsense finds nothing", () => expect(search("zzqqxx")).toEqual([]));
});

describe("fits", () => {
  const graph = typed({
    loader: node("CheckpointLoaderSimple"),
    image: node("LoadImage"),
    decode: node("VAEDecode"),
    invert: node("ImageInvert", { image: link("decode", "image") }),
    number: node("PrimitiveInt"),
    sampler: node("KSampler"),
    show: node("ShowAnything"),
    resize: node("Resize"),
  });
  const kind = (from: readonly [string, string], node_: string, input: string) =>
    fits(graph, from, { node: node_, input }).kind;

  test("equal types, Int into Float, and anything into anything's input", () => {
    expect(kind(["loader", "vae"], "decode", "vae")).toBe("fits");
    expect(kind(["number", "int"], "sampler", "cfg")).toBe("fits");
    expect(kind(["loader", "model"], "show", "value")).toBe("fits");
    expect(kind(["image", "mask"], "resize", "value")).toBe("fits");
  });

  test("what does not fit says why", () => {
    expect(fits(graph, ["image", "image"], { node: "decode", input: "samples" })).toEqual({
      kind: "unfit",
      reason: "Samples takes a Latent, but this is an Image.",
    });
    expect(fits(graph, ["loader", "vae"], { node: "resize", input: "value" })).toMatchObject({
      reason: "Value takes Image or Mask, but this is a Vae.",
    });
    expect(fits(graph, ["invert", "image"], { node: "invert", input: "image" })).toMatchObject({
      reason: "A node cannot feed itself.",
    });
    expect(kind(["number", "int"], "decode", "nothing")).toBe("unfit");
  });

  test("a wire that closes a circle is refused", () => {
    const circle = typed({ a: node("ImageInvert"), b: node("ImageInvert", { image: link("a", "image") }) });
    expect(fits(circle, ["b", "image"], { node: "a", input: "image" })).toMatchObject({
      reason: "This would close a circle: the node would wait for itself.",
    });
  });

  test("a type variable takes the type of its first wire, along a chain", () => {
    const chain = typed({
      image: node("LoadImage"),
      first: node("Switch", { on_false: link("image", "image") }),
      second: node("Switch", { on_true: link("first", "value") }),
      decode: node("VAEDecode"),
      loader: node("CheckpointLoaderSimple"),
    });
    expect(outputType(chain, ["second", "value"])).toBe("Image");
    expect(fits(chain, ["second", "value"], { node: "decode", input: "samples" }).kind).toBe("unfit");
    expect(fits(chain, ["loader", "vae"], { node: "first", input: "on_true" }).kind).toBe("unfit");
    expect(fits(chain, ["image", "image"], { node: "first", input: "on_true" }).kind).toBe("fits");
    expect(fits(chain, ["loader", "vae"], { node: "first", input: "on_false" }).kind).toBe("fits");
  });

  test("generic nodes in a circle end the walk", () => {
    const loop = typed({
      a: node("Switch", { on_false: link("b", "value") }),
      b: node("Switch", { on_false: link("a", "value") }),
    });
    expect(outputType(loop, ["a", "value"])).toBe("T");
  });

  test("a drop on a node's body finds the open socket that is required", () => {
    const drop = typed({
      text: node("CLIPTextEncode"),
      sampler: node("KSampler", { positive: link("text", "conditioning") }),
      loader: node("CheckpointLoaderSimple"),
    });
    expect(inputFor(drop, ["text", "conditioning"], "sampler")?.name).toBe("negative");
    expect(inputFor(drop, ["loader", "vae"], "sampler")).toBeUndefined();
    expect(outputFor(drop, "loader", { node: "sampler", input: "model" })?.name).toBe("model");
  });

  test("menus offer what takes an output and what gives an input", () => {
    const specs = CATALOGUE.nodes.values();
    const ids = takers(specs, output("KSampler", "latent")).map(({ spec, port }) => `${spec.id}.${port}`);
    expect(ids).toContain("VAEDecode.samples");
    expect(ids).not.toContain("ImageInvert.image");
    expect(
      givers(CATALOGUE.nodes.values(), input("SaveImage", "images")).map(({ spec }) => spec.id),
    ).toContain("VAEDecode");
  });

  test("a node goes into a wire by the ports that both ends accept", () => {
    const image = output("VAEDecode", "image");
    const reader = input("SaveImage", "images");
    expect(passage(known("ImageInvert"), image, reader)).toEqual({
      input: "image",
      output: "image",
    });
    expect(passage(known("Switch"), image, reader)).toEqual({
      input: "on_false",
      output: "value",
    });
    expect(passage(known("VAEEncode"), image, reader)).toBeUndefined();
  });
});

describe("ports", () => {
  test("of all ghosts are found in one walk through the graph", () => {
    let walks = 0;
    const names = Array.from({ length: 50 }, (_, place) => `n${place}`);
    const document = documentOf(
      Object.fromEntries(names.map((name) => [name, node("Gone", { image: link("n0", "extra") })])),
    );
    const nodes = new Proxy(document.nodes, {
      ownKeys: (target) => {
        walks += 1;
        return Reflect.ownKeys(target);
      },
    });
    const specs = names.map((name) => specOf(CATALOGUE, document, { ...document, nodes }, name));
    expect(specs[0]?.outputs.map((port) => port.name)).toEqual(["extra"]);
    expect(walks).toBe(1);
  });

  test("of a ghost follow from its signature, its inputs and the wires that leave it", () => {
    const document = documentOf(
      {
        ghost: node("Gone", { amount: 3, image: link("x", "image") }),
        out: node("SaveImage", { images: link("ghost", "extra") }),
      },
      {
        signatures: {
          Gone: { inputs: [{ name: "image", type: "Image" }], outputs: [{ name: "image", type: "Image" }] },
        },
      },
    );
    const spec = specOf(CATALOGUE, document, document, "ghost");
    expect(spec.kind).toBe("ghost");
    expect(spec.inputs.map(({ name, type, socket }) => [name, type, socket])).toEqual([
      ["image", "Image", true],
      ["amount", "Int", false],
    ]);
    expect(spec.outputs.map(({ name, type }) => [name, type])).toEqual([
      ["image", "Image"],
      ["extra", "*"],
    ]);
    expect(specOf(CATALOGUE, document, document, "ghost")).toBe(spec);
    expect(specOf(CATALOGUE, document, document, "no one")).toBe(
      specOf(CATALOGUE, document, document, "other"),
    );
  });

  test("of a subgraph's instance are its interface, edited as the input inside", () => {
    const document = documentOf(
      { use: node("subgraph:fix", {}) },
      {
        subgraphs: {
          fix: {
            title: "Fix",
            inputs: [
              { name: "size", type: "Int", default: 64 },
              { name: "image", type: "Image" },
            ],
            outputs: [{ name: "image", type: "Image", from: ["e", "image"] }],
            nodes: { e: node("EmptyImage", { width: { input: "size" } }) },
          },
        },
      },
    );
    const spec = specOf(CATALOGUE, document, document, "use");
    expect(spec).toMatchObject({ kind: "subgraph", title: "Fix" });
    expect(spec.inputs[0]).toMatchObject({
      name: "size",
      default: 64,
      required: false,
      widget: { kind: "range", min: 1 },
    });
    expect(specOf(CATALOGUE, document, document, "use")).toBe(spec);
  });

  test("of other people's nodes are written into the file; the project's own are not", () => {
    const document = documentOf({ glow: node("GlowFilter"), load: node("LoadImage") });
    expect(Object.keys(withSignatures(document, CATALOGUE).signatures)).toEqual(["GlowFilter"]);
    expect(withSignatures(EMPTY_DOCUMENT, CATALOGUE)).toBe(EMPTY_DOCUMENT);
  });
});

test("nodes stand by group and subject; those of the group itself come first", () => {
  const of = (id: string, category: string): NodeSpec => ({
    ...known("KSampler"),
    id,
    category,
    categoryLabel: category,
  });
  const groups = groupNodes([of("A", "image/effects"), of("B", "sampling"), of("C", "image")]);
  const named = groups.map(({ name, size, subjects }) => [
    name,
    size,
    subjects.map(({ name: subject, members }) => [subject, members.map(({ id }) => id)]),
  ]);
  expect(named).toEqual([
    [
      "image",
      2,
      [
        ["image", ["C"]],
        ["effects", ["A"]],
      ],
    ],
    ["sampling", 1, [["sampling", ["B"]]]],
  ]);
  expect(categoryLabel(of("D", "upscale/super_resolution"))).toBe("upscale › super_resolution");
});
