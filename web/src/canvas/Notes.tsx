/** Notes on the canvas: plain text, moved by its edge, written in place. */

import { type CSSProperties, useState } from "react";
import { changeNote } from "../commands/frames";
import type { Note } from "../documents/types";
import { activeGraph, edit, seal, undo, useTabs } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { freshGesture } from "../widgets/props";
import { hueNamed } from "./dyes";
import { openMenuAt } from "./menu";
import { follow } from "./pointer";
import { FAR, useStage, worldOf } from "./stage";
import { useTheme } from "./theme";

export function Notes() {
  const notes = useTabs((state) => activeGraph(state).notes);
  const far = useStage((state) => state.camera.zoom < FAR);
  if (far) return null;
  return Object.entries(notes).map(([id, note]) => <NoteCard key={id} id={id} note={note} />);
}

function NoteCard({ id, note }: { id: string; note: Note }) {
  const theme = useTheme();
  const [writing, setWriting] = useState(false);
  const hue = hueNamed(note.color ?? "weld", theme);
  const place = {
    transform: `translate(${note.x}px, ${note.y}px)`,
    width: note.width,
    height: note.height,
    "--hue": hue,
  } as CSSProperties;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the text in it is reached and changed by key
    <div
      className="note nopan react-flow__node"
      style={place}
      onPointerDown={(event) => {
        if (event.button === 0 && !writing) drag(id, note, "move", event.nativeEvent);
      }}
      onDoubleClick={() => setWriting(true)}
      onContextMenu={(event) => openMenuAt(event.nativeEvent, { kind: "note", id })}
    >
      {writing ? (
        <textarea
          className="note__text nowheel"
          aria-label={canvasTexts.note}
          // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
          autoFocus
          defaultValue={note.text}
          onBlur={(event) => {
            edit(changeNote(id, { text: event.currentTarget.value }));
            setWriting(false);
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
            event.stopPropagation();
          }}
        />
      ) : (
        <button
          type="button"
          className="note__text"
          onFocus={(event) => event.currentTarget.matches(":focus-visible") && setWriting(true)}
        >
          {note.text || <span className="muted">{canvasTexts.noteHint}</span>}
        </button>
      )}
      <span
        className="note__corner"
        aria-hidden="true"
        onPointerDown={(event) => {
          event.stopPropagation();
          if (event.button === 0) drag(id, note, "size", event.nativeEvent);
        }}
      />
    </div>
  );
}

function drag(id: string, note: Note, what: "move" | "size", event: PointerEvent): void {
  const start = worldOf(event);
  const gesture = freshGesture("note");
  let changed = false;
  follow(event.pointerId, {
    move: (next) => {
      const [x, y] = worldOf(next);
      const [dx, dy] = [Math.round(x - start[0]), Math.round(y - start[1])];
      if (!changed && Math.abs(dx) + Math.abs(dy) < 3) return;
      changed = true;
      const moved = { x: note.x + dx, y: note.y + dy };
      const sized = { width: Math.max(120, note.width + dx), height: Math.max(48, note.height + dy) };
      edit(changeNote(id, what === "move" ? moved : sized, gesture));
    },
    up: seal,
    cancel: () => {
      seal();
      if (changed) undo();
    },
  });
}
