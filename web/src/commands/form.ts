/** Commands on the form: the inputs of a workflow that its simple view shows, in order, with labels and groups. */

import type { Draft } from "immer";
import type { NodeSpec } from "../catalogue/types";
import { isWired } from "../documents/inputs";
import type { Document, FormField, NodeId } from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";

type Where = Pick<FormField, "node" | "input">;

function isAt(field: Where, { node, input }: Where): boolean {
  return field.node === node && field.input === input;
}

function changed(
  label: string,
  change: (form: readonly FormField[]) => readonly FormField[],
  gesture?: string,
): Edit {
  return {
    label,
    ...(gesture === undefined ? {} : { gesture }),
    recipe: (_, document) => {
      document.form = change(document.form as readonly FormField[]) as Draft<FormField[]>;
    },
  };
}

export function addFields(fields: readonly FormField[]): Edit {
  return changed(editTexts.addToForm, (form) => [
    ...form,
    ...fields.filter((field) => !form.some((known) => isAt(known, field))),
  ]);
}

export function removeField(where: Where): Edit {
  return changed(editTexts.removeFromForm, (form) => form.filter((field) => !isAt(field, where)));
}

/** Moves a field so many places; at an end it stays. */
export function moveField(where: Where, by: number): Edit {
  return changed(editTexts.moveField, (form) => {
    const from = form.findIndex((field) => isAt(field, where));
    const field = form[from];
    if (field === undefined) return form;
    const rest = form.toSpliced(from, 1);
    return rest.toSpliced(Math.max(0, Math.min(rest.length, from + by)), 0, field);
  });
}

export type FieldChange = {
  readonly [Key in "name" | "label" | "group" | "min" | "max"]?: FormField[Key] | null;
};

/** Changes what a field says; `null` takes an entry out of the file. */
export function changeField(where: Where, change: FieldChange): Edit {
  const gesture = `form:${where.node}.${where.input}.${Object.keys(change).join()}`;
  return changed(
    editTexts.changeField,
    (form) =>
      form.map((field) => {
        if (!isAt(field, where)) return field;
        const entries = Object.entries({ ...field, ...change }).filter(([, value]) => value !== null);
        return Object.fromEntries(entries) as unknown as FormField;
      }),
    gesture,
  );
}

export function isOnForm(document: Document, where: Where): boolean {
  return document.form.some((field) => isAt(field, where));
}

/** The kinds of control that a person who only wants a picture looks for. */
const WANTED: readonly string[] = ["multiline", "seed"];
const WANTED_NAMES: readonly string[] = ["width", "height", "steps"];

/** A form to begin with: prompts, pictures, sizes, steps and seeds, as far as they have no wires. */
export function suggested(document: Document, specOf: (id: NodeId) => NodeSpec): readonly FormField[] {
  return Object.entries(document.nodes).flatMap(([node, { inputs, title }]) =>
    specOf(node).inputs.flatMap(({ name, widget, label }): FormField[] => {
      const picture = widget?.kind === "file" && widget["folder"] === "input";
      const wanted = WANTED.includes(widget?.kind ?? "") || picture || WANTED_NAMES.includes(name);
      if (!wanted || isWired(inputs[name])) return [];
      return [{ node, input: name, ...(title === undefined ? {} : { label: `${title}: ${label}` }) }];
    }),
  );
}
