import { describe, expect, test } from "vitest";
import type { NodeSpec } from "../catalogue/types";
import type { WorkflowNode } from "../documents/types";
import { applyEdit, graphAt, together } from "./edit";
import { applied, link, START, specs } from "./fixtures/start";
import { addFrame, moveFrame, nodesInFrame, removeFrame } from "./frames";
import { addNode, changeView, moveNodes, passedThrough, removeNodes, setMode, setNodeTitle } from "./nodes";
import { resetValue, setSeedMode, setValue, setValues } from "./values";
import { connect, disconnect, insertOnWire, moveWire, setRoute } from "./wires";

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

  test("what enters a node by a name, or at a place, leaves it by that", () => {
    const port = (name: string) => ({ name, type: "Conditioning" });
    const node: WorkflowNode = {
      type: "T",
      version: 1,
      inputs: { a: { link: ["x", "c"] }, b: { link: ["y", "c"] } },
    };
    const through = (inputs: readonly string[], outputs: readonly string[]) => {
      const spec = { inputs: inputs.map(port), outputs: outputs.map(port) } as unknown as NodeSpec;
      return outputs.map((output) => passedThrough(node, spec, output)?.[0]);
    };
    expect(through(["a", "b"], ["b", "a"])).toEqual(["y", "x"]);
    expect(through(["a", "b"], ["one", "two"])).toEqual(["x", "y"]);
    const any = { inputs: [{ name: "a", type: "*" }], outputs: [port("one")] } as unknown as NodeSpec;
    expect(passedThrough(node, any, "one")?.[0]).toBe("x");
    expect(through(["free", "b"], ["one", "two", "free"])).toEqual(["y", "y", undefined]);
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
