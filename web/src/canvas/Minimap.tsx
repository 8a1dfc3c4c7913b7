/** The whole graph in a corner; a press moves the camera there. */

import { type PointerEvent, useEffect, useRef } from "react";
import { useSettings } from "../store/settings";
import { activeGraph } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { selectionOf } from "./current";
import { hueNamed, hueOf } from "./dyes";
import { visibleBox } from "./fabric";
import { palette } from "./palette";
import { onRunChange, stateOf } from "./running";
import { stage } from "./stage";
import { onThemeChange } from "./theme";
import { type Box, union } from "./threads";
import { lookAt } from "./viewport";

const WIDTH = 184;
const HEIGHT = 120;

export function Minimap() {
  const shown = useSettings((state) => state.minimap);
  return shown ? <GraphMap /> : null;
}

/** What the map shows: all nodes and the viewport. */
function extent(): Box {
  const { scene, camera, width, height } = stage.getState();
  const all = union([...scene.placed.values(), visibleBox(camera, width, height)]);
  return all ?? { x: 0, y: 0, width: 1, height: 1 };
}

function fitted(box: Box): { scale: number; left: number; top: number } {
  const scale = Math.min((WIDTH - 12) / box.width, (HEIGHT - 12) / box.height);
  return {
    scale,
    left: (WIDTH - box.width * scale) / 2 - box.x * scale,
    top: (HEIGHT - box.height * scale) / 2 - box.y * scale,
  };
}

function draw(element: HTMLCanvasElement): void {
  const pen = element.getContext("2d");
  if (pen === null) return;
  const ratio = window.devicePixelRatio || 1;
  if (element.width !== WIDTH * ratio) {
    element.width = WIDTH * ratio;
    element.height = HEIGHT * ratio;
  }
  const { colour, theme } = palette();
  const { scene, camera, width, height } = stage.getState();
  const { scale, left, top } = fitted(extent());
  const { view, frames } = activeGraph();
  const selected = selectionOf();
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, WIDTH, HEIGHT);
  const rect = (box: Box): [number, number, number, number] => [
    box.x * scale + left,
    box.y * scale + top,
    Math.max(box.width * scale, 1.5),
    Math.max(box.height * scale, 1.5),
  ];
  for (const frame of Object.values(frames)) {
    pen.globalAlpha = 0.15;
    pen.fillStyle = hueNamed(frame.color, theme) ?? colour["text-3"];
    pen.fillRect(...rect(frame));
  }
  for (const placed of scene.placed.values()) {
    const state = stateOf(placed.id);
    const loud = selected.has(placed.id) || state === "running";
    pen.globalAlpha = loud ? 1 : 0.6;
    pen.fillStyle =
      state === "failed"
        ? colour.danger
        : loud
          ? colour.accent
          : mapHue(view[placed.id]?.color, placed.spec.category);
    pen.fillRect(...rect(placed));
  }
  pen.globalAlpha = 1;
  pen.lineWidth = 1.5;
  pen.strokeStyle = colour["text-2"];
  pen.strokeRect(...rect(visibleBox(camera, width, height)));

  function mapHue(own: string | undefined, category: string): string {
    return hueNamed(own, theme) ?? hueOf(category, theme);
  }
}

function GraphMap() {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let frame = 0;
    const ask = (): void => {
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        if (element.current) draw(element.current);
      });
    };
    const stops = [
      stage.subscribe((state, before) => {
        if (state.camera !== before.camera || state.scene !== before.scene || state.width !== before.width)
          ask();
      }),
      onRunChange(ask),
      onThemeChange(ask),
    ];
    ask();
    return () => {
      cancelAnimationFrame(frame);
      for (const stop of stops) stop();
    };
  }, []);

  const go = (event: PointerEvent<HTMLCanvasElement>): void => {
    if (event.buttons === 0) return;
    const box = event.currentTarget.getBoundingClientRect();
    const { scale, left, top } = fitted(extent());
    lookAt([(event.clientX - box.left - left) / scale, (event.clientY - box.top - top) / scale]);
  };
  return (
    <canvas
      ref={element}
      className="minimap"
      style={{ width: WIDTH, height: HEIGHT }}
      role="img"
      aria-label={canvasTexts.minimap}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        go(event);
      }}
      onPointerMove={go}
    />
  );
}
