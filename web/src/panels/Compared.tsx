/** Two pictures in one place under one look; the slider says where one ends and the other begins. */

import { useCallback, useMemo, useRef, useState } from "react";
import { getArtifact, isSized, type SizedArtifact } from "../api/pictures";
import { Unreadable } from "../documents/fields";
import type { Point } from "../documents/types";
import { useLoaded } from "../store/useLoaded";
import { texts } from "../texts/panels";
import { mostZoom, WHOLE } from "./looking";
import { Failed, Loading } from "./Pieces";
import { StagePane } from "./StagePane";
import { useSize } from "./useSize";
import "./stages.css";

interface ComparedProps {
  /** The ids of two pictures. */
  readonly left: string;
  readonly right: string;
}

export function Compared({ left, right }: ComparedProps) {
  const load = useCallback(() => Promise.all([getSized(left), getSized(right)]), [left, right]);
  const [pair, reload] = useLoaded(load);
  if (pair.kind === "loading") return <Loading />;
  if (pair.kind === "failed") return <Failed message={pair.message} hint={pair.hint} onRetry={reload} />;
  return <Slid over={pair.value[0]} under={pair.value[1]} />;
}

async function getSized(id: string): Promise<SizedArtifact> {
  const picture = await getArtifact(id);
  if (!isSized(picture)) throw new Unreadable(texts.gallery.unsized(picture.name), "");
  return picture;
}

interface SlidProps {
  readonly over: SizedArtifact;
  readonly under: SizedArtifact;
}

function Slid({ over, under }: SlidProps) {
  const room = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(room);
  const [look, setLook] = useState(WHOLE);
  const [share, setShare] = useState(50);
  const larger = over.width > under.width ? over : under;
  const most = mostZoom({ width: Math.max(1, width), height: Math.max(1, height) }, larger);
  const pane = useMemo(() => ({ width, height, mostZoom: most }), [width, height, most]);
  const shown = { look, pane, spot: null, sharp: true, onLook: setLook, onSpot: ignore };
  const line = share / 100;
  return (
    <div ref={room} className="compared">
      {width > 0 && (
        <>
          <StagePane picture={under} title={under.name} {...shown} />
          <div className="compared__over" style={{ clipPath: `inset(0 ${(1 - line) * width}px 0 0)` }}>
            <StagePane picture={over} title={over.name} {...shown} />
          </div>
        </>
      )}
      <div className="compared__line" style={{ left: line * width }} aria-hidden />
      <input
        type="range"
        className="compared__slider"
        min={0}
        max={100}
        step={0.5}
        value={share}
        aria-label={texts.gallery.slider}
        onChange={(event) => setShare(Number(event.target.value))}
      />
    </div>
  );
}

/** The pointer's place shows nowhere else. */
function ignore(_: Point | null): void {}
