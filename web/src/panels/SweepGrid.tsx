/** The pictures of a sweep as a grid: each cell opens its picture, its workflow, or brings its values to the canvas. */

import { Check, Grid3x3, Workflow } from "lucide-react";
import { useEffect } from "react";
import { ApiError } from "../api/http";
import { getJob } from "../api/jobs";
import { isPicture, thumbnailUrl } from "../api/pictures";
import { valueText } from "../commands/sweep";
import { setValues } from "../commands/values";
import type { Json } from "../documents/types";
import { asking, fraction, jobs, learn } from "../runs/jobs";
import { useDocumentId } from "../store/current";
import { report } from "../store/notices";
import { openJobWorkflow } from "../store/queue";
import { useJob } from "../store/runs";
import { type Dialog, showDialog } from "../store/shell";
import { type Sweep, useSweeps, valuesOf } from "../store/sweeps";
import { editIn } from "../store/tabs";
import { texts } from "../texts/panels";
import { sweepTexts as t } from "../texts/sweep";
import { closeDialog } from "./focusing";
import { ago } from "./format";
import { Modal } from "./Modal";
import { Empty, IconButton, Progress } from "./Pieces";

export function SweepGrid({ sweep: id }: Extract<Dialog, { kind: "sweep-grid" }>) {
  const sweeps = useSweeps((state) => state.sweeps);
  const sweep = sweeps.find((one) => one.id === id) ?? sweeps[0];
  useKnownJobs(sweep);
  if (sweep === undefined) {
    return (
      <Modal title={t.earlier}>
        <Empty icon={Grid3x3} title={t.none} hint={t.noneHint} />
      </Modal>
    );
  }
  const tools = sweeps.length > 1 && (
    <select
      className="field sweep__earlier"
      aria-label={t.earlier}
      value={sweep.id}
      onChange={({ target }) => showDialog({ kind: "sweep-grid", sweep: target.value })}
    >
      {sweeps.map((one) => (
        <option key={one.id} value={one.id}>
          {`${one.title} · ${ago(one.time)}`}
        </option>
      ))}
    </select>
  );
  return (
    <Modal title={t.grid(sweep.title)} wide tools={tools}>
      <Grid sweep={sweep} />
    </Modal>
  );
}

/** Asks for the runs that this page has not heard of: those of an earlier sweep. */
function useKnownJobs(sweep: Sweep | undefined): void {
  useEffect(() => {
    const asked = asking();
    for (const id of sweep?.jobs ?? []) {
      if (jobs.get(id) !== undefined) continue;
      getJob(id).then(
        ({ workflow: _, ...job }) => learn(job, asked),
        (problem: unknown) => {
          // A run that was deleted leaves its cell empty.
          if (!(problem instanceof ApiError && problem.status === 404)) report(problem);
        },
      );
    }
  }, [sweep]);
}

function Grid({ sweep }: { readonly sweep: Sweep }) {
  const [across, down] = sweep.axes;
  if (across === undefined) return null;
  const width = across.values.length;
  const rows = down?.values ?? [null];
  return (
    <div className="sweep-grid">
      <table>
        <thead>
          <tr>
            {down !== undefined && <th scope="col">{`${down.label} ↓  ${across.label} →`}</th>}
            {across.values.map((value) => (
              <th key={valueText(value)} scope="col">
                {down === undefined ? `${across.label} ${valueText(value)}` : valueText(value)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((value, row) => (
            <tr key={valueText(value)}>
              {down !== undefined && <th scope="row">{valueText(value)}</th>}
              {across.values.map((_, column) => {
                const cell = row * width + column;
                return (
                  <td key={sweep.jobs[cell] ?? cell}>
                    <Cell sweep={sweep} job={sweep.jobs[cell]} values={valuesOf(sweep, cell)} />
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface CellProps {
  readonly sweep: Sweep;
  /** Nothing where the run was never handed in. */
  readonly job: string | undefined;
  readonly values: readonly Json[];
}

function Cell({ sweep, job: id, values }: CellProps) {
  const job = useJob(id ?? "");
  const tab = useDocumentId();
  if (id === undefined || job === undefined) return <span className="hint">{t.gone}</span>;
  const said = sweep.axes.map(({ label }, at) => `${label} ${valueText(values[at] ?? null)}`).join(", ");
  const picture = job.artifacts.find(isPicture);
  const state = texts.queue.states[job.state];
  return (
    <div className="sweep-grid__cell">
      {picture !== undefined ? (
        <button
          type="button"
          aria-label={t.cell(said)}
          onClick={() => showDialog({ kind: "picture", artifact: picture.id })}
        >
          <img src={thumbnailUrl(picture.id)} alt="" loading="lazy" />
        </button>
      ) : (
        <span className="sweep-grid__waiting">
          {job.state === "running" ? <Progress value={fraction(job)} label={`${said}: ${state}`} /> : state}
          {job.problem !== null && <span className="hint">{job.problem.message}</span>}
        </span>
      )}
      <span className="sweep-grid__tools">
        <IconButton
          icon={Workflow}
          size={13}
          label={`${t.open}: ${said}`}
          onClick={() => {
            closeDialog();
            void openJobWorkflow(id);
          }}
        />
        <IconButton
          icon={Check}
          size={13}
          label={`${t.use}: ${said}`}
          onClick={() => {
            const changes = sweep.axes.map(({ node, input }, at) => ({
              node,
              input,
              value: values[at] ?? null,
            }));
            editIn(tab, null, setValues(changes));
            closeDialog();
          }}
        />
      </span>
    </div>
  );
}
