import { describe, expect, test } from "vitest";
import type { InputSpec, NodeSpec, OutputSpec } from "../catalogue/types";
import { EMPTY_DOCUMENT } from "../documents/empty";
import type { Document, WorkflowNode } from "../documents/types";
import { aligned, distributed } from "./arrange";
import { dye } from "./dyes";
import { findNodes } from "./finding";
import { buildScene, EMPTY_SCENE, nodeAt, nodesIn, pinAt, portAt, portPoint, threadAt } from "./scene";
import { HEAD, leastHeight, shapeOf } from "./shape";
import { cameraFor } from "./stage";
import { bounds, curve, nearest, pointAt, union } from "./threads";
import { tidied } from "./tidy";

function input(name: string, type: string, socket = true): InputSpec {
  const flags = { required: true, list: false, lazy: false, all: false, help: "" };
  return { name, type, label: name, socket, ...flags };
}
function output(name: string, type: string): OutputSpec {
  return { name, type, label: name, each: false, help: "" };
}
function spec(
  id: string,
  inputs: readonly InputSpec[],
  outputs: readonly OutputSpec[],
  sink = false,
): NodeSpec {
  const texts = { title: id, category: "test", categoryLabel: "test", summary: "", help: "", source: "" };
  return {
    kind: "known",
    id,
    version: 1,
    ...texts,
    references: [],
    aliases: [],
    pure: true,
    sink,
    inputs,
    outputs,
  };
}

const SPECS: Readonly<Record<string, NodeSpec>> = {
  Load: spec("Load", [input("name", "String", false)], [output("image", "Image")]),
  Blur: spec("Blur", [input("image", "Image"), input("radius", "Float", false)], [output("image", "Image")]),
  Save: spec("Save", [input("image", "Image")], [], true),
};

function node(type: string, inputs: WorkflowNode["inputs"] = {}): WorkflowNode {
  return { type, version: 1, inputs };
}

const CHAIN: Document = {
  ...EMPTY_DOCUMENT,
  nodes: {
    load: node("Load", { name: "cat.png" }),
    blur: node("Blur", { image: { link: ["load", "image"] }, radius: 4 }),
    save: node("Save", { image: { link: ["blur", "image"] } }),
  },
  view: {
    load: { x: 0, y: 0 },
    blur: { x: 400, y: 60 },
    save: { x: 800, y: 0, routes: { image: [[700, 300]] } },
  },
};

const specOf = (id: string): NodeSpec => SPECS[CHAIN.nodes[id]?.type ?? ""] as NodeSpec;
const context = { specOf, typeAt: () => "Image" };
const scene = buildScene(CHAIN, context, EMPTY_SCENE);

describe("curves", () => {
  test("a wire begins and ends at its ports and leaves them level", () => {
    const [piece] = curve([0, 0], [300, 120]);
    if (piece === undefined) throw new Error("no piece");
    expect(pointAt(piece, 0)).toEqual([0, 0]);
    expect(pointAt(piece, 1)).toEqual([300, 120]);
    expect(piece[1][1]).toBe(0);
    expect(piece[2][1]).toBe(120);
  });

  test("a wire passes its reroute points", () => {
    const pieces = curve(
      [0, 0],
      [300, 0],
      [
        [100, 200],
        [200, -50],
      ],
    );
    expect(pieces).toHaveLength(3);
    expect(pieces[0]?.[3]).toEqual([100, 200]);
    expect(pieces[2]?.[0]).toEqual([200, -50]);
  });

  test("the distance to a wire is that to its nearest place, and names the piece", () => {
    const pieces = curve([0, 0], [400, 0], [[200, 0]]);
    expect(nearest(pieces, [300, 10]).piece).toBe(1);
    expect(nearest(pieces, [300, 10]).distance).toBeCloseTo(10, 0);
  });

  test("the bounds hold the whole curve, even where it turns back", () => {
    const pieces = curve([300, 0], [0, 40]);
    const box = bounds(pieces);
    for (const piece of pieces) {
      for (let step = 0; step <= 20; step += 1) {
        const [x, y] = pointAt(piece, step / 20);
        expect(x).toBeGreaterThanOrEqual(box.x - 1e-9);
        expect(x).toBeLessThanOrEqual(box.x + box.width + 1e-9);
        expect(y).toBeGreaterThanOrEqual(box.y - 1e-9);
        expect(y).toBeLessThanOrEqual(box.y + box.height + 1e-9);
      }
    }
  });
});

describe("shapes", () => {
  test("ports stand on their rows, and widgets have ports too", () => {
    const shape = shapeOf(node("Blur"), SPECS.Blur as NodeSpec, undefined);
    expect([...shape.inputs.keys()]).toEqual(["image", "radius"]);
    expect(shape.inputs.get("image")?.y).toBe(shape.outputs.get("image")?.y);
    expect(shape.inputs.get("radius")?.y).toBeGreaterThan(shape.inputs.get("image")?.y ?? 0);
  });

  test("a collapsed node is its head, with all ports in the middle of it", () => {
    const shape = shapeOf(node("Blur"), SPECS.Blur as NodeSpec, { x: 0, y: 0, collapsed: true });
    expect(shape.height).toBe(HEAD);
    expect(shape.inputs.get("radius")?.y).toBe(HEAD / 2);
  });

  test("a sink that takes a picture gives it the room of a taller node", () => {
    const small = shapeOf(node("Save"), SPECS.Save as NodeSpec, undefined);
    const tall = shapeOf(node("Save"), SPECS.Save as NodeSpec, { x: 0, y: 0, height: small.height + 100 });
    const picture = (shape: typeof small) => shape.rows.find((row) => row.kind === "result")?.height ?? 0;
    expect(picture(tall) - picture(small)).toBe(100);
    const flat = shapeOf(node("Save"), SPECS.Save as NodeSpec, { x: 0, y: 0, height: 1 });
    expect(flat.height).toBe(leastHeight(SPECS.Save as NodeSpec));
  });
});

