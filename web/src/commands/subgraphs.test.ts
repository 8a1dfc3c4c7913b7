import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { toCatalogue } from "../catalogue/parse";
import { specOf } from "../catalogue/ports";
import { containsItself, instancesOf } from "../documents/instances";
import { toDocument } from "../documents/parse";
import { toJson } from "../documents/serialise";
import type { Document, NodeId, Scope } from "../documents/types";
import { applyEdit, type Edit, graphAt, patched } from "./edit";
import { offerInput, offerOutput, removePort, renamePort } from "./subgraphPorts";
import { makeSubgraph, mixedInput, strandedBetween } from "./subgraphs";
import { unpackSubgraph } from "./unpacking";

const FIXTURE = `${import.meta.dirname}/../catalogue/fixtures/catalogue.json`;
const CATALOGUE = toCatalogue(JSON.parse(readFileSync(FIXTURE, "utf8")));

const node = (type: string, inputs: object = {}) => ({ type, version: 1, inputs });
const link = (id: string, output: string) => ({ link: [id, output] });

const CHAIN: Document = toDocument({
  format: 1,
  title: "chain",
  nodes: {
    load: node("LoadImage", { image: "a.png" }),
    invert: node("ImageInvert", { image: link("load", "image") }),
    scale: node("ImageScaleBy", { image: link("invert", "image"), scale_by: 2 }),
    save: node("SaveImage", { images: link("scale", "image") }),
    other: node("SaveImage", { images: link("invert", "image") }),
  } as never,
  view: { load: { x: 0, y: 0 }, invert: { x: 100, y: 10 }, scale: { x: 200, y: 50 } },
  form: [{ node: "scale", input: "scale_by", label: "How large" }],
});

function typed(document: Document, scope: Scope = null) {
  const graph = graphAt(document, scope);
  return { graph, specOf: (id: NodeId) => specOf(CATALOGUE, document, graph, id) };
}

function applied(document: Document, edit: Edit, scope: Scope = null): Document {
  const change = applyEdit(document, scope, edit);
  expect(patched(change.document, change.undo)).toEqual(document);
  return change.document;
}

function grouped(ids: readonly NodeId[], document = CHAIN): { document: Document; id: NodeId } {
  const { edit, id } = makeSubgraph(document, typed(document), new Set(ids), "Larger negative");
  return { document: applied(document, edit), id };
}

describe("making a subgraph", () => {
  test("gives it an input for each wire from outside and an output for each that is read outside", () => {
    const { document, id } = grouped(["invert", "scale"]);
    const subgraph = document.subgraphs["larger_negative"];
    expect(id).toBe("larger_negative");
    expect(subgraph?.inputs).toEqual([
      { name: "image", type: "Image" },
      { name: "scale_by", type: "Float", default: 2 },
    ]);
    expect(subgraph?.outputs).toEqual([
      { name: "image", type: "Image", from: ["scale", "image"] },
      { name: "image_2", type: "Image", from: ["invert", "image"] },
    ]);
    expect(document.nodes[id]).toEqual(
      node("subgraph:larger_negative", { image: link("load", "image"), scale_by: 2 }),
    );
    expect(document.nodes["save"]?.inputs["images"]).toEqual(link(id, "image"));
    expect(document.nodes["other"]?.inputs["images"]).toEqual(link(id, "image_2"));
    expect(subgraph?.nodes["scale"]?.inputs).toEqual({
      image: link("invert", "image"),
      scale_by: { input: "scale_by" },
    });
    expect(document.view[id]).toEqual({ x: 100, y: 10 });
  });

  test("keeps the fields of the form working", () => {
    const { document, id } = grouped(["scale"]);
    expect(document.form).toEqual([{ node: id, input: "scale_by", label: "How large" }]);
  });

  test("reads one source that several of its nodes need through one input", () => {
    const both = toDocument({
      format: 1,
      nodes: {
        load: node("LoadImage", { image: "a.png" }),
        one: node("ImageInvert", { image: link("load", "image") }),
        two: node("ImageInvert", { image: link("load", "image") }),
      } as never,
    });
    const { document } = grouped(["one", "two"], both);
    expect(document.subgraphs["larger_negative"]?.inputs).toEqual([{ name: "image", type: "Image" }]);
  });

  test("names what would make it feed itself", () => {
    expect([...strandedBetween(CHAIN, new Set(["load", "scale"]))]).toEqual(["invert"]);
    expect([...strandedBetween(CHAIN, new Set(["invert", "scale"]))]).toEqual([]);
  });

  test("names an input that takes wires from both sides", () => {
    const joined = toDocument({
      format: 1,
      nodes: {
        a: node("LoadImage"),
        b: node("LoadImage"),
        join: node("JoinImages", {
          images: {
            links: [
              ["a", "image"],
              ["b", "image"],
            ],
          },
        }),
      } as never,
    });
    expect(mixedInput(joined, new Set(["a", "join"]))).toEqual(["join", "images"]);
    expect(mixedInput(joined, new Set(["join"]))).toBeUndefined();
    const { document, id } = grouped(["join"], joined);
    expect(document.nodes[id]?.inputs["images"]).toEqual({
      links: [
        ["a", "image"],
        ["b", "image"],
      ],
    });
    expect(document.subgraphs["larger_negative"]?.nodes["join"]?.inputs).toEqual({
      images: { input: "images" },
    });
  });
});

