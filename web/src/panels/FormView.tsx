/** A workflow as a form: the chosen inputs in their order and groups, and the pictures that a run makes. */

import { ClipboardList, ImageIcon, PencilLine } from "lucide-react";
import { useState } from "react";
import { isPicture, isText, shownUrl } from "../api/pictures";
import type { Artifact } from "../api/types";
import type { InputSpec } from "../catalogue/types";
import { addFields, suggested } from "../commands/form";
import { setSeedMode, setValue } from "../commands/values";
import { isWired, literalOf } from "../documents/inputs";
import type { FormField } from "../documents/types";
import { specAt, useCatalogue } from "../store/catalogue";
import { useDocument, useDocumentId } from "../store/current";
import { useArtifacts, useDocumentRun, useJob } from "../store/runs";
import { showDialog } from "../store/shell";
import { editIn, seal } from "../store/tabs";
import { formTexts as t } from "../texts/form";
import { texts } from "../texts/panels";
import { Control } from "../widgets/Control";
import { emptyValue } from "../widgets/kinds";
import { ResultText, ResultThumbnail } from "../widgets/Result";
import { FormCall } from "./FormCall";
import { FormEditor } from "./FormEditor";
import { Empty, Progress } from "./Pieces";
import "./form.css";

export function FormView() {
  const document = useDocument();
  const id = useDocumentId();
  const [changing, setChanging] = useState(false);
  const description = document.meta["description"];
  useCatalogue((state) => state.catalogue);
  return (
    <section className="form-view" aria-label={t.title}>
      <div className="form-view__inputs">
        <header className="form-view__header">
          <h2>{document.title}</h2>
          {typeof description === "string" && <p className="hint">{description}</p>}
        </header>
        {changing ? (
          <FormEditor document={document} id={id} />
        ) : document.form.length > 0 ? (
          <Groups form={document.form} />
        ) : (
          <Empty icon={ClipboardList} title={t.empty} hint={t.emptyHint}>
            <button
              type="button"
              className="button button--primary"
              onClick={() => editIn(id, null, addFields(suggested(document, specAt(document))))}
            >
              {t.suggest}
            </button>
          </Empty>
        )}
        <button type="button" className="button form-view__change" onClick={() => setChanging(!changing)}>
          <PencilLine size={14} aria-hidden /> {changing ? t.done : t.change}
        </button>
        {document.form.length > 0 && <FormCall />}
      </div>
      <Results id={id} nodes={Object.keys(document.nodes)} />
    </section>
  );
}

function Groups({ form }: { readonly form: readonly FormField[] }) {
  const groups = [...new Set(form.map(({ group }) => group ?? ""))];
  return groups.map((group) => (
    <fieldset key={group} className="form-view__group">
      {group === "" ? (
        <legend className="visually-hidden">{t.title}</legend>
      ) : (
        <legend className="list__heading">{group}</legend>
      )}
      {form
        .filter((field) => (field.group ?? "") === group)
        .map((field) => (
          <Field key={`${field.node}.${field.input}`} field={field} />
        ))}
    </fieldset>
  ));
}

/** The input as the form's author wants it shown: within a range of his own. */
export function shownInput(input: InputSpec, { min, max }: FormField): InputSpec {
  if (min === undefined && max === undefined) return input;
  const widget = input.widget ?? { kind: input.type === "Int" ? "int" : "float" };
  const range = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  return { ...input, widget: { ...widget, ...range } };
}

function Field({ field }: { readonly field: FormField }) {
  const document = useDocument();
  const id = useDocumentId();
  const node = document.nodes[field.node];
  const input = specAt(document)(field.node).inputs.find(({ name }) => name === field.input);
  if (node === undefined || input === undefined) {
    return (
      <div className="field-row">
        <span className="label">{field.label ?? field.input}</span>
        <p className="hint">{t.gone}</p>
      </div>
    );
  }
  const held = node.inputs[field.input];
  const label = field.label ?? input.label;
  const seeds = document.view[field.node]?.seeds?.[field.input];
  return (
    <div className="field-row">
      <span className="label" title={input.help}>
        {label}
      </span>
      {isWired(held) ? (
        <p className="hint">{t.wired}</p>
      ) : (
        <Control
          input={shownInput(input, field)}
          value={literalOf(held) ?? emptyValue(input)}
          label={label}
          compact={false}
          onChange={(value, gesture) =>
            editIn(
              id,
              null,
              setValue(field.node, field.input, value, gesture === undefined ? {} : { gesture }),
            )
          }
          onSettled={seal}
          random={seeds === "random"}
          {...(input.widget?.kind === "seed"
            ? {
                onRandom: (random: boolean) =>
                  editIn(id, null, setSeedMode(field.node, field.input, random ? "random" : null)),
              }
            : {})}
        />
      )}
    </div>
  );
}

function Results({ id, nodes }: { readonly id: string; readonly nodes: readonly string[] }) {
  const run = useDocumentRun(id);
  const job = useJob(run?.job ?? "");
  const results = useArtifacts(id, nodes);
  const going = run?.state === "running" || run?.state === "queued";
  const step = job?.progress;
  return (
    <section className="form-view__results" aria-label={t.results}>
      {going && (
        <div className="form-view__progress" role="status">
          <Progress
            value={
              run.total > 0 ? (run.done + (step && step.max > 0 ? step.value / step.max : 0)) / run.total : 0
            }
            label={texts.queue.states[run.state]}
          />
          <span className="hint">{texts.queue.states[run.state]}</span>
        </div>
      )}
      {run?.problem && (
        <p className="callout callout--danger">
          {run.problem.message} {run.problem.hint}
        </p>
      )}
      {results.length === 0 ? (
        <Empty icon={ImageIcon} title={t.noResults} />
      ) : (
        <ul className="form-view__pictures">
          {results.map((result) => (
            <Result key={result.id} result={result} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Result({ result }: { readonly result: Artifact }) {
  const open = () => showDialog({ kind: "picture", artifact: result.id });
  return (
    <li>
      {isText(result) ? (
        <ResultText artifact={result} />
      ) : (
        <button type="button" aria-label={texts.gallery.open(result.name)} onClick={open}>
          {isPicture(result) ? (
            <img src={shownUrl(result)} alt={result.name} />
          ) : (
            <ResultThumbnail artifact={result} />
          )}
        </button>
      )}
    </li>
  );
}
