import { describe, expect, test } from "vitest";
import type { Edit } from "./edit";
import { START } from "./fixtures/start";
import { beginHistory, type Edited, perform, redo, sealGesture, undo } from "./history";
import { setValue } from "./values";

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
