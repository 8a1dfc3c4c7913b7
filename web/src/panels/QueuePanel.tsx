/** The queue: what runs, what waits (in an order that can be changed), and what ran. */

import {
  CirclePause,
  CirclePlay,
  GitCompare,
  GripVertical,
  ListOrdered,
  ListX,
  RotateCcw,
  Trash2,
  Workflow,
  X,
} from "lucide-react";
import { type DragEvent, type KeyboardEvent, useState } from "react";
import { thumbnailUrl } from "../api/pictures";
import type { Job } from "../api/types";
import { fraction } from "../runs/jobs";
import {
  cancel,
  clearQueue,
  moveTo,
  openJobWorkflow,
  pauseOrResume,
  removeFromHistory,
  retry,
} from "../store/queue";
import { useJob, useQueue } from "../store/runs";
import { revealNode, showDialog } from "../store/shell";
import { activate } from "../store/tabs";
import { texts } from "../texts/panels";
import { differenceTexts } from "../texts/runs";
import { ago, duration } from "./format";
import { ItemMenu } from "./ItemMenu";
import { arrive, Empty, IconButton, PanelHeader, Progress } from "./Pieces";
import { useHistory } from "./useHistory";

export function QueuePanel() {
  const { paused, running, queued } = useQueue();
  const [history, older] = useHistory();
  const idle = running.length + queued.length + history.length === 0;
  return (
    <section ref={arrive} tabIndex={-1} className="panel" aria-label={texts.queue.title}>
      <PanelHeader title={texts.queue.title}>
        <IconButton
          icon={paused ? CirclePlay : CirclePause}
          label={paused ? texts.queue.resume : texts.queue.pause}
          aria-pressed={paused}
          onClick={() => void pauseOrResume()}
        />
        <IconButton
          icon={ListX}
          label={texts.queue.clear}
          disabled={queued.length === 0}
          onClick={() => confirmClear(queued.length)}
        />
      </PanelHeader>
      <div className="panel__body queue">
        {paused && (
          <p className="queue__paused" role="status">
            {texts.queue.paused}
          </p>
        )}
        {idle && <Empty icon={ListOrdered} title={texts.queue.empty} hint={texts.queue.emptyHint} />}
        {running.length > 0 && (
          <>
            <h3 className="list__heading">{texts.queue.running}</h3>
            <ul className="list">
              {running.map((id) => (
                <Running key={id} id={id} />
              ))}
            </ul>
          </>
        )}
        <Waiting queued={queued} />
        {history.length > 0 && (
          <>
            <h3 className="list__heading">{texts.queue.history}</h3>
            <ul className="list">
              {history.map((job) => (
                <Past key={job.id} job={job} />
              ))}
            </ul>
            {older !== null && (
              <button type="button" className="button button--quiet queue__older" onClick={older}>
                {texts.queue.older}
              </button>
            )}
          </>
        )}
      </div>
    </section>
  );
}

function confirmClear(count: number): void {
  showDialog({
    kind: "confirm",
    title: texts.queue.clearTitle(count),
    text: texts.queue.clearText,
    label: texts.queue.clearDo,
    run: () => void clearQueue(),
  });
}

function titleOf(job: Job | undefined): string {
  return job?.title || texts.queue.untitled;
}

function Running({ id }: { readonly id: string }) {
  const job = useJob(id);
  const progress = job?.progress;
  const step = progress && progress.max > 1 ? texts.queue.step(progress.value, progress.max) : "";
  const whole = progress && progress.total > 0 ? texts.queue.nodes(progress.done, progress.total) : "";
  return (
    <li className="card job job--running">
      <div className="row">
        <span className="ellipsis job__title">{titleOf(job)}</span>
        <span className="spacer" />
        <IconButton
          icon={X}
          size={14}
          danger
          label={`${texts.queue.cancel}: ${titleOf(job)}`}
          onClick={() => void cancel(id)}
        />
      </div>
      <Progress value={job ? fraction(job) : 0} label={titleOf(job)} />
      <div className="row job__facts hint">
        <button type="button" className="link ellipsis" disabled={!progress?.node} onClick={() => jump(job)}>
          {progress?.node ?? ""}
        </button>
        <span>{step}</span>
        <span className="spacer" />
        <span>{whole}</span>
      </div>
    </li>
  );
}

/** Shows the node under way, in the tab that the run is of. */
function jump(job: Job | undefined): void {
  if (job?.document) activate(job.document);
  if (job?.progress?.node) revealNode(job.progress.node);
}

