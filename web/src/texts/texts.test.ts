import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { preferred } from "./language";

type Texts = Readonly<Record<string, unknown>>;

const OTHERS = ["language.ts", "figures.ts", "problems.ts", "translating.ts"];
const MODULES = readdirSync(import.meta.dirname)
  .filter((name) => /^\w+\.ts$/.test(name) && !OTHERS.includes(name))
  .map((name) => name.slice(0, -3));
/** Words that are the same in both languages. */
const SHARED =
  /^(Weft|Nodes?|Workflow|Worker|Token|Name|Version|Graph|Subgraph|Embeddings|Tabs|Editor|Feather|Index|Seeds|.{0,3})$/;

/** Every text by its path. Functions are called with lists of one number each, which read as numbers and as words. */
function flattened(value: unknown, path: string): readonly (readonly [path: string, text: string])[] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value !== "function") {
    return Object.entries(value as Texts).flatMap(([key, inner]) => flattened(inner, `${path}.${key}`));
  }
  const given = Array.from({ length: value.length }, (_, place) => [`${place + 3}`]);
  return [[path, String(value(...given))]];
}

function figures(text: string): readonly string[] {
  return (text.match(/\d+/g) ?? []).toSorted();
}

describe.each(MODULES)("the texts of %s", (name) => {
  test("are all there in German, say as much, and are not English", async () => {
    const english = flattened((await import(`./${name}.ts`)) as Texts, name);
    const german = new Map(flattened((await import(`./de/${name}.ts`)) as Texts, name));
    expect([...german.keys()].toSorted()).toEqual(english.map(([path]) => path).toSorted());
    for (const [path, text] of english) {
      const translated = german.get(path) ?? "";
      expect(figures(translated), path).toEqual(figures(text));
      expect(
        translated !== text || SHARED.test(text.replaceAll(/[\d\W]+/g, " ").trim()),
        `${path}: ${text}`,
      ).toBe(true);
    }
  });
});

test("the first language of a person that there is one of is taken", () => {
  expect(preferred(["fr-FR", "de-AT", "en"])).toBe("de");
  expect(preferred(["en-GB", "de"])).toBe("en");
  expect(preferred(["fr"])).toBe("en");
  expect(preferred([])).toBe("en");
});