describe("unpacking a subgraph", () => {
  test("gives back what was put into it", () => {
    const { document, id } = grouped(["invert", "scale"]);
    const { edit, ids } = unpackSubgraph(document, document, id);
    expect(ids).toEqual(["invert", "scale"]);
    expect(toJson(applied(document, edit))).toEqual(toJson(CHAIN));
  });

  test("leaves the definition where another instance reads it, and takes free names", () => {
    const { document, id } = grouped(["invert", "scale"]);
    const twice: Document = {
      ...document,
      nodes: {
        ...document.nodes,
        again: { ...node("subgraph:larger_negative", { image: link("load", "image") }) } as never,
        invert: node("ImageInvert") as never,
      },
    };
    expect(instancesOf(twice, "larger_negative")).toBe(2);
    const { edit, ids } = unpackSubgraph(twice, twice, "again");
    const next = applied(twice, edit);
    expect(ids).toEqual(["invert_2", "scale"]);
    expect(next.subgraphs["larger_negative"]).toBeDefined();
    expect(next.nodes["scale"]?.inputs).toEqual({ image: link("invert_2", "image"), scale_by: 2 });
    expect(next.nodes[id]).toBe(twice.nodes[id]);
  });
});

describe("the interface of a subgraph", () => {
  const { document, id } = grouped(["invert", "scale"]);
  const KEY = "larger_negative";

  test("takes another input and another output", () => {
    const more = applied(document, offerInput("scale", "upscale_method", "String", "area"), KEY);
    expect(more.subgraphs[KEY]?.inputs.at(-1)).toEqual({
      name: "upscale_method",
      type: "String",
      default: "area",
    });
    expect(more.subgraphs[KEY]?.nodes["scale"]?.inputs["upscale_method"]).toEqual({
      input: "upscale_method",
    });
    const out = applied(document, offerOutput("invert", "image", "Image"), KEY);
    expect(out.subgraphs[KEY]?.outputs.at(-1)?.name).toBe("image_3");
  });

  test("is renamed inside and at every instance", () => {
    const one = applied(document, renamePort(KEY, "inputs", "scale_by", "factor"));
    expect(one.nodes[id]?.inputs).toEqual({ image: link("load", "image"), factor: 2 });
    expect(one.subgraphs[KEY]?.nodes["scale"]?.inputs["scale_by"]).toEqual({ input: "factor" });
    expect(one.form[0]?.input).toBe("factor");
    const two = applied(document, renamePort(KEY, "outputs", "image", "large"));
    expect(two.nodes["save"]?.inputs["images"]).toEqual(link(id, "large"));
    expect(applied(document, renamePort(KEY, "outputs", "image", "image_2"))).toBe(document);
  });

  test("loses a port with the wires at it, and the default goes inside", () => {
    const one = applied(document, removePort(KEY, "inputs", "scale_by"));
    expect(one.nodes[id]?.inputs).toEqual({ image: link("load", "image") });
    expect(one.subgraphs[KEY]?.nodes["scale"]?.inputs["scale_by"]).toBe(2);
    const two = applied(document, removePort(KEY, "outputs", "image"));
    expect(two.nodes["save"]?.inputs).toEqual({});
  });

  test("may not contain itself", () => {
    expect(containsItself(document, KEY, KEY)).toBe(true);
    expect(containsItself(document, KEY, "other")).toBe(false);
  });
});
