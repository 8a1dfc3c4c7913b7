/** How a run differs from the canvas, or from another run: inputs, wires, models, nodes; and taking it over. */

import { useCallback, useState } from "react";
import { getJob, getJobs } from "../api/jobs";
import { contentUrl, isPicture } from "../api/pictures";
import type { Job } from "../api/types";
import { type Difference, differences, takeOver } from "../commands/difference";
import { isInputRef, literalOf, sourcesOf } from "../documents/inputs";
import { compactJson } from "../documents/json";
import { toDocument } from "../documents/parse";
import type { Document, InputValue } from "../documents/types";
import { useCatalogue } from "../store/catalogue";
import { useDocument } from "../store/current";
import type { Dialog } from "../store/shell";
import { editIn, useTabs } from "../store/tabs";
import { useLoaded } from "../store/useLoaded";
import { texts } from "../texts/panels";
import { differenceTexts as t } from "../texts/runs";
import { closeDialog } from "./focusing";
import { ago } from "./format";
import { Modal } from "./Modal";
import { Failed, Loading } from "./Pieces";

interface Ran {
  readonly job: Job;
  readonly document: Document;
}

async function ran(id: string): Promise<Ran> {
  const job = await getJob(id);
  return { job, document: toDocument(job.workflow) };
}

export function DifferenceDialog({ job: id }: Extract<Dialog, { kind: "difference" }>) {
  const load = useCallback(async () => {
    const [run, { items }] = await Promise.all([ran(id), getJobs({ limit: 50 })]);
    return { run, others: items.filter((job) => job.id !== id) };
  }, [id]);
  const [loaded, reload] = useLoaded(load);
  if (loaded.kind === "ready") return <Compared {...loaded.value} />;
  return (
    <Modal title={t.open}>
      {loaded.kind === "loading" ? (
        <Loading />
      ) : (
        <Failed message={loaded.message} hint={loaded.hint} onRetry={reload} />
      )}
    </Modal>
  );
}

function Compared({ run, others }: { readonly run: Ran; readonly others: readonly Job[] }) {
  const canvas = useDocument();
  const [other, setOther] = useState<Ran | null>(null);
  const [left, setLeft] = useState("");
  const found = differences(other?.document ?? canvas, run.document);
  const [refused, setRefused] = useState<ReadonlySet<string>>(new Set());
  const chosen = found.filter((difference) => !refused.has(keyOf(difference)));
  const choose = async (id: string) => {
    setLeft(id);
    setRefused(new Set());
    setOther(id === "" ? null : await ran(id));
  };
  const apply = () => {
    const { active } = useTabs.getState();
    if (active !== null) editIn(active, null, takeOver(run.document, chosen));
    closeDialog();
  };
  return (
    <Modal
      title={t.title(run.job.title || texts.queue.untitled)}
      wide
      footer={
        <>
          <p className="hint spacer">{t.applyHint}</p>
          <button
            type="button"
            className="button button--primary"
            disabled={chosen.length === 0}
            onClick={apply}
          >
            {t.apply(chosen.length)}
          </button>
        </>
      }
    >
      <label className="row difference__against">
        <span className="label">{t.against}</span>
        <select className="field" value={left} onChange={(event) => void choose(event.target.value)}>
          <option value="">{t.canvas}</option>
          {others.map((job) => (
            <option key={job.id} value={job.id}>
              {`${job.title || texts.queue.untitled} · ${ago(job.created)}`}
            </option>
          ))}
        </select>
      </label>
      <Pictures left={other?.job} right={run.job} />
      {found.length === 0 ? (
        <p className="empty">{t.none}</p>
      ) : (
        <table className="difference">
          <thead>
            <tr>
              <th scope="col">{texts.gallery.node}</th>
              <th scope="col">{other === null ? t.left : ago(other.job.created)}</th>
              <th scope="col">{t.right}</th>
            </tr>
          </thead>
          <tbody>
            {found.map((difference) => (
              <Row
                key={keyOf(difference)}
                difference={difference}
                left={other?.document ?? canvas}
                right={run.document}
                taken={!refused.has(keyOf(difference))}
                onTake={(take) => {
                  const next = new Set(refused);
                  if (take) next.delete(keyOf(difference));
                  else next.add(keyOf(difference));
                  setRefused(next);
                }}
              />
            ))}
          </tbody>
        </table>
      )}
    </Modal>
  );
}

function keyOf(difference: Difference): string {
  return [difference.kind, difference.node, difference.kind === "input" ? difference.input : ""].join(" ");
}

function Pictures({ left, right }: { readonly left: Job | undefined; readonly right: Job }) {
  const pictures = [left, right].flatMap((job) => job?.artifacts.find(isPicture) ?? []);
  if (pictures.length === 0) return null;
  return (
    <div className="difference__pictures">
      {pictures.map((picture) => (
        <img key={picture.id} src={contentUrl(picture.id)} alt={`${t.picture}: ${picture.name}`} />
      ))}
    </div>
  );
}

interface RowProps {
  readonly difference: Difference;
  readonly left: Document;
  readonly right: Document;
  readonly taken: boolean;
  readonly onTake: (take: boolean) => void;
}

function Row({ difference, left, right, taken, onTake }: RowProps) {
  const catalogue = useCatalogue((state) => state.catalogue);
  const { node } = difference;
  const named = (document: Document, id: string) => {
    const there = document.nodes[id];
    return there?.title ?? catalogue.nodes.get(there?.type ?? "")?.title ?? id;
  };
  const name = named(difference.kind === "added" ? right : left, node);
  const what = difference.kind === "input" ? `${name}: ${difference.input}` : name;
  return (
    <tr>
      <th scope="row">
        <label className="row">
          <input
            type="checkbox"
            checked={taken}
            aria-label={t.choose(what)}
            onChange={(event) => onTake(event.target.checked)}
          />
          <span>
            {name}
            {difference.kind === "input" && <span className="hint"> {difference.input}</span>}
            {difference.kind === "mode" && <span className="hint"> {t.mode}</span>}
          </span>
        </label>
      </th>
      {"type" in difference ? (
        <td colSpan={2}>
          {difference.kind === "added" ? t.added(difference.type) : t.removed(difference.type)}
        </td>
      ) : (
        <>
          <td className="difference__left">
            {difference.kind === "mode" ? (difference.left ?? t.awake) : told(difference.left, left, named)}
          </td>
          <td className="difference__right">
            {difference.kind === "mode"
              ? (difference.right ?? t.awake)
              : told(difference.right, right, named)}
          </td>
        </>
      )}
    </tr>
  );
}

function told(
  value: InputValue | undefined,
  document: Document,
  named: (document: Document, id: string) => string,
): string {
  if (value === undefined) return t.unset;
  if (isInputRef(value)) return value.input;
  const sources = sourcesOf(value);
  if (sources.length > 0)
    return sources.map(([node, output]) => t.wire(named(document, node), output)).join(", ");
  const literal = literalOf(value);
  return typeof literal === "string" ? literal : compactJson(literal);
}
