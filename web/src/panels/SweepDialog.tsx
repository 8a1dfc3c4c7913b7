/** Marking a range or several choices on one or two inputs: a run for each combination. */

import { useState } from "react";
import type { InputSpec } from "../catalogue/types";
import { type Axis, spaced } from "../commands/sweep";
import { isWired, literalOf } from "../documents/inputs";
import type { Document, Json } from "../documents/types";
import { specAt } from "../store/catalogue";
import { useDocument, useDocumentId } from "../store/current";
import type { Dialog } from "../store/shell";
import { startSweep } from "../store/sweeps";
import { texts } from "../texts/panels";
import { sweepTexts as t } from "../texts/sweep";
import { boundsOf, emptyValue, optionsOf, widgetKind } from "../widgets/kinds";
import { closeDialog } from "./focusing";
import { Modal } from "./Modal";

const MOST = 144;

interface Place {
  readonly node: string;
  readonly input: string;
}

interface Variable extends Place {
  readonly label: string;
  readonly spec: InputSpec;
  readonly value: Json;
}

/** The inputs that a sweep can go over: those with a value that is a number, a choice, a file or text. */
function variables(document: Document): readonly Variable[] {
  const specOf = specAt(document);
  return Object.entries(document.nodes).flatMap(([node, { inputs, title }]) => {
    const spec = specOf(node);
    return spec.inputs
      .filter((input) => !input.socket && !isWired(inputs[input.name]) && widgetKind(input) !== "json")
      .map((input) => ({
        node,
        input: input.name,
        label: `${title ?? spec.title}: ${input.label}`,
        spec: input,
        value: literalOf(inputs[input.name]) ?? emptyValue(input),
      }));
  });
}

export function SweepDialog({ node, input }: Extract<Dialog, { kind: "sweep" }>) {
  const document = useDocument();
  const tab = useDocumentId();
  const all = variables(document);
  const [places, setPlaces] = useState<readonly (Place | null)[]>([{ node, input }, null]);
  const [chosen, setChosen] = useState<ReadonlyMap<string, readonly Json[]>>(new Map());
  const found = places.flatMap((place) => all.find((one) => keyOf(one) === (place && keyOf(place))) ?? []);
  const axes = found.map(
    (variable): Axis => ({
      node: variable.node,
      input: variable.input,
      label: variable.spec.label,
      values: chosen.get(keyOf(variable)) ?? firstValues(variable),
    }),
  );
  const count = axes.reduce((product, { values }) => product * values.length, axes.length > 0 ? 1 : 0);
  return (
    <Modal
      title={t.title}
      footer={
        <>
          <p className="hint spacer">{count > MOST ? t.tooMany(MOST) : t.hint}</p>
          <button
            type="button"
            className="button button--primary"
            disabled={count === 0 || count > MOST}
            onClick={() => {
              closeDialog();
              void startSweep(tab, axes);
            }}
          >
            {t.start(count)}
          </button>
        </>
      }
    >
      {places.map((place, at) => {
        const other = places[1 - at];
        const variable = all.find((one) => place !== null && keyOf(one) === keyOf(place));
        return (
          <fieldset key={at === 0 ? t.across : t.down} className="sweep">
            <legend className="list__heading">{at === 0 ? t.across : t.down}</legend>
            <select
              className="field"
              aria-label={at === 0 ? t.across : t.down}
              value={place === null ? "" : keyOf(place)}
              onChange={({ target }) => {
                const next = all.find((one) => keyOf(one) === target.value) ?? null;
                setPlaces(places.with(at, next && { node: next.node, input: next.input }));
              }}
            >
              {at === 1 && <option value="">{t.nothing}</option>}
              {all
                .filter((one) => other === null || other === undefined || keyOf(one) !== keyOf(other))
                .map((one) => (
                  <option key={keyOf(one)} value={keyOf(one)}>
                    {one.label}
                  </option>
                ))}
            </select>
            {variable !== undefined && (
              <Values
                key={keyOf(variable)}
                variable={variable}
                onChange={(values) => setChosen(new Map(chosen).set(keyOf(variable), values))}
              />
            )}
          </fieldset>
        );
      })}
    </Modal>
  );
}

