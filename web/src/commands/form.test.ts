import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { toCatalogue } from "../catalogue/parse";
import { specOf } from "../catalogue/ports";
import { toDocument } from "../documents/parse";
import { toJson } from "../documents/serialise";
import type { Document } from "../documents/types";
import { applyEdit, type Edit } from "./edit";
import { addFields, changeField, isOnForm, moveField, removeField, suggested } from "./form";

const CATALOGUE = toCatalogue(
  JSON.parse(readFileSync(`${import.meta.dirname}/../catalogue/fixtures/catalogue.json`, "utf8")),
);
const STEPS = { node: "sampler", input: "steps" };
const SEED = { node: "sampler", input: "seed" };
const START = toDocument({
  format: 1,
  nodes: {
    prompt: { type: "CLIPTextEncode", version: 1, inputs: { text: "a fox" }, title: "What" },
    sampler: { type: "KSampler", version: 1, inputs: { steps: 20, seed: { link: ["x", "int"] } } },
  } as never,
  form: [STEPS] as never,
});

const edited = (edit: Edit, document: Document = START) => applyEdit(document, null, edit).document;

describe("the form", () => {
  test("takes fields once each, in order, and lets them go", () => {
    const two = edited(addFields([SEED, STEPS]));
    expect(two.form).toEqual([STEPS, SEED]);
    expect(isOnForm(two, SEED)).toBe(true);
    expect(edited(moveField(SEED, -1), two).form).toEqual([SEED, STEPS]);
    expect(edited(moveField(SEED, 5), two).form).toEqual([STEPS, SEED]);
    expect(edited(removeField(STEPS), two).form).toEqual([SEED]);
  });

  test("says what its fields are called and how far they go, in the same file", () => {
    const named = edited(
      changeField(STEPS, { name: "care", label: "Care", group: "Quality", min: 5, max: 50 }),
    );
    const field = { ...STEPS, name: "care", label: "Care", group: "Quality", min: 5, max: 50 };
    expect(toJson(named)["form"]).toEqual([field]);
    expect(toDocument(toJson(named)).form).toEqual([field]);
    expect(edited(changeField(STEPS, { name: null, label: null, min: null }), named).form).toEqual([
      { ...STEPS, group: "Quality", max: 50 },
    ]);
  });

  test("is suggested from prompts, pictures, sizes and seeds that have no wires", () => {
    const fields = suggested(START, (id) => specOf(CATALOGUE, START, START, id));
    expect(fields).toEqual([{ node: "prompt", input: "text", label: "What: text" }, STEPS]);
  });
});
