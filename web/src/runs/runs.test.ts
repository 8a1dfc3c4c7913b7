import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { readPreview } from "../api/feed";
import { readEvent, readJob } from "../api/read";
import type { Problem } from "../api/types";
import { toCatalogue } from "../catalogue/parse";
import { specOf } from "../catalogue/ports";
import { toDocument } from "../documents/parse";
import type { Json } from "../documents/types";
import { documentRuns, nodeKey, nodeRuns } from "./board";
import { applyJobEvent, asking, fraction, jobs, learn, queueNow, setQueue } from "./jobs";
import { nodePlans, nodeProblems, setPlan } from "./plans";
import { applyEvent, applyHistory, applyPreview } from "./reduce";
import { nextSeed, randomSeed, rolled, seedsOf } from "./seeds";

let document = "";
let job = "";
let count = 0;

beforeEach(() => {
  count += 1;
  document = `document-${count}`;
  job = `job-${count}`;
});

function send(type: string, data: Record<string, Json> = {}, node: string | null = null, of = job): void {
  applyEvent(readEvent({ seq: 1, type, job: of, node, document, data }));
}

const at = (node: string) => nodeRuns.get(nodeKey(document, node));
const artifact = (id: string, of = job, index = 0) => ({ id, job: of, node: "save", index, kind: "image" });
const jobJson = (id: string, more: Record<string, Json> = {}) => ({
  id,
  state: "queued",
  title: "t",
  document,
  ...more,
});

