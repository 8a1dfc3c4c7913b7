import { describe, expect, test } from "vitest";
import { toDocument } from "../documents/parse";
import { applied, link, node, START } from "./fixtures/start";
import { copyNodes, pasteNodes } from "./fragment";
import { beginHistory, perform, undo } from "./history";

describe("copy and paste", () => {
  test("keeps wires inside the fragment and gives new names", () => {
    const fragment = copyNodes(START, START, ["invert", "scale"]);
    const { edit, ids } = pasteNodes(START, START, fragment, { at: { x: 500, y: 500 }, keepIncoming: false });
    expect(ids).toEqual(["invert_2", "scale_2"]);
    const next = applied(edit);
    expect(next.nodes["scale_2"]?.inputs).toEqual({ image: link("invert_2", "image"), scale_by: 2 });
    expect(next.nodes["invert_2"]?.inputs).toEqual({});
    expect(next.view["scale_2"]).toEqual({ x: 600, y: 550 });
  });

  test("duplicates with the wires that come in", () => {
    const { edit } = pasteNodes(START, START, copyNodes(START, START, ["scale"]), {
      at: { x: 0, y: 0 },
      keepIncoming: true,
    });
    expect(applied(edit).nodes["scale_2"]?.inputs["image"]).toEqual(link("invert", "image"));
  });

  test("takes frames, notes and the definitions of subgraphs along", () => {
    const source = toDocument({
      format: 1,
      nodes: { one: node("subgraph:inner") } as never,
      view: { one: { x: 40, y: 60 } },
      frames: { frame: { title: "Mine", x: 20, y: 20, width: 300, height: 200 } },
      notes: { note: { text: "Read me", x: 30, y: 160, width: 120, height: 50 } },
      subgraphs: { inner: { title: "Another inner", nodes: { b: node("LoadImage") } as never } },
    });
    const fragment = copyNodes(source, source, ["one"], { frames: ["frame"], notes: ["note"] });
    const options = { at: { x: 100, y: 100 }, keepIncoming: false };
    const next = applied(pasteNodes(START, START, fragment, options).edit);
    expect(next.frames["frame"]).toMatchObject({ title: "Mine", x: 100, y: 100 });
    expect(next.notes["note"]).toMatchObject({ text: "Read me", x: 110, y: 240 });
    expect(next.view["one"]).toEqual({ x: 120, y: 140 });
    // The document has an “inner” of its own: the one that was copied comes under another key.
    expect(next.nodes["one"]?.type).toBe("subgraph:inner_2");
    expect(next.subgraphs["inner"]).toBe(START.subgraphs["inner"]);
    expect(next.subgraphs["inner_2"]?.title).toBe("Another inner");
    const again = applied(pasteNodes(source, source, fragment, options).edit, source);
    expect(again.nodes["one_2"]?.type).toBe("subgraph:inner");
  });

  test("of 500 nodes is one entry of the history", () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`n${n}`, node("ImageInvert")]));
    const source = toDocument({ format: 1, title: "many", nodes: many as never });
    const { edit } = pasteNodes(START, START, copyNodes(source, source, Object.keys(many)), {
      at: { x: 0, y: 0 },
      keepIncoming: false,
    });
    const edited = perform(beginHistory(START), null, edit);
    expect(edited.past).toHaveLength(1);
    expect(Object.keys(edited.document.nodes)).toHaveLength(505);
    expect(undo(edited).document).toEqual(START);
  });
});
