/** One stage of a picture, as the look that all stages share has it. */

import { type RefObject, useEffect, useRef } from "react";
import { contentUrl, isLarge, type SizedArtifact, thumbnailUrl, tileUrl } from "../api/pictures";
import type { Point } from "../documents/types";
import { type Frame, type Look, pan, placeOf, placeUnder, type Size, scaleOf, zoomAt } from "./looking";
import { tilesIn } from "./tiling";

/** The largest thumbnail that the server makes. */
const SMALL = 512;

interface StagePaneProps {
  readonly picture: SizedArtifact;
  readonly title: string;
  readonly look: Look;
  readonly pane: Frame;
  /** Pixels that are enlarged are squares; what is made smaller is always smooth. */
  readonly sharp: boolean;
  /** The place that the pointer is at in one of the panes. */
  readonly spot: Point | null;
  readonly onLook: (change: (look: Look) => Look) => void;
  readonly onSpot: (spot: Point | null) => void;
}

export function StagePane({ picture, title, look, pane, sharp, spot, onLook, onSpot }: StagePaneProps) {
  const element = useRef<HTMLDivElement>(null);
  useGestures(element, pane, picture, onLook);
  const place = placeOf(look, pane, picture);
  return (
    <div
      ref={element}
      className="stage-pane"
      data-sharp={(sharp && percentOf(look, pane, picture) > 100) || undefined}
      onPointerMove={(event) => onSpot(placeUnder(pointIn(event), look, pane, picture))}
      onPointerLeave={() => onSpot(null)}
    >
      <Layers picture={picture} title={title} look={look} pane={pane} />
      {spot !== null && (
        <span
          className="stage-pane__spot"
          style={{ left: place.x + spot[0] * place.width, top: place.y + spot[1] * place.height }}
          aria-hidden
        />
      )}
    </div>
  );
}

type LayersProps = Pick<StagePaneProps, "picture" | "title" | "look" | "pane">;

/** The thumbnail, which is there at once, and over it what the size on the screen asks for. */
function Layers({ picture, title, look, pane }: LayersProps) {
  const { x, y, width, height } = placeOf(look, pane, picture);
  const style = { left: x, top: y, width, height };
  const fine = Math.max(width, height) * devicePixelRatio > SMALL;
  // Of a large picture only what is in sight is asked for.
  const large = isLarge(picture);
  return (
    <>
      <img src={thumbnailUrl(picture.id, SMALL)} alt={title} style={style} draggable={false} />
      {fine && !large && <img src={contentUrl(picture.id)} alt="" style={style} draggable={false} />}
      {fine &&
        large &&
        tilesIn(look, pane, picture, devicePixelRatio).map((tile) => (
          <img
            key={`${tile.level} ${tile.column} ${tile.row}`}
            src={tileUrl(picture.id, tile)}
            alt=""
            style={{ left: tile.x, top: tile.y, width: tile.width, height: tile.height }}
            draggable={false}
          />
        ))}
    </>
  );
}

function pointIn(event: { clientX: number; clientY: number; currentTarget: EventTarget | null }): Point {
  const { left, top } = (event.currentTarget as Element).getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

const WHEEL_STEP = 0.0018;

/** Drag, wheel and pinch. Listened to by hand: React's wheel listeners cannot keep the page from zooming. */
function useGestures(
  element: RefObject<HTMLDivElement | null>,
  pane: Frame,
  picture: Size,
  onLook: StagePaneProps["onLook"],
): void {
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    const pointers = new Map<number, Point>();
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const factor = Math.exp(-event.deltaY * WHEEL_STEP * (event.deltaMode === 1 ? 16 : 1));
      const point = pointIn(event);
      onLook((look) => zoomAt(look, factor, point, pane, picture));
    };
    const down = (event: PointerEvent): void => {
      target.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, pointIn(event));
    };
    const move = (event: PointerEvent): void => {
      if (!pointers.has(event.pointerId)) return;
      const before = spanOf([...pointers.values()]);
      pointers.set(event.pointerId, pointIn(event));
      const after = spanOf([...pointers.values()]);
      const step: Point = [after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]];
      const factor = before.length > 0 ? after.length / before.length : 1;
      onLook((look) => zoomAt(pan(look, step, pane, picture), factor, after.middle, pane, picture));
    };
    const up = (event: PointerEvent): void => void pointers.delete(event.pointerId);
    target.addEventListener("wheel", wheel, { passive: false });
    target.addEventListener("pointerdown", down);
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up);
    target.addEventListener("pointercancel", up);
    return () => {
      target.removeEventListener("wheel", wheel);
      target.removeEventListener("pointerdown", down);
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", up);
      target.removeEventListener("pointercancel", up);
    };
  }, [element, pane, picture, onLook]);
}

/** The middle of one or two fingers, and how far apart they are. */
function spanOf(points: readonly Point[]): { readonly middle: Point; readonly length: number } {
  const [[ax, ay] = [0, 0], [bx, by] = [ax, ay]] = points;
  return { middle: [(ax + bx) / 2, (ay + by) / 2], length: Math.hypot(bx - ax, by - ay) };
}

/** How large the pixels of a picture are on the screen, in percent. */
export function percentOf(look: Look, pane: Size, picture: Size): number {
  return scaleOf(look, pane, picture) * devicePixelRatio * 100;
}