describe("events of a run", () => {
  test("take its nodes from waiting to done", () => {
    send("job.started");
    send("plan", { order: ["load", "sampler"], cached: [], total: 2 });
    expect([at("load")?.state, at("sampler")?.state]).toEqual(["waiting", "waiting"]);
    send("node.cached", {}, "load");
    send("node.started", {}, "sampler");
    send("node.progress", { value: 3, max: 20 }, "sampler");
    expect(at("sampler")).toMatchObject({ state: "running", value: 3, max: 20 });
    expect(documentRuns.get(document)).toMatchObject({
      state: "running",
      done: 1,
      total: 2,
      node: "sampler",
    });
    send("node.finished", { seconds: 1.5, peak_bytes: 9, shapes: { latent: "1×4×16×16" } }, "sampler");
    expect(at("sampler")).toMatchObject({ state: "done", seconds: 1.5, shapes: { latent: "1×4×16×16" } });
    send("job.finished", { state: "succeeded", seconds: 2 });
    expect(documentRuns.get(document)).toMatchObject({ state: "succeeded", done: 2, seconds: 2 });
  });

  test("count what is computed, not what was known before, and nothing twice", () => {
    const done = () => documentRuns.get(document)?.done;
    send("job.started");
    send("plan", { order: ["sampler", "save"], cached: ["load"], total: 2 });
    send("node.cached", {}, "load");
    expect(done()).toBe(0);
    send("node.finished", {}, "sampler");
    send("node.finished", {}, "sampler");
    expect(done()).toBe(1);
    send("plan", { order: ["sampler", "save", "more"], cached: ["load"], total: 3 });
    expect(documentRuns.get(document)).toMatchObject({ done: 1, total: 3 });
    expect([at("sampler")?.state, at("more")?.state]).toEqual(["done", "waiting"]);
    send("job.started");
    send("plan", { order: ["sampler", "save"], total: 2 });
    expect([done(), at("sampler")?.state]).toEqual([0, "waiting"]);
  });

  test("wake the listeners of their own node only", () => {
    send("plan", { order: ["a", "b"], total: 2 });
    const woken: string[] = [];
    nodeRuns.subscribe(nodeKey(document, "a"), () => woken.push("a"));
    nodeRuns.subscribe(nodeKey(document, "b"), () => woken.push("b"));
    send("node.progress", { value: 1, max: 2 }, "b");
    expect(woken).toEqual(["b"]);
  });

  test("stay with their document", () => {
    send("node.started", {}, "a");
    const first = document;
    document = "another";
    expect(at("a")).toBeUndefined();
    expect(nodeRuns.get(nodeKey(first, "a"))?.state).toBe("running");
  });

  test("leave nothing running when a run is cancelled or fails", () => {
    send("plan", { order: ["a", "b"], total: 2 });
    send("node.started", {}, "a");
    send("job.finished", { state: "cancelled" });
    expect([at("a")?.state, at("b")?.state]).toEqual(["cancelled", "cancelled"]);
    send("plan", { order: ["a"], total: 1 }, null, `${job}-next`);
    const problem = { code: "node.error", message: "No.", node: "a" };
    send("job.finished", { state: "failed", problem }, null, `${job}-next`);
    expect(at("a")).toMatchObject({ state: "failed", problem: { message: "No.", hint: "" } });
  });

  test("of a finished run do not disturb the one that took its place", () => {
    send("plan", { order: ["a"], total: 1 });
    send("plan", { order: ["a"], total: 1 }, null, `${job}-next`);
    send("job.finished", { state: "cancelled" });
    expect(at("a")?.state).toBe("waiting");
    expect(documentRuns.get(document)?.state).toBe("running");
  });

  test("keep the pictures of the last run until there are new ones", () => {
    send("node.artifact", { artifact: artifact("one") }, "save");
    send("node.artifact", { artifact: artifact("two", job, 1) }, "save");
    send("node.artifact", { artifact: artifact("two", job, 1) }, "save");
    expect(at("save")?.artifacts.map(({ id }) => id)).toEqual(["one", "two"]);
    const next = `${job}-next`;
    send("plan", { order: ["save"], total: 1 }, null, next);
    expect(at("save")?.artifacts).toHaveLength(2);
    send("node.artifact", { artifact: artifact("three", next) }, "save", next);
    expect(at("save")?.artifacts.map(({ id }) => id)).toEqual(["three"]);
  });

  test("of nodes inside an expansion count for the node that made it by their progress alone", () => {
    send("plan", { order: ["loop"], total: 1 });
    send("node.started", {}, "loop");
    send("node.progress", { value: 1, max: 4, inner: "loop.a" }, "loop");
    send("node.finished", { seconds: 1, inner: "loop.a" }, "loop");
    expect(at("loop")).toMatchObject({ state: "running", value: 1, max: 4 });
    expect(documentRuns.get(document)?.done).toBe(0);
  });

  test("that warn are kept with their node", () => {
    send("node.warning", { problem: { code: "memory", message: "Tiled." } }, "a");
    expect(at("a")?.warnings).toMatchObject([{ message: "Tiled." }]);
  });

  test("from the history fill in what this page has not seen", () => {
    const older = jobJson(`${job}-old`, {
      state: "failed",
      created: 1,
      problem: { message: "x", node: "save" },
    });
    const newer = jobJson(job, { state: "succeeded", created: 2, artifacts: [artifact("one")] });
    applyHistory([readJob(newer), readJob(older)]);
    expect(documentRuns.get(document)).toMatchObject({ job, state: "succeeded" });
    expect(at("save")).toMatchObject({ state: "done", artifacts: [{ id: "one" }] });
  });
});

describe("previews", () => {
  const frame = (header: object, image: string) => {
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    const bytes = Buffer.concat([length, text, Buffer.from(image)]);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  };

  test("are read from their frame and shown on their node", async () => {
    const read = readPreview(
      frame({ type: "node.preview", job, node: "a", document, mime: "image/jpeg" }, "picture"),
    );
    if (read === undefined) throw new Error("The frame could not be read.");
    expect(read.image.type).toBe("image/jpeg");
    expect(await read.image.text()).toBe("picture");
    applyPreview(read);
    expect(at("a")?.preview).toMatch(/^blob:/);
  });

  test("that are torn are passed over", () => {
    expect(readPreview(new ArrayBuffer(2))).toBeUndefined();
    expect(readPreview(frame({ job: 1 }, ""))).toBeUndefined();
  });
});

