import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { toCatalogue } from "../catalogue/parse";
import { specOf } from "../catalogue/ports";
import { toDocument } from "../documents/parse";
import { toJson } from "../documents/serialise";
import type { Document } from "../documents/types";
import { applyEdit, type Edit, graphAt, patched, together } from "./edit";
import { copyNodes, pasteNodes } from "./fragment";
import { addFrame, moveFrame, nodesInFrame, removeFrame } from "./frames";
import { beginHistory, type Edited, perform, redo, sealGesture, undo } from "./history";
import { addNode, changeView, moveNodes, removeNodes, setMode, setNodeTitle } from "./nodes";
import { resetValue, setSeedMode, setValue, setValues } from "./values";
import { connect, disconnect, insertOnWire, moveWire, setRoute } from "./wires";

const FIXTURE = `${import.meta.dirname}/../catalogue/fixtures/catalogue.json`;
const CATALOGUE = toCatalogue(JSON.parse(readFileSync(FIXTURE, "utf8")));

const node = (type: string, inputs: object = {}) => ({ type, version: 1, inputs });
const link = (id: string, output: string) => ({ link: [id, output] });

const START: Document = toDocument({
  format: 1,
  title: "start",
  nodes: {
    load: node("LoadImage", { image: "a.png" }),
    invert: node("ImageInvert", { image: link("load", "image") }),
    scale: node("ImageScaleBy", { image: link("invert", "image"), scale_by: 2 }),
    join: node("JoinImages", {
      images: {
        links: [
          ["invert", "image"],
          ["scale", "image"],
          ["load", "image"],
        ],
      },
    }),
    save: node("SaveImage", { images: link("scale", "image") }),
  } as never,
  view: { load: { x: 0, y: 0 }, invert: { x: 100, y: 0 }, scale: { x: 200, y: 50 } },
  subgraphs: { inner: { title: "Inner", nodes: { a: node("ImageInvert") } as never } },
});

const specs = (document: Document) => (_: unknown, id: string) => specOf(CATALOGUE, document, document, id);

function applied(edit: Edit, document = START): Document {
  const before = JSON.stringify(toJson(document));
  const change = applyEdit(document, null, edit);
  expect(JSON.stringify(toJson(document))).toBe(before);
  expect(patched(change.document, change.undo)).toEqual(document);
  expect(patched(document, change.redo)).toEqual(change.document);
  return change.document;
}

