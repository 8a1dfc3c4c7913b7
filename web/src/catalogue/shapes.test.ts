import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { toDocument } from "../documents/parse";
import type { NodeId } from "../documents/types";
import { toCatalogue } from "./parse";
import { specOf } from "./ports";
import { shapeAt, shapeText } from "./shapes";

const CATALOGUE = toCatalogue(
  JSON.parse(readFileSync(`${import.meta.dirname}/fixtures/catalogue.json`, "utf8")),
);
const node = (type: string, inputs: object = {}) => ({ type, version: 1, inputs });

function typed(nodes: object) {
  const document = toDocument({ format: 1, nodes: nodes as never });
  return { graph: document, specOf: (id: NodeId) => specOf(CATALOGUE, document, document, id) };
}

describe("the size of an output before the run", () => {
  test("follows the rules of its node, from values and from defaults", () => {
    const graph = typed({ latent: node("EmptyLatentImage", { width: 768, batch_size: 2 }) });
    const shape = shapeAt(graph, ["latent", "latent"]);
    expect(shape).toMatchObject({ batch: 2, channels: 4, width: 96 });
    expect(shape && shapeText(shape)).toMatch(/^2×4×\d+×96$/);
  });

  test("follows wires, and leaves out what nobody can know", () => {
    const graph = typed({
      latent: node("EmptyLatentImage", { batch_size: 3 }),
      sampler: node("KSampler", { latent_image: { link: ["latent", "latent"] } }),
    });
    const shape = shapeAt(graph, ["sampler", "latent"]);
    expect(shape?.batch).toBe(3);
    expect(shapeText({ batch: 3 })).toBe("3×?×?×?");
    expect(shapeAt(graph, ["sampler", "nothing"])).toBeUndefined();
  });

  test("is unknown where a value comes by a wire, and in a circle", () => {
    const graph = typed({
      latent: node("EmptyLatentImage", { width: { link: ["latent", "latent"] } }),
      one: node("KSampler", { latent_image: { link: ["two", "latent"] } }),
      two: node("KSampler", { latent_image: { link: ["one", "latent"] } }),
    });
    expect(shapeAt(graph, ["latent", "latent"])?.width).toBeUndefined();
    expect(shapeAt(graph, ["one", "latent"])).toBeUndefined();
  });
});