describe("the queue", () => {
  const event = (type: string, data: Record<string, Json> = {}, node: string | null = null) =>
    applyJobEvent(readEvent({ type, job, node, document, data }));

  test("follows its events, and says what must be asked", () => {
    setQueue({ paused: false, running: [], queued: [readJob(jobJson(job))] }, asking());
    expect(queueNow()).toEqual({ paused: false, running: [], queued: [job] });
    expect(event("job.started")).toBe("queue");
    event("plan", { order: ["a", "b", "c", "d"], total: 4 });
    event("node.finished", {}, "a");
    event("node.progress", { value: 1, max: 2 }, "b");
    const known = jobs.get(job);
    if (known === undefined) throw new Error("The job is not known.");
    expect(known.state).toBe("running");
    expect(fraction(known)).toBeCloseTo(1.5 / 4);
    expect(event("job.finished")).toBe("history");
    expect(event("node.warning", {}, "b")).toBe("nothing");
  });

  test("is not set back by answers that the feed has overtaken", () => {
    const ended = readJob(jobJson(job, { state: "succeeded" }));
    const running = readJob(jobJson(job, { state: "running" }));
    const early = asking();
    event("job.finished");
    learn(ended, asking());
    setQueue({ paused: false, running: [], queued: [] }, asking());
    setQueue({ paused: false, running: [running], queued: [] }, early);
    expect(jobs.get(job)?.state).toBe("succeeded");
    expect(queueNow().running).toEqual([]);
    const before = asking();
    event("queue.changed");
    setQueue({ paused: true, running: [], queued: [] }, asking());
    setQueue({ paused: false, running: [], queued: [] }, before);
    expect(queueNow().paused).toBe(true);
  });

  test("takes a whole job from an event that carries one", () => {
    event("job.updated", jobJson(job, { position: 3 }));
    expect(jobs.get(job)?.position).toBe(3);
  });
});

describe("plans", () => {
  const problem = (node: string): Problem => ({
    code: "input.missing",
    message: "Missing.",
    hint: "",
    node,
    input: null,
    severity: "error",
    related: [],
  });

  test("clear what they no longer mention, and keep what did not change", () => {
    setPlan(document, { run: 1, total: 2, nodes: { a: "run", b: "cached" }, problems: [problem("a")] });
    const known = nodeProblems.get(nodeKey(document, "a"));
    setPlan(document, { run: 1, total: 1, nodes: { a: "cached" }, problems: [problem("a")] });
    expect(nodePlans.get(nodeKey(document, "a"))).toBe("cached");
    expect(nodePlans.get(nodeKey(document, "b"))).toBeUndefined();
    expect(nodeProblems.get(nodeKey(document, "a"))).toBe(known);
    setPlan(document, { run: 0, total: 0, nodes: {}, problems: [] });
    expect(nodeProblems.get(nodeKey(document, "a"))).toBeUndefined();
  });
});

describe("seeds", () => {
  const fixture = `${import.meta.dirname}/../catalogue/fixtures/catalogue.json`;
  const catalogue = toCatalogue(JSON.parse(readFileSync(fixture, "utf8")));
  const graph = toDocument({
    format: 1,
    nodes: {
      held: { type: "KSampler", version: 1, inputs: { seed: 7 } },
      counted: { type: "KSampler", version: 1, inputs: { seed: 2n ** 64n - 1n } },
      fresh: { type: "KSampler", version: 1, inputs: {} },
    } as never,
    view: {
      counted: { x: 0, y: 0, seeds: { seed: "increment" } },
      fresh: { x: 0, y: 0, seeds: { seed: "random" } },
    },
  });
  const specs = (id: string) => specOf(catalogue, graph, graph, id);

  test("are drawn for the inputs that ask for it, below 2^53", () => {
    const changes = rolled(graph, specs);
    expect(changes.map(({ node }) => node)).toEqual(["counted", "fresh"]);
    for (let turn = 0; turn < 200; turn += 1) expect(Number.isSafeInteger(randomSeed())).toBe(true);
    expect(randomSeed()).not.toBe(randomSeed());
  });

  test("count up and down within their range", () => {
    expect(nextSeed("increment", 7)).toBe(8);
    expect(nextSeed("decrement", 0)).toBe(Number.MAX_SAFE_INTEGER);
    expect(nextSeed("increment", Number.MAX_SAFE_INTEGER)).toBe(0);
  });

  test("of a run are listed with their values, defaults included", () => {
    expect(seedsOf(graph, specs).map(({ seed }) => seed)).toEqual([7, 2n ** 64n - 1n, 0]);
  });
});