function keyOf({ node, input }: Place): string {
  return `${node} ${input}`;
}

const FIRST_COUNT = 4;

function rangeOf({ spec, value }: Variable): readonly [number, number] {
  const { min, max, whole } = boundsOf(spec);
  const now = typeof value === "number" ? value : 0;
  if (spec.widget?.kind === "seed") return [now, now + FIRST_COUNT - 1];
  const reach = Math.max(Math.abs(now) / 2, whole ? FIRST_COUNT - 1 : 0.5);
  return [Math.max(min, now - reach), Math.min(max, now + reach)];
}

function firstValues(variable: Variable): readonly Json[] {
  const { spec, value } = variable;
  switch (widgetKind(spec)) {
    case "int":
    case "float":
    case "seed": {
      const [from, to] = rangeOf(variable);
      return spaced(from, to, FIRST_COUNT, boundsOf(spec).step);
    }
    case "boolean":
      return [false, true];
    default:
      return [value];
  }
}

interface ValuesProps {
  readonly variable: Variable;
  readonly onChange: (values: readonly Json[]) => void;
}

function Values({ variable, onChange }: ValuesProps) {
  switch (widgetKind(variable.spec)) {
    case "int":
    case "float":
    case "seed":
      return <RangeValues variable={variable} onChange={onChange} />;
    case "choice":
      return <ChoiceValues variable={variable} onChange={onChange} />;
    case "boolean":
      return <p className="hint">{firstValues(variable).map(String).join(", ")}</p>;
    default:
      return <LineValues variable={variable} onChange={onChange} />;
  }
}

function RangeValues({ variable, onChange }: ValuesProps) {
  const [from, to] = rangeOf(variable);
  const [range, setRange] = useState({ from, to, count: FIRST_COUNT });
  const { step } = boundsOf(variable.spec);
  const change = (next: typeof range) => {
    setRange(next);
    if (Object.values(next).every(Number.isFinite))
      onChange(spaced(next.from, next.to, Math.min(MOST, Math.max(1, Math.round(next.count))), step));
  };
  const entries = [
    ["from", t.from],
    ["to", t.to],
    ["count", t.count],
  ] as const;
  const shown = spaced(range.from, range.to, range.count || 1, step);
  return (
    <>
      <div className="sweep__range">
        {entries.map(([key, label]) => (
          <label key={key}>
            <span className="hint">{label}</span>
            <input
              className="field"
              type="number"
              step="any"
              value={Number.isNaN(range[key]) ? "" : range[key]}
              onChange={({ target }) => change({ ...range, [key]: target.valueAsNumber })}
            />
          </label>
        ))}
      </div>
      <p className="hint">{shown.slice(0, 24).join(", ")}</p>
    </>
  );
}

function ChoiceValues({ variable, onChange }: ValuesProps) {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set([String(variable.value)]));
  const options = optionsOf(variable.spec);
  return (
    <fieldset className="sweep__choices">
      <legend className="visually-hidden">{t.values}</legend>
      {options.map((option) => (
        <label key={option}>
          <input
            type="checkbox"
            checked={picked.has(option)}
            onChange={({ target }) => {
              const next = new Set(picked);
              if (target.checked) next.add(option);
              else next.delete(option);
              setPicked(next);
              onChange(options.filter((one) => next.has(one)));
            }}
          />
          {option}
        </label>
      ))}
    </fieldset>
  );
}

function LineValues({ variable, onChange }: ValuesProps) {
  return (
    <label className="field-row">
      <span className="hint">{t.lines}</span>
      <textarea
        className="field"
        rows={5}
        aria-label={`${texts.inspector.inputs}: ${variable.label}`}
        defaultValue={String(variable.value)}
        onChange={({ target }) => onChange(target.value.split("\n").filter((line) => line.trim() !== ""))}
      />
    </label>
  );
}