describe("every command gives the next document, and patches that take it back", () => {
  test("addNode", () => {
    const next = applied(addNode({ id: "new", type: "LoadImage", version: 1 }, { x: 5, y: 6 }));
    expect(next.nodes["new"]).toEqual({ type: "LoadImage", version: 1, inputs: {} });
    expect(next.view["new"]).toEqual({ x: 5, y: 6 });
    expect(next.nodes["load"]).toBe(START.nodes["load"]);
  });

  test("removeNodes heals wires through one node", () => {
    const next = applied(removeNodes(["invert"], specs(START)));
    expect(next.nodes["scale"]?.inputs["image"]).toEqual(link("load", "image"));
    expect(next.nodes["join"]?.inputs["images"]).toEqual({
      links: [
        ["load", "image"],
        ["scale", "image"],
        ["load", "image"],
      ],
    });
    expect(next.view["invert"]).toBeUndefined();
  });

  test("removeNodes heals wires through several in a row", () => {
    const next = applied(removeNodes(["invert", "scale"], specs(START)));
    expect(next.nodes["save"]?.inputs["images"]).toEqual(link("load", "image"));
  });

  test("removeNodes opens the inputs that nothing can feed", () => {
    const next = applied(removeNodes(["load", "invert"], specs(START)));
    expect(next.nodes["scale"]?.inputs).toEqual({ scale_by: 2 });
    expect(next.nodes["join"]?.inputs["images"]).toEqual({ links: [["scale", "image"]] });
  });

  test("moveNodes and changeView", () => {
    const moved = applied(
      moveNodes([
        { id: "load", x: 9, y: 9 },
        { id: "save", x: 1, y: 2 },
        { id: "nobody", x: 0, y: 0 },
      ]),
    );
    expect(moved.view["load"]).toEqual({ x: 9, y: 9 });
    expect(moved.view["save"]).toEqual({ x: 1, y: 2 });
    expect(moved.view["nobody"]).toBeUndefined();
    const small = applied(changeView(["load"], { collapsed: true, width: 300 }));
    expect(applied(changeView(["load"], { collapsed: null }), small).view["load"]).toEqual({
      x: 0,
      y: 0,
      width: 300,
    });
  });

  test("setMode and setNodeTitle", () => {
    const muted = applied(setMode(["load", "save"], "mute"));
    expect(muted.nodes["save"]?.mode).toBe("mute");
    expect("mode" in (applied(setMode(["load"], null), muted).nodes["load"] ?? {})).toBe(false);
    const named = applied(setNodeTitle("load", "My picture"));
    expect(named.nodes["load"]?.title).toBe("My picture");
    expect("title" in (applied(setNodeTitle("load", " "), named).nodes["load"] ?? {})).toBe(false);
  });

  test("setValue leaves a wired input alone, and wraps objects", () => {
    expect(applied(setValue("scale", "scale_by", 3)).nodes["scale"]?.inputs["scale_by"]).toBe(3);
    expect(applied(setValue("scale", "image", "x"))).toBe(START);
    expect(applied(setValue("load", "x", { a: 1 })).nodes["load"]?.inputs["x"]).toEqual({ value: { a: 1 } });
    expect(applied(resetValue("scale", "scale_by")).nodes["scale"]?.inputs["scale_by"]).toBeUndefined();
    const both = setValues([
      { node: "load", input: "image", value: "b" },
      { node: "scale", input: "scale_by", value: 1 },
    ]);
    expect(both.label).toBe("Change 2 values");
    expect(applied(both).nodes["load"]?.inputs["image"]).toBe("b");
  });

  test("setSeedMode writes the mode into the view, and takes it out again", () => {
    const random = applied(setSeedMode("save", "seed", "random"));
    expect(random.view["save"]?.seeds).toEqual({ seed: "random" });
    expect("seeds" in (applied(setSeedMode("save", "seed", null), random).view["save"] ?? {})).toBe(false);
  });

  test("connect takes the place of a wire, or joins where many are taken, once", () => {
    const next = applied(connect(["load", "image"], { node: "save", input: "images" }, { many: false }));
    expect(next.nodes["save"]?.inputs["images"]).toEqual(link("load", "image"));
    const joined = applied(connect(["save", "x"], { node: "join", input: "images" }, { many: true }));
    expect(joined.nodes["join"]?.inputs["images"]).toMatchObject({ links: { length: 4 } });
    expect(applied(connect(["load", "image"], { node: "join", input: "images" }, { many: true }))).toBe(
      START,
    );
  });

  test("disconnect takes one wire, and its points; those behind it move up", () => {
    let document = applied(setRoute({ node: "join", input: "images" }, 2, [[1, 2]]));
    document = applied(setRoute({ node: "join", input: "images" }, 0, [[3, 4]]), document);
    document = applied(disconnect({ node: "join", input: "images" }, 0), document);
    expect(document.nodes["join"]?.inputs["images"]).toEqual({
      links: [
        ["scale", "image"],
        ["load", "image"],
      ],
    });
    expect(document.view["join"]?.routes).toEqual({ "images.1": [[1, 2]] });
    expect(applied(disconnect({ node: "save", input: "images" })).nodes["save"]?.inputs).toEqual({});
  });

  test("moveWire goes from one input to another", () => {
    const wire = { from: ["scale", "image"], to: ["save", "images"], index: 0 } as const;
    const next = applied(moveWire(wire, { node: "invert", input: "image" }, { many: false }));
    expect(next.nodes["save"]?.inputs).toEqual({});
    expect(next.nodes["invert"]?.inputs["image"]).toEqual(link("scale", "image"));
  });

  test("insertOnWire with addNode is one edit", () => {
    const wire = { from: ["invert", "image"], to: ["join", "images"], index: 0 } as const;
    const edit = together("Insert", [
      addNode({ id: "mid", type: "ImageInvert", version: 1 }, { x: 0, y: 0 }),
      insertOnWire(wire, "mid", "image", "image"),
    ]);
    const next = applied(edit);
    expect(next.nodes["mid"]?.inputs["image"]).toEqual(link("invert", "image"));
    expect(next.nodes["join"]?.inputs["images"]).toMatchObject({
      links: [["mid", "image"], ["scale", "image"], {}],
    });
  });

  test("frames move with the nodes that lie in them", () => {
    const frame = { title: "F", x: -10, y: -10, width: 180, height: 60 };
    const framed = applied(addFrame("f", frame));
    const inside = nodesInFrame(framed, frame, () => ({ width: 50, height: 40 }));
    expect(inside).toEqual(["load", "invert"]);
    const moved = applied(
      moveFrame(
        "f",
        0,
        0,
        inside.map((id) => ({ id, x: 7, y: 7 })),
      ),
      framed,
    );
    expect(moved.frames["f"]).toMatchObject({ x: 0, y: 0 });
    expect(moved.view["load"]).toEqual({ x: 7, y: 7 });
    expect(applied(removeFrame("f"), moved).view["load"]).toEqual({ x: 7, y: 7 });
  });

  test("an edit in a subgraph leaves the rest of the document as it is", () => {
    const { document } = applyEdit(START, "inner", setMode(["a"], "mute"));
    expect(graphAt(document, "inner").nodes["a"]?.mode).toBe("mute");
    expect(document.nodes).toBe(START.nodes);
    expect(() => applyEdit(START, "gone", setMode(["a"], "mute"))).toThrow("not part of this document");
  });
});

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

