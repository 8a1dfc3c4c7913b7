import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { EMPTY_DOCUMENT } from "./empty";
import { Unreadable } from "./fields";
import { freshId, freshName, wordsOf } from "./ids";
import { literalOf, sourcesOf, wiresOf } from "./inputs";
import { compactJson, formatJson, parseJson } from "./json";
import { ordered } from "./order";
import { parseDocument, toDocument } from "./parse";
import { pngTexts } from "./png";
import { toJson, toText } from "./serialise";
import { closesCycle, downstream, upstream } from "./walk";

const FILE = {
  format: 1,
  title: "Everything",
  nodes: {
    loader: { type: "CheckpointLoaderSimple", version: 1, inputs: { ckpt_name: "weft-mini.safetensors" } },
    prompt: {
      type: "CLIPTextEncode",
      version: 2,
      title: "Positive",
      mode: "bypass",
      inputs: { clip: { link: ["loader", "clip"] }, text: "a red circle", extra: { value: { a: 1 } } },
      colour: "kept",
    },
    batch: {
      type: "Nobody",
      version: 7,
      inputs: {
        images: {
          links: [
            ["a", "image"],
            ["b", "image"],
          ],
        },
        list: [1, 2],
      },
    },
  },
  view: {
    loader: { x: 0, y: 0, glow: true },
    prompt: { x: 320, y: -8, width: 200, routes: { clip: [[10, 20]] } },
  },
  frames: { f: { title: "Load", x: 0, y: 0, width: 100, height: 80, tint: 3 } },
  notes: { n: { text: "hello", x: 1, y: 2, width: 30, height: 40 } },
  subgraphs: {
    fix: {
      title: "Fix",
      inputs: [
        { name: "image", type: "Image" },
        { name: "size", type: "Int", default: 8 },
      ],
      outputs: [{ name: "image", type: "Image", from: ["up", "image"] }],
      nodes: { up: { type: "ImageScale", version: 1, inputs: { image: { input: "image" } } } },
      view: { up: { x: 0, y: 0 } },
    },
  },
  form: [{ node: "prompt", input: "text", label: "What to draw" }],
  models: [{ name: "weft-mini.safetensors", sha256: "00" }],
  meta: { author: "someone", tags: ["first"] },
  signatures: {
    Nobody: { inputs: [{ name: "images", type: "Image" }], outputs: [{ name: "image", type: "Image" }] },
  },
  "x-other": { anything: [true, null] },
};

describe("the file", () => {
  test("comes back as it was, unknown keys and unknown nodes included", () => {
    expect(JSON.parse(toText(parseDocument(JSON.stringify(FILE))))).toEqual(FILE);
  });

  test("is written in the same way each time, whatever order its keys came in", () => {
    const turned = Object.fromEntries(Object.entries(FILE).reverse());
    expect(toText(parseDocument(JSON.stringify(turned)))).toBe(toText(parseDocument(JSON.stringify(FILE))));
  });

  test("keeps a mode and a title that mean nothing", () => {
    const node = { type: "A", version: 1, inputs: {}, mode: "later", title: 7 };
    const file = { format: 1, title: "", nodes: { a: node }, view: {} };
    const document = parseDocument(JSON.stringify(file));
    expect(document.nodes["a"]?.mode).toBeUndefined();
    expect(toJson(document)).toEqual(file);
  });

  test("keeps seeds beyond 2^53 to the last digit", () => {
    const text =
      '{"format":1,"title":"s","nodes":{"k":{"type":"K","version":1,"inputs":{"seed":18446744073709551615}}}}';
    const document = parseDocument(text);
    expect(literalOf(document.nodes["k"]?.inputs["seed"])).toBe(18446744073709551615n);
    expect(toText(document)).toContain('"seed": 18446744073709551615');
  });

  test.each([
    ["not json", "not JSON"],
    ["[]", "should be an object"],
    ['{"format": 2, "nodes": {}}', "format other than 1"],
    ['{"format": 1, "nodes": {"a b": {"type": "A"}}}', "cannot be the id"],
    ['{"format": 1, "nodes": {"a": {}}}', "`type` should be text"],
    ['{"format": 1, "nodes": {"a": {"type": "A", "inputs": {"x": {"link": ["b"]}}}}}', "a pair"],
    ['{"format": 1, "nodes": {"a": {"type": "A", "inputs": {"x": {"y": 1}}}}}', "neither a wire nor a value"],
  ])("%s is refused with a sentence", (text, sentence) => {
    expect(() => parseDocument(text)).toThrow(Unreadable);
    expect(() => parseDocument(text)).toThrow(sentence);
  });

  test("does not let a key reach the prototype", () => {
    const document = parseDocument(
      '{"format":1,"nodes":{"__proto__":{"type":"A"}},"__proto__":{"polluted":1}}',
    );
    expect(Object.keys(document.nodes)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(document.nodes["constructor"]).toBeUndefined();
  });

  test("of an empty document has no empty sections", () => {
    expect(Object.keys(toJson(EMPTY_DOCUMENT))).toEqual(["format", "title", "nodes", "view"]);
  });
});

describe("JSON", () => {
  test.each([
    "9007199254740993",
    "-9007199254740993",
    "[1, 12345678901234567890]",
    '"12345678901234567890"',
    "1e30",
    '"integer:5"',
  ])("%s comes back as it was", (text) => {
    expect(compactJson(parseJson(text)).replaceAll(" ", "")).toBe(
      text === "1e30" ? "1e+30" : text.replaceAll(" ", ""),
    );
  });

  test("strings with quotes and escapes are no numbers", () => {
    expect(parseJson('{"a": "\\"12345678901234567890", "b": "\\\\"}')).toEqual({
      a: '"12345678901234567890',
      b: "\\",
    });
  });

  test("short parts stand on one line, long ones are broken", () => {
    const text = formatJson({ nodes: { a: { type: "A", inputs: { x: 1 } }, b: { text: "x".repeat(120) } } });
    expect(text.split("\n")).toContain('    "a": {"type": "A", "inputs": {"x": 1}},');
    expect(text.split("\n").length).toBe(9);
  });
});

describe("ids", () => {
  test.each([
    ["KSampler", "k_sampler"],
    ["CLIPTextEncode", "clip_text_encode"],
    ["VAEDecode", "vae_decode"],
    ["subgraph:my fix", "subgraph_my_fix"],
    ["…", "node"],
  ])("of %s are %s", (type, words) => expect(wordsOf(type)).toBe(words));

  test("count on from the name that is taken", () => {
    expect(freshId({ prompt: 1, prompt_2: 1 }, "Prompt")).toBe("prompt_3");
    expect(freshName({ a_2: 1 }, "a_2")).toBe("a_3");
    expect(freshName({}, "a_2")).toBe("a_2");
  });

  test("of long types stay within the limit of the file", () => {
    const taken = { [freshId({}, "X".repeat(200))]: 1 };
    expect(freshId(taken, "X".repeat(200))).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  });
});

describe("walks", () => {
  const link = (id: string) => ({ link: [id, "out"] as const });
  const node = (inputs: object) => ({ type: "T", version: 1, inputs: inputs as never });
  const nodes = {
    a: node({}),
    b: node({ x: link("a") }),
    c: node({
      x: {
        links: [
          ["b", "out"],
          ["a", "out"],
        ],
      },
    }),
  };

  test("go up and down the wires", () => {
    expect([...upstream(nodes, ["c"])].sort()).toEqual(["a", "b", "c"]);
    expect([...downstream(nodes, ["b"])].sort()).toEqual(["b", "c"]);
    expect(wiresOf(nodes)).toHaveLength(3);
    expect(sourcesOf(nodes.b.inputs["x"])).toEqual([["a", "out"]]);
  });

  test("end on a cycle, and say which wire would close one", () => {
    const circle = { a: node({ x: link("b") }), b: node({ x: link("a") }) };
    expect(upstream(circle, ["a"]).size).toBe(2);
    expect(closesCycle(nodes, "c", "a")).toBe(true);
    expect(closesCycle(nodes, "a", "c")).toBe(false);
  });
});

function chunk(kind: string, body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, Buffer.from(kind, "latin1"), body, Buffer.alloc(4)]);
}