function Waiting({ queued }: { readonly queued: readonly string[] }) {
  const [dragged, setDragged] = useState<string | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const [said, setSaid] = useState("");
  if (queued.length === 0) return null;
  const move = (id: string, place: number) => {
    const bounded = Math.max(0, Math.min(place, queued.length - 1));
    setSaid(texts.queue.moved(bounded + 1));
    void moveTo(id, bounded);
  };
  const drop = () => {
    if (dragged !== null && over !== null) move(dragged, over);
    setDragged(null);
    setOver(null);
  };
  return (
    <>
      <h3 className="list__heading">
        {texts.queue.waiting} <span className="badge">{queued.length}</span>
      </h3>
      <ol className="list">
        {queued.map((id, place) => (
          <WaitingJob
            key={id}
            id={id}
            place={place}
            target={over === place && dragged !== null && dragged !== id}
            onMove={move}
            onDrag={(event) => {
              event.dataTransfer.setData("text/plain", id);
              event.dataTransfer.effectAllowed = "move";
              setDragged(id);
            }}
            onOver={() => setOver(place)}
            onEnd={drop}
          />
        ))}
      </ol>
      <p className="visually-hidden" role="status">
        {said}
      </p>
    </>
  );
}

interface WaitingJobProps {
  readonly id: string;
  readonly place: number;
  readonly target: boolean;
  readonly onMove: (id: string, place: number) => void;
  readonly onDrag: (event: DragEvent) => void;
  readonly onOver: () => void;
  readonly onEnd: () => void;
}

function WaitingJob({ id, place, target, onMove, onDrag, onOver, onEnd }: WaitingJobProps) {
  const job = useJob(id);
  const onKey = (event: KeyboardEvent) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    onMove(id, place + (event.key === "ArrowUp" ? -1 : 1));
  };
  return (
    <li
      className="card job job--waiting"
      data-target={target}
      draggable
      onDragStart={onDrag}
      onDragEnter={onOver}
      onDragOver={(event) => event.preventDefault()}
      onDragEnd={onEnd}
    >
      <button
        type="button"
        className="job__grip"
        aria-label={texts.queue.move(titleOf(job), place + 1)}
        onKeyDown={onKey}
      >
        <GripVertical size={14} aria-hidden />
        <span className="badge">{place + 1}</span>
      </button>
      <span className="ellipsis job__title">{titleOf(job)}</span>
      <span className="spacer" />
      <IconButton
        icon={X}
        size={14}
        danger
        label={`${texts.queue.cancel}: ${titleOf(job)}`}
        onClick={() => void cancel(id)}
      />
    </li>
  );
}

function Past({ job }: { readonly job: Job }) {
  const picture = job.artifacts.find((artifact) => artifact.kind === "image");
  const facts = [
    texts.queue.states[job.state],
    job.seconds === null ? "" : duration(job.seconds),
    ago(job.finished ?? job.created),
  ];
  return (
    <li className="job job--past">
      {picture ? (
        <button
          type="button"
          className="job__picture"
          aria-label={texts.gallery.open(picture.name)}
          onClick={() => showDialog({ kind: "picture", artifact: picture.id })}
        >
          <img src={thumbnailUrl(picture.id, 96)} alt="" loading="lazy" />
        </button>
      ) : (
        <span className={`job__mark job__mark--${job.state}`} aria-hidden />
      )}
      <span className="node-item__text">
        <span className="ellipsis">{titleOf(job)}</span>
        <span className={job.state === "failed" || job.state === "quarantined" ? "hint job__failed" : "hint"}>
          {facts.filter((text) => text !== "").join(" · ")}
        </span>
        {job.problem && <span className="hint job__failed job__problem">{job.problem.message}</span>}
      </span>
      <ItemMenu
        label={titleOf(job)}
        entries={[
          ...(job.state === "succeeded"
            ? []
            : [{ icon: RotateCcw, label: texts.queue.retry, run: () => void retry(job.id) }]),
          {
            icon: GitCompare,
            label: differenceTexts.open,
            run: () => showDialog({ kind: "difference", job: job.id }),
          },
          { icon: Workflow, label: texts.queue.openWorkflow, run: () => void openJobWorkflow(job.id) },
          {
            icon: Trash2,
            label: texts.queue.remove,
            danger: true,
            run: () => void removeFromHistory(job.id),
          },
        ]}
      />
    </li>
  );
}
