/** The stages of a picture side by side, all looked at alike: a cascade's, or those of a chain wired by hand. */

import { ChevronLeft, ChevronRight, Grid2x2, Layers, Maximize, ScanSearch } from "lucide-react";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { previewOutputs } from "../canvas/previewing";
import type { Point } from "../documents/types";
import type { Stage } from "../runs/stages";
import type { Dialog } from "../store/shell";
import { type NamedWay, useWay } from "../store/stages";
import { stageTexts as t } from "../texts/stages";
import { columnsFor, type Look, mostZoom, pan, type Size, WHOLE, zoomAt } from "./looking";
import { Modal } from "./Modal";
import { Empty, Failed, IconButton, Loading } from "./Pieces";
import { percentOf, StagePane } from "./StagePane";
import "./stages.css";

type StagesProps = Extract<Dialog, { kind: "stages" }>;

export function StagesDialog({ node, job }: StagesProps) {
  const [picture, setPicture] = useState(0);
  const [sharp, setSharp] = useState(true);
  const [look, setLook] = useState(WHOLE);
  const loaded = useWay(job, node, picture);
  const batch = loaded.kind === "ready" ? loaded.value.batch : 1;
  return (
    <Modal
      full
      bare
      title={t.title}
      tools={
        <>
          {batch > 1 && <Batch picture={picture} count={batch} onPick={setPicture} />}
          <IconButton icon={Maximize} label={t.whole} onClick={() => setLook(WHOLE)} />
          <IconButton icon={Grid2x2} label={t.sharp} aria-pressed={sharp} onClick={() => setSharp(!sharp)} />
        </>
      }
    >
      {loaded.kind === "loading" && <Loading />}
      {loaded.kind === "failed" && <Failed message={loaded.message} hint={loaded.hint} />}
      {loaded.kind === "ready" && (
        <Stages way={loaded.value} fixed={job !== null} {...{ look, sharp }} onLook={setLook} />
      )}
    </Modal>
  );
}

interface BatchProps {
  readonly picture: number;
  readonly count: number;
  readonly onPick: (picture: number) => void;
}

function Batch({ picture, count, onPick }: BatchProps) {
  return (
    <>
      <IconButton
        icon={ChevronLeft}
        label={t.previous}
        disabled={picture === 0}
        onClick={() => onPick(picture - 1)}
      />
      <span className="hint">{t.picture(picture + 1, count)}</span>
      <IconButton
        icon={ChevronRight}
        label={t.next}
        disabled={picture >= count - 1}
        onClick={() => onPick(picture + 1)}
      />
    </>
  );
}

type Sized = Stage & { readonly picture: Stage["picture"] & Size };

/** A picture of unknown size cannot be laid beside others. */
function isSized(stage: Stage): stage is Sized {
  return stage.picture.width !== null && stage.picture.height !== null;
}

interface ViewProps {
  readonly way: NamedWay;
  /** The way is that of an earlier run: nothing can be added to it. */
  readonly fixed: boolean;
  readonly look: Look;
  readonly sharp: boolean;
  readonly onLook: (change: (look: Look) => Look) => void;
}

const CAPTION = 30;
const GAP = 8;
const STEP = 48;
const ZOOM = 1.25;