describe("PNG text", () => {
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

  test("is read from plain, international and compressed chunks", async () => {
    const packed = Buffer.concat([Buffer.from("prompt\0\x01\0\0\0", "latin1"), deflateSync("geschöpft")]);
    const bytes = Buffer.concat([
      start,
      chunk("tEXt", Buffer.from('workflow\0{"a":1}', "latin1")),
      chunk("iTXt", Buffer.from("weft\0\0\0en\0t\0Größe", "utf8")),
      chunk("iTXt", packed),
      chunk("IEND", Buffer.alloc(0)),
    ]);
    const texts = await pngTexts(bytes);
    expect(Object.fromEntries(texts)).toEqual({ workflow: '{"a":1}', weft: "Größe", prompt: "geschöpft" });
  });

  test("of a broken or foreign file is empty, not an error", async () => {
    expect((await pngTexts(Buffer.from("GIF89a"))).size).toBe(0);
    const torn = Buffer.concat([start, chunk("tEXt", Buffer.from("weft\0abc")).subarray(0, 10)]);
    expect((await pngTexts(torn)).size).toBe(0);
  });

  test("that is damaged, or unpacks to more than a workflow can have, is refused", async () => {
    const packed = (data: Buffer) =>
      Buffer.concat([start, chunk("iTXt", Buffer.concat([Buffer.from("weft\0\x01\0\0\0", "latin1"), data]))]);
    const whole = deflateSync("a".repeat(1000));
    await expect(pngTexts(packed(whole.subarray(0, 8)))).rejects.toThrow("damaged");
    await expect(pngTexts(packed(Buffer.from("no deflate")))).rejects.toThrow("damaged");
    await expect(pngTexts(packed(deflateSync(Buffer.alloc(17 * 2 ** 20))))).rejects.toThrow("too long");
  });
});

describe("the order of an outline", () => {
  const link = (id: string) => ({ in: { link: [id, "out"] } });
  const node = (inputs: object = {}) => ({ type: "A", version: 1, inputs });

  test("puts what feeds before what is fed, and among equals what stands on the left", () => {
    const document = toDocument({
      format: 1,
      nodes: { last: node(link("middle")), middle: node(link("b")), a: node(), b: node() } as never,
      view: { a: { x: 100, y: 0 }, b: { x: 0, y: 0 }, last: { x: -50, y: 0 } },
    });
    expect(ordered(document)).toEqual(["b", "a", "middle", "last"]);
  });

  test("loses no node, be there a circle or a wire from nowhere", () => {
    const document = toDocument({
      format: 1,
      nodes: { one: node(link("two")), two: node(link("one")), three: node(link("gone")) } as never,
    });
    expect([...ordered(document)].sort()).toEqual(["one", "three", "two"]);
    expect(ordered(document)[0]).toBe("three");
  });
});
