/** The titles and corners of frames; their fields are drawn on the fabric. */

import { type CSSProperties, useState } from "react";
import { changeFrame } from "../commands/frames";
import type { Frame } from "../documents/types";
import { activeGraph, edit, seal, undo, useTabs } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { freshGesture } from "../widgets/props";
import { hueNamed } from "./dyes";
import { openMenuAt } from "./menu";
import { follow } from "./pointer";
import { pressFrame } from "./pressing";
import { FAR, useStage, worldOf } from "./stage";
import { useTheme } from "./theme";

export function Frames() {
  const frames = useTabs((state) => activeGraph(state).frames);
  const far = useStage((state) => state.camera.zoom < FAR);
  if (far) return null;
  return Object.entries(frames).map(([id, frame]) => <FrameTitle key={id} id={id} frame={frame} />);
}

function FrameTitle({ id, frame }: { id: string; frame: Frame }) {
  const theme = useTheme();
  const [naming, setNaming] = useState(false);
  const shift = useStage((state) => (state.shift?.frame === id ? state.shift : undefined));
  const [dx, dy] = [shift?.dx ?? 0, shift?.dy ?? 0];
  const hue = hueNamed(frame.color, theme);
  const place: CSSProperties = {
    transform: `translate(${frame.x + dx}px, ${frame.y + dy}px)`,
    width: frame.width,
  };
  return (
    <div
      className="frame nopan react-flow__node"
      style={{ ...place, ...(hue ? { "--hue": hue } : {}) } as CSSProperties}
    >
      {naming ? (
        <input
          className="frame__input"
          aria-label={canvasTexts.renameFrame}
          // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
          autoFocus
          defaultValue={frame.title}
          onFocus={(event) => event.currentTarget.select()}
          onBlur={(event) => {
            edit(changeFrame(id, { title: event.currentTarget.value }));
            setNaming(false);
          }}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Enter") event.currentTarget.blur();
            if (event.key === "Escape") setNaming(false);
          }}
        />
      ) : (
        <button
          type="button"
          className="frame__title"
          onPointerDown={(event) => event.button === 0 && pressFrame(id, event.nativeEvent)}
          onDoubleClick={() => setNaming(true)}
          onContextMenu={(event) => openMenuAt(event.nativeEvent, { kind: "frame", id })}
          onKeyDown={(event) => {
            if (event.key !== "Enter" && event.key !== "F2") return;
            event.preventDefault();
            setNaming(true);
          }}
        >
          {frame.title || canvasTexts.frame}
        </button>
      )}
      <span
        className="frame__corner"
        style={{ left: frame.width, top: frame.height }}
        aria-hidden="true"
        onPointerDown={(event) => event.button === 0 && pressCorner(id, frame, event.nativeEvent)}
      />
    </div>
  );
}

function pressCorner(id: string, frame: Frame, event: PointerEvent): void {
  const start = worldOf(event);
  const gesture = freshGesture("frame");
  let changed = false;
  follow(event.pointerId, {
    move: (next) => {
      const [x, y] = worldOf(next);
      const width = Math.max(120, Math.round(frame.width + x - start[0]));
      const height = Math.max(80, Math.round(frame.height + y - start[1]));
      changed = true;
      edit(changeFrame(id, { width, height }, gesture));
    },
    up: seal,
    cancel: () => {
      seal();
      if (changed) undo();
    },
  });
}
