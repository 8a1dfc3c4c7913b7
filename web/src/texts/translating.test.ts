import { expect, test } from "vitest";
import german from "./de/problems.json";
import { translator } from "./translating";

const titles = new Map([["Load checkpoint", "Checkpoint laden"]]);
const say = translator(german, (title) => titles.get(title));

test("a sentence is said with what is put into it", () => {
  expect(say("small.safetensors is empty.")).toBe("small.safetensors ist leer.");
  expect(say("The noise levels cannot go from 3.5 to 0.")).toBe(
    "Die Rauschpegel können nicht von 3.5 nach 0 gehen.",
  );
});

test("nodes are called what they are called on the canvas", () => {
  expect(say("Load checkpoint needs `ckpt_name`.")).toBe("Checkpoint laden braucht `ckpt_name`.");
});

test("what is put in is said in the same language, at any depth", () => {
  expect(say("`model` of KSampler takes a Model, but `mask` of Load checkpoint is a Mask.")).toBe(
    "`model` von KSampler nimmt Model, `mask` von Checkpoint laden ist aber Mask.",
  );
  expect(say("In `inner`: `steps` of KSampler: 0 is not between 1 and 10000.")).toBe(
    "In `inner`: `steps` von KSampler: 0 liegt nicht zwischen 1 und 10000.",
  );
  expect(say("KSampler needs `model`, but `loader` is muted.")).toBe(
    "KSampler braucht `model`, aber `loader` ist stummgeschaltet.",
  );
});

test("of two templates that fit, the one that says more is taken", () => {
  expect(say("KSampler needs `model`, but the wire brought nothing.")).toBe(
    "KSampler braucht `model`, die Leitung brachte aber nichts.",
  );
});

test("names and values of the user stay as they are, whatever they say", () => {
  expect(say("There is no workflow called “It has none.”.")).toBe(
    "Einen Workflow namens “It has none.” gibt es nicht.",
  );
  expect(say("There is no node `a number`.")).toBe("Es gibt keine Node `a number`.");
  expect(say("$& failed: $1")).toBe("$& ist fehlgeschlagen: $1");
});

test("what is not known stays as it is", () => {
  expect(say("The moon is in the wrong house")).toBe("The moon is in the wrong house");
});

test("each template finds itself again", () => {
  for (const [english, own] of Object.entries(german.sentences)) {
    const put = (text: string) => text.replaceAll(/\{(\d)\}/g, (_, place: string) => `‹${place}›`);
    expect(say(put(english)), english).toBe(put(own));
  }
});
