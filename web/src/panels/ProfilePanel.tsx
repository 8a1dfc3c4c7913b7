/** Where the time and the memory of the last run went: a row for each node, along a timeline. */

import { Timer, X } from "lucide-react";
import { type CSSProperties, useCallback, useState } from "react";
import { getJobEvents } from "../api/jobs";
import { type Profile, type ProfileRow, profileOf } from "../runs/profile";
import { specOf } from "../store/catalogue";
import { useDocumentId, useGraph } from "../store/current";
import { useDocumentRun } from "../store/runs";
import { revealNode, useShell } from "../store/shell";
import { select } from "../store/tabs";
import { useLoaded } from "../store/useLoaded";
import { byteSize } from "../texts/figures";
import { texts } from "../texts/panels";
import { profileTexts as t } from "../texts/runs";
import { duration } from "./format";
import { Empty, Failed, IconButton, Loading } from "./Pieces";

export function ProfilePanel() {
  const run = useDocumentRun(useDocumentId());
  return (
    <section className="panel profile" aria-label={t.title}>
      {run === undefined ? (
        <>
          <Header />
          <div className="panel__body">
            <Empty icon={Timer} title={t.none} hint={t.noneHint} />
          </div>
        </>
      ) : (
        // Asked anew with every node that ends: what runs now is seen as it goes.
        <OfJob key={run.job} job={run.job} progress={`${run.state} ${run.done}`} />
      )}
    </section>
  );
}

function Header({ profile }: { readonly profile?: Profile }) {
  return (
    <div className="panel__header">
      <h2 className="panel__title">
        {t.title}
        {profile !== undefined && (
          <span className="hint problems__count">
            {[
              t.total(duration(profile.total)),
              ...(profile.waited > 0.1 ? [t.waited(duration(profile.waited))] : []),
            ].join(" · ")}
          </span>
        )}
      </h2>
      <IconButton icon={X} label={texts.common.close} onClick={() => useShell.setState({ bottom: null })} />
    </div>
  );
}

function OfJob({ job, progress }: { readonly job: string; readonly progress: string }) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: each step of the run asks again
  const load = useCallback(async () => profileOf(await getJobEvents(job)), [job, progress]);
  const [loaded, reload] = useLoaded(load);
  return (
    <>
      <Header {...(loaded.kind === "ready" ? { profile: loaded.value } : {})} />
      <div className="panel__body">
        {loaded.kind === "loading" && <Loading />}
        {loaded.kind === "failed" && <Failed message={loaded.message} hint={loaded.hint} onRetry={reload} />}
        {loaded.kind === "ready" && <Table profile={loaded.value} />}
      </div>
    </>
  );
}

function Table({ profile }: { readonly profile: Profile }) {
  const [slowest, setSlowest] = useState(false);
  const work = profile.rows.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0);
  const rows = slowest
    ? profile.rows.toSorted((one, other) => (other.seconds ?? 0) - (one.seconds ?? 0))
    : profile.rows;
  return (
    <table className="profile__table">
      <thead>
        <tr>
          <th scope="col">{t.node}</th>
          <th scope="col" className="profile__number" aria-sort={slowest ? "descending" : "none"}>
            <button type="button" className="link" onClick={() => setSlowest(!slowest)}>
              {t.time}
              <span className="visually-hidden">, {slowest ? t.asRun : t.byTime}</span>
            </button>
          </th>
          <th scope="col" className="profile__number">
            {t.share}
          </th>
          <th scope="col" className="profile__number">
            {t.memory}
          </th>
          <th scope="col">{t.timeline}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.node} row={row} total={profile.total} work={work} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly row: ProfileRow;
  readonly total: number;
  readonly work: number;
}

function Row({ row, total, work }: RowProps) {
  const { nodes } = useGraph();
  const { node, seconds, peakBytes, state, start } = row;
  const there = nodes[node];
  const length = seconds ?? total - start;
  const bar = {
    "--from": `${(start / Math.max(total, 1e-9)) * 100}%`,
    "--long": `${Math.max(0.3, (length / Math.max(total, 1e-9)) * 100)}%`,
  } as CSSProperties;
  const time = state === "cached" ? t.cached : seconds === null ? t.running : duration(seconds);
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          className="link ellipsis"
          disabled={there === undefined}
          onClick={() => {
            select([node]);
            revealNode(node);
          }}
        >
          {there === undefined ? node : (there.title ?? specOf(node).title)}
        </button>
      </th>
      <td className="profile__number">{state === "failed" ? `${time}, ${t.failed}` : time}</td>
      <td className="profile__number">
        {seconds === null || work === 0 ? "" : `${Math.round((seconds / work) * 100)} %`}
      </td>
      <td className="profile__number">
        {peakBytes === null ? (
          <span title={t.unknown}>
            <span aria-hidden>–</span>
            <span className="visually-hidden">{t.unknown}</span>
          </span>
        ) : (
          byteSize(peakBytes)
        )}
      </td>
      <td className="profile__line" aria-hidden>
        <span className={`profile__bar profile__bar--${state}`} style={bar} />
      </td>
    </tr>
  );
}
