/** Commands on frames and notes, and the question which nodes a frame holds. */

import type { Draft } from "immer";
import type { Frame, Graph, NodeId, Note } from "../documents/types";
import { editTexts } from "../texts/edits";
import type { Edit } from "./edit";
import type { Move } from "./nodes";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function addFrame(id: string, frame: Frame): Edit {
  return {
    label: editTexts.addFrame,
    recipe: (graph) => {
      graph.frames[id] = frame as Draft<Frame>;
    },
  };
}

export function changeFrame(id: string, change: Partial<Omit<Frame, "rest">>, gesture?: string): Edit {
  return {
    label: editTexts.changeFrame,
    ...(gesture === undefined ? {} : { gesture }),
    recipe: (graph) => {
      const frame = graph.frames[id];
      if (frame !== undefined) Object.assign(frame, change);
    },
  };
}

/** Moves a frame with the nodes that the caller found in it when the drag began. */
export function moveFrame(id: string, x: number, y: number, moves: readonly Move[], gesture?: string): Edit {
  return {
    label: editTexts.moveFrame,
    ...(gesture === undefined ? {} : { gesture }),
    recipe: (graph) => {
      const frame = graph.frames[id];
      if (frame !== undefined) Object.assign(frame, { x, y });
      for (const move of moves) {
        const view = graph.view[move.id];
        if (view !== undefined) Object.assign(view, { x: move.x, y: move.y });
      }
    },
  };
}

/** Takes the frame away; what stood in it stays. */
export function removeFrame(id: string): Edit {
  return {
    label: editTexts.deleteFrame,
    recipe: (graph) => {
      delete graph.frames[id];
    },
  };
}

/** The nodes that lie wholly in a frame. Sizes come from the canvas, which knows what it draws. */
export function nodesInFrame(
  graph: Graph,
  frame: Box,
  sizeOf: (id: NodeId) => { readonly width: number; readonly height: number },
): readonly NodeId[] {
  return Object.entries(graph.view)
    .filter(([id, { x, y }]) => {
      const { width, height } = sizeOf(id);
      const across = x >= frame.x && x + width <= frame.x + frame.width;
      return across && y >= frame.y && y + height <= frame.y + frame.height && id in graph.nodes;
    })
    .map(([id]) => id);
}

export function addNote(id: string, note: Note): Edit {
  return {
    label: editTexts.addNote,
    recipe: (graph) => {
      graph.notes[id] = note as Draft<Note>;
    },
  };
}

export function changeNote(id: string, change: Partial<Omit<Note, "rest">>, gesture?: string): Edit {
  return {
    label: editTexts.changeNote,
    ...(gesture === undefined ? {} : { gesture }),
    recipe: (graph) => {
      const note = graph.notes[id];
      if (note !== undefined) Object.assign(note, change);
    },
  };
}

export function removeNote(id: string): Edit {
  return {
    label: editTexts.deleteNote,
    recipe: (graph) => {
      delete graph.notes[id];
    },
  };
}
