/** Parts of the mask editor: its sliders, and the size of its picture. */

import { type CSSProperties, type RefObject, useEffect, useState } from "react";
import type { MaskImage } from "./mask";

const AIR = 32;

/** The size at which the picture fills the stage. */
export function usePaper(
  stage: RefObject<HTMLDivElement | null>,
  mask: MaskImage | undefined,
): CSSProperties {
  const [room, setRoom] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setRoom(entry.contentRect));
    if (stage.current) observer.observe(stage.current);
    return () => observer.disconnect();
  }, [stage]);
  if (mask === undefined) return { visibility: "hidden" };
  const scale = Math.min((room.width - AIR) / mask.width, (room.height - AIR) / mask.height);
  return {
    width: Math.max(1, mask.width * scale),
    height: Math.max(1, mask.height * scale),
    imageRendering: scale > 2 ? "pixelated" : "auto",
  };
}

interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly onChange: (value: number) => void;
}

export function Slider({ label, value, min, max, step = 1, onChange }: SliderProps) {
  return (
    <label className="mask-editor__slider">
      <span>{label}</span>
      <input
        type="range"
        {...{ value, min, max, step }}
        onChange={(event) => onChange(Number(event.currentTarget.value))}
      />
    </label>
  );
}