function Stages({ way, fixed, look, sharp, onLook }: ViewProps) {
  const stages = way.stages.filter(isSized);
  const [alone, setAlone] = useState<number | null>(null);
  const [spot, setSpot] = useState<Point | null>(null);
  const room = useRef<HTMLDivElement>(null);
  const size = useSize(room);
  const shown = alone === null ? stages : stages.filter((_, index) => index === alone);
  const largest = stages.toSorted((one, other) => other.picture.width - one.picture.width)[0]?.picture;
  const shape = largest ?? { width: 1, height: 1 };
  const columns = columnsFor(shown.length, size, shape);
  const rows = Math.ceil(shown.length / Math.max(1, columns));
  const width = Math.max(1, (size.width - GAP * (columns - 1)) / columns);
  const height = Math.max(1, (size.height - GAP * (rows - 1)) / rows - CAPTION);
  const most = mostZoom({ width, height }, shape);
  const pane = useMemo(() => ({ width, height, mostZoom: most }), [width, height, most]);
  useEffect(() => {
    // After the dialog has put the focus on its first button.
    const frame = requestAnimationFrame(() => room.current?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(frame);
  }, []);
  const choose = (index: number) => setAlone(index === alone || index >= stages.length ? null : index);
  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const middle: Point = [pane.width / 2, pane.height / 2];
    const move = MOVES[event.key];
    if (move !== undefined) onLook((now) => pan(now, move, pane, shape));
    else if (event.key === "+" || event.key === "=") onLook((now) => zoomAt(now, ZOOM, middle, pane, shape));
    else if (event.key === "-") onLook((now) => zoomAt(now, 1 / ZOOM, middle, pane, shape));
    else if (event.key === "0") onLook(() => WHOLE);
    else if (/^[1-9]$/.test(event.key)) choose(Number(event.key) - 1);
    else return;
    event.preventDefault();
  };
  return (
    <div className="stages">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset brings a frame and a layout of its own */}
      <div
        ref={room}
        className="stages__room"
        style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
        role="group"
        aria-label={t.look}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move all pictures at once
        tabIndex={0}
        onKeyDown={keys}
      >
        {size.width > 0 &&
          shown.map((stage) => (
            <figure key={`${stage.node} ${stage.place}`} className="stages__stage">
              <StagePane
                picture={stage.picture}
                title={way.nameOf(stage)}
                {...{ look, pane, sharp, spot, onLook }}
                onSpot={setSpot}
              />
              <Caption
                stage={stage}
                title={way.nameOf(stage)}
                first={stages[0]}
                percent={percentOf(look, pane, stage.picture)}
                alone={alone !== null}
                onAlone={() => choose(stages.indexOf(stage))}
              />
            </figure>
          ))}
        {stages.length === 0 && <Empty icon={Layers} title={t.none} hint={t.noneHint} />}
      </div>
      <footer className="stages__foot">
        <span className="hint">{t.keys}</span>
        {way.hidden.length > 0 && !fixed && (
          <span className="stages__hidden">
            {t.hidden(way.hidden.length)}
            <button type="button" className="button" onClick={() => previewOutputs(way.hidden)}>
              {way.hidden.length === 1 ? t.show : t.showAll}
            </button>
          </span>
        )}
      </footer>
    </div>
  );
}

const MOVES: Readonly<Record<string, Point>> = {
  ArrowLeft: [STEP, 0],
  ArrowRight: [-STEP, 0],
  ArrowUp: [0, STEP],
  ArrowDown: [0, -STEP],
};

interface CaptionProps {
  readonly stage: Sized;
  readonly title: string;
  readonly first: Sized | undefined;
  readonly percent: number;
  readonly alone: boolean;
  readonly onAlone: () => void;
}

function Caption({ stage, title, first, percent, alone, onAlone }: CaptionProps) {
  const { width, height } = stage.picture;
  const times = first === undefined ? 1 : width / first.picture.width;
  const facts = [`${width} × ${height}`, times === 1 ? "" : t.times(times), t.percent(percent)];
  return (
    <figcaption className="stages__caption">
      <span className="ellipsis">{title}</span>
      <span className="hint">{facts.filter((fact) => fact !== "").join(" · ")}</span>
      <IconButton
        icon={ScanSearch}
        size={14}
        label={alone ? t.together : t.alone(title)}
        aria-pressed={alone}
        onClick={onAlone}
      />
    </figcaption>
  );
}

const NO_ROOM: Size = { width: 0, height: 0 };

/** The room of an element, without its padding. */
function useSize(element: { readonly current: HTMLElement | null }): Size {
  const [size, setSize] = useState(NO_ROOM);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return size;
}
