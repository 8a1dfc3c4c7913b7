/** Choosing what the form shows: its fields in order, each with label, group and range; and inputs to add. */

import { Command } from "cmdk";
import { ArrowDown, ArrowUp, Trash2 } from "lucide-react";
import { useState } from "react";
import type { InputSpec } from "../catalogue/types";
import { addFields, changeField, type FieldChange, isOnForm, moveField, removeField } from "../commands/form";
import { isWired } from "../documents/inputs";
import type { Document, FormField, NodeId } from "../documents/types";
import { specAt } from "../store/catalogue";
import { editIn, seal } from "../store/tabs";
import { formTexts as t } from "../texts/form";
import { texts } from "../texts/panels";
import { IconButton } from "./Pieces";

interface FormEditorProps {
  readonly document: Document;
  /** The tab. */
  readonly id: string;
}

export function FormEditor({ document, id }: FormEditorProps) {
  return (
    <>
      <ol className="list form-editor">
        {document.form.map((field) => (
          <Field key={`${field.node}.${field.input}`} document={document} id={id} field={field} />
        ))}
      </ol>
      <Adding document={document} id={id} />
    </>
  );
}

function Field({ document, id, field }: FormEditorProps & { readonly field: FormField }) {
  const spec = specAt(document)(field.node);
  const input = spec.inputs.find(({ name }) => name === field.input);
  const own = input?.label ?? field.input;
  const label = field.label ?? own;
  const change = (what: FieldChange) => editIn(id, null, changeField(field, what));
  const ranged = input?.type === "Int" || input?.type === "Float";
  return (
    <li className="card form-editor__field">
      <div className="row">
        <span className="hint ellipsis spacer">
          {document.nodes[field.node]?.title ?? spec.title} · {own}
        </span>
        <IconButton
          icon={ArrowUp}
          size={14}
          label={t.up(label)}
          onClick={() => editIn(id, null, moveField(field, -1))}
        />
        <IconButton
          icon={ArrowDown}
          size={14}
          label={t.down(label)}
          onClick={() => editIn(id, null, moveField(field, 1))}
        />
        <IconButton
          icon={Trash2}
          size={14}
          danger
          label={t.remove(label)}
          onClick={() => editIn(id, null, removeField(field))}
        />
      </div>
      <div className="form-editor__entries">
        <Entry
          label={t.label}
          value={field.label ?? ""}
          placeholder={own}
          onChange={(text) => change({ label: text === "" ? null : text })}
        />
        <Entry
          label={t.group}
          value={field.group ?? ""}
          onChange={(text) => change({ group: text === "" ? null : text })}
        />
        <Entry
          label={t.name}
          value={field.name ?? ""}
          onChange={(text) => change({ name: text === "" ? null : text })}
        />
        {ranged && (
          <>
            <Bound label={t.min} value={field.min} onChange={(min) => change({ min })} />
            <Bound label={t.max} value={field.max} onChange={(max) => change({ max })} />
          </>
        )}
      </div>
    </li>
  );
}

interface EntryProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (text: string) => void;
}

function Entry({ label, value, placeholder, onChange }: EntryProps) {
  return (
    <label>
      <span className="hint">{label}</span>
      <input
        className="field"
        value={value}
        placeholder={placeholder}
        onChange={(event) => onChange(event.target.value)}
        onBlur={seal}
      />
    </label>
  );
}

interface BoundProps {
  readonly label: string;
  readonly value: number | undefined;
  readonly onChange: (value: number | null) => void;
}

function Bound({ label, value, onChange }: BoundProps) {
  return (
    <label>
      <span className="hint">{label}</span>
      <input
        className="field"
        type="number"
        step="any"
        value={value ?? ""}
        onChange={({ target }) => onChange(Number.isNaN(target.valueAsNumber) ? null : target.valueAsNumber)}
        onBlur={seal}
      />
    </label>
  );
}

/** Every input of the workflow that has a value, to search and to add. */
function Adding({ document, id }: FormEditorProps) {
  const [query, setQuery] = useState("");
  const specOf = specAt(document);
  const open = Object.entries(document.nodes).flatMap(([node, { inputs }]) =>
    specOf(node)
      .inputs.filter((input) => offered(input) && !isWired(inputs[input.name]))
      .filter((input) => !isOnForm(document, { node, input: input.name }))
      .map((input) => ({ node, input })),
  );
  const named = (node: NodeId) => document.nodes[node]?.title ?? specOf(node).title;
  return (
    <Command label={t.add} className="form-editor__add">
      <span className="label">{t.add}</span>
      <Command.Input
        className="field"
        placeholder={t.addFrom}
        aria-label={t.addFrom}
        value={query}
        onValueChange={setQuery}
      />
      <Command.List className="picklist__list" label={t.add}>
        <Command.Empty className="hint picklist__empty">{texts.common.nothing}</Command.Empty>
        {open.map(({ node, input }) => (
          <Command.Item
            key={`${node}.${input.name}`}
            value={`${named(node)} ${input.label} ${node}.${input.name}`}
            className="menu__item"
            onSelect={() => editIn(id, null, addFields([{ node, input: input.name }]))}
          >
            {input.label}
            <span className="menu__key">{named(node)}</span>
          </Command.Item>
        ))}
      </Command.List>
    </Command>
  );
}

function offered(input: InputSpec): boolean {
  return !input.socket;
}