describe("scenes", () => {
  test("wires run from port to port", () => {
    const thread = scene.threads.get("blur.image.0");
    const load = scene.placed.get("load");
    if (load === undefined) throw new Error("no box");
    expect(thread?.start).toEqual(portPoint(load, "out", "image"));
    expect(thread?.end[0]).toBe(400);
  });

  test("what did not move is the same object as before", () => {
    const view = { ...CHAIN.view, load: { x: 10, y: 0 } };
    const next = buildScene({ ...CHAIN, view }, context, scene);
    expect(next.placed.get("save")).toBe(scene.placed.get("save"));
    expect(next.threads.get("save.image.0")).toBe(scene.threads.get("save.image.0"));
    expect(next.placed.get("load")).not.toBe(scene.placed.get("load"));
    expect(next.threads.get("blur.image.0")).not.toBe(scene.threads.get("blur.image.0"));
  });

  test("reroute points move along only where both ends of the wire do", () => {
    const both = { ids: new Set(["blur", "save"]), dx: 10, dy: 20 };
    const one = { ids: new Set(["save"]), dx: 10, dy: 20 };
    expect(buildScene(CHAIN, context, scene, both).threads.get("save.image.0")?.via).toEqual([[710, 320]]);
    expect(buildScene(CHAIN, context, scene, one).threads.get("save.image.0")?.via).toEqual([[700, 300]]);
  });

  test("nodes, ports, wires and reroute points are found where they are drawn", () => {
    const port = portPoint(scene.placed.get("blur") as never, "in", "radius");
    expect(nodeAt(scene, [410, 70])?.id).toBe("blur");
    expect(portAt(scene, [port[0] - 5, port[1] + 3], 12)).toEqual({
      node: "blur",
      side: "in",
      name: "radius",
    });
    expect(portAt(scene, [port[0] - 5, port[1]], 12, "out")).toBeUndefined();
    expect(pinAt(scene, [703, 298], 9)?.thread.key).toBe("save.image.0");
    const [piece] = scene.threads.get("blur.image.0")?.pieces ?? [];
    if (piece === undefined) throw new Error("no piece");
    expect(threadAt(scene, pointAt(piece, 0.4), 6)?.thread.key).toBe("blur.image.0");
    expect(threadAt(scene, [50, 900], 6)).toBeUndefined();
  });

  test("a box selects what it touches", () => {
    expect(nodesIn(scene, { x: 380, y: 0, width: 500, height: 80 })).toEqual(["blur", "save"]);
  });
});

describe("arranging", () => {
  const boxes = [
    { id: "a", x: 0, y: 0, width: 100, height: 40 },
    { id: "b", x: 150, y: 90, width: 50, height: 80 },
    { id: "c", x: 400, y: 30, width: 100, height: 20 },
  ];

  test("right edges come together at the rightmost", () => {
    expect(aligned(boxes, "right").map(({ id, x }) => [id, x])).toEqual([
      ["a", 400],
      ["b", 450],
      ["c", 400],
    ]);
  });

  test("distributing makes the gaps equal and keeps the ends", () => {
    const [a, b, c] = distributed(boxes, "across");
    expect([a?.x, b?.x, c?.x]).toEqual([0, 225, 400]);
  });

  test("tidying puts every node right of what feeds it, none over another", () => {
    const moves = tidied(scene, new Set(["load", "blur", "save"]), 16);
    const at = new Map(moves.map((move) => [move.id, move]));
    const right = (id: string): number => (at.get(id)?.x ?? 0) + (scene.placed.get(id)?.width ?? 0);
    expect(at.get("blur")?.x).toBeGreaterThan(right("load"));
    expect(at.get("save")?.x).toBeGreaterThan(right("blur"));
  });

  test("the camera that shows a box shows all of it, and never nearer than asked", () => {
    const camera = cameraFor({ x: -100, y: 50, width: 2000, height: 400 }, 1000, 800);
    expect(-100 * camera.zoom + camera.x).toBeGreaterThanOrEqual(0);
    expect(1900 * camera.zoom + camera.x).toBeLessThanOrEqual(1000);
    expect(cameraFor({ x: 0, y: 0, width: 10, height: 10 }, 1000, 800).zoom).toBe(1);
    expect(union([])).toBeUndefined();
  });
});

describe("finding", () => {
  test("nodes that are named so come before those that hold it as a value", () => {
    expect(findNodes(CHAIN, specOf, "cat")).toEqual(["load"]);
    expect(findNodes(CHAIN, specOf, "BLUR")).toEqual(["blur"]);
    expect(findNodes(CHAIN, specOf, "  ")).toEqual([]);
  });
});

test("a type that has no dye of its own always gets the same one", () => {
  expect(dye("Hologram", "dark")).toBe(dye("Hologram", "dark"));
  expect(dye("Hologram", "dark")).not.toBe(dye("Hologram", "light"));
  expect(dye("*", "dark")).toBe("#c3c8d2");
});
