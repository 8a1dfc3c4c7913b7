import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseDocument } from "../../documents/parse";
import { workflowTexts } from "./de";

const FOLDER = new URL("../../../../workflows/", import.meta.url);

test("whatever the shipped workflows say is said in German, and nothing else is", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  const said = files.flatMap((name) => {
    const { title, meta, notes, form, nodes } = parseDocument(readFileSync(new URL(name, FOLDER), "utf-8"));
    const { description, tags } = meta as { description: string; tags: readonly string[] };
    const labels = form.flatMap(({ label }) => label ?? []);
    const titles = Object.values(nodes).flatMap((node) => node.title ?? []);
    return [
      title,
      description,
      ...tags,
      ...labels,
      ...titles,
      ...Object.values(notes).map(({ text }) => text),
    ];
  });
  expect(files.length).toBeGreaterThan(0);
  expect(Object.keys(workflowTexts).toSorted()).toEqual([...new Set(said)].toSorted());
});
