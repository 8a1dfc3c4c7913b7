/** Pictures side by side under one look: moved, zoomed and pointed at together. */

import { Grid2x2, Maximize, ScanSearch } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { isSized, type SizedArtifact } from "../api/pictures";
import type { Artifact } from "../api/types";
import type { Point } from "../documents/types";
import { stageTexts as t } from "../texts/stages";
import { columnsFor, type Look, mostZoom, pan, WHOLE, zoomAt } from "./looking";
import { IconButton } from "./Pieces";
import { percentOf, StagePane } from "./StagePane";
import { useSize } from "./useSize";
import "./stages.css";

export interface Beside {
  readonly key: string;
  readonly title: string;
  readonly picture: Artifact;
}

type Sized = Beside & { readonly picture: SizedArtifact };

/** A picture of unknown size cannot be laid beside others. */
function isPlaced(one: Beside): one is Sized {
  return isSized(one.picture);
}

/** How the pictures are looked at. */
export interface Looking {
  readonly look: Look;
  /** Pixels are squares rather than blurred. */
  readonly sharp: boolean;
  readonly onLook: (change: (look: Look) => Look) => void;
  readonly onSharp: (sharp: boolean) => void;
}

export function useLooking(): Looking {
  const [look, onLook] = useState(WHOLE);
  const [sharp, onSharp] = useState(true);
  return { look, sharp, onLook, onSharp };
}

export function LookTools({ sharp, onLook, onSharp }: Looking) {
  return (
    <>
      <IconButton icon={Maximize} label={t.whole} onClick={() => onLook(() => WHOLE)} />
      <IconButton icon={Grid2x2} label={t.sharp} aria-pressed={sharp} onClick={() => onSharp(!sharp)} />
    </>
  );
}

interface SideBySideProps extends Looking {
  readonly pictures: readonly Beside[];
  /** What stands there where no picture does. */
  readonly empty?: ReactNode;
  /** What is said below, beside the keys. */
  readonly foot?: ReactNode;
}

const CAPTION = 30;
const GAP = 8;
const STEP = 48;
const ZOOM = 1.25;

export function SideBySide({ pictures, empty, foot, look, sharp, onLook }: SideBySideProps) {
  const sized = pictures.filter(isPlaced);
  const [alone, setAlone] = useState<number | null>(null);
  const [spot, setSpot] = useState<Point | null>(null);
  const room = useRef<HTMLDivElement>(null);
  const size = useSize(room);
  const shown = alone === null ? sized : sized.filter((_, index) => index === alone);
  const largest = sized.toSorted((one, other) => other.picture.width - one.picture.width)[0]?.picture;
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
  const choose = (index: number) => setAlone(index === alone || index >= sized.length ? null : index);
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
          shown.map((one) => (
            <figure key={one.key} className="stages__stage">
              <StagePane
                picture={one.picture}
                title={one.title}
                {...{ look, pane, sharp, spot, onLook }}
                onSpot={setSpot}
              />
              <Caption
                one={one}
                first={sized[0]}
                percent={percentOf(look, pane, one.picture)}
                alone={alone !== null}
                onAlone={() => choose(sized.indexOf(one))}
              />
            </figure>
          ))}
        {sized.length === 0 && empty}
      </div>
      <footer className="stages__foot">
        <span className="hint">{t.keys}</span>
        {foot}
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
  readonly one: Sized;
  readonly first: Sized | undefined;
  readonly percent: number;
  readonly alone: boolean;
  readonly onAlone: () => void;
}

function Caption({ one, first, percent, alone, onAlone }: CaptionProps) {
  const { title } = one;
  const { width, height } = one.picture;
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