describe("history", () => {
  const value = (number: number, gesture?: string): Edit =>
    setValue("scale", "scale_by", number, gesture === undefined ? {} : { gesture });
  const factor = (edited: Edited) => edited.document.nodes["scale"]?.inputs["scale_by"];

  test("undoes and redoes in order", () => {
    let edited = perform(perform(beginHistory(START), null, value(3)), null, value(4));
    edited = undo(edited);
    expect(factor(edited)).toBe(3);
    edited = undo(undo(edited));
    expect(factor(edited)).toBe(2);
    edited = redo(redo(redo(edited)));
    expect(factor(edited)).toBe(4);
  });

  test("takes the steps of a gesture as one entry, until it is sealed", () => {
    let edited = beginHistory(START);
    for (const step of [3, 4, 5]) edited = perform(edited, null, value(step, "scrub"));
    expect(edited.past).toHaveLength(1);
    edited = perform(sealGesture(edited), null, value(6, "scrub"));
    expect(edited.past).toHaveLength(2);
    expect(factor(undo(edited))).toBe(5);
    expect(factor(undo(undo(edited)))).toBe(2);
    expect(factor(redo(undo(undo(edited))))).toBe(5);
  });

  test("does not join a gesture that was undone in between", () => {
    let edited = perform(beginHistory(START), null, value(3, "scrub"));
    edited = perform(redo(undo(edited)), null, value(4, "scrub"));
    expect(edited.past).toHaveLength(2);
  });

  test("forgets what was undone after a new edit, and records nothing for an edit that changes nothing", () => {
    const edited = perform(undo(perform(beginHistory(START), null, value(3))), null, value(9));
    expect(edited.future).toHaveLength(0);
    expect(perform(edited, null, value(9))).toBe(edited);
  });

  test("keeps a bounded number of entries", () => {
    let edited = beginHistory(START);
    for (let step = 0; step < 450; step += 1) edited = perform(edited, null, value(step + 10));
    expect(edited.past).toHaveLength(400);
  });
});
