/** Moving the camera. React Flow owns it; this is the way to ask. */

import type { Viewport } from "@xyflow/react";
import type { NodeId, Point } from "../documents/types";
import type { Camera } from "./fabric";
import { cameraFor, heldZoom, stage, toWorld } from "./stage";
import { type Box, union } from "./threads";

type Mover = (viewport: Viewport, options?: { duration: number }) => void;

let mover: Mover | undefined;

export function setMover(next: Mover | undefined): void {
  mover = next;
}

/** Where a zoom by steps is going, so that steps in quick succession add up. */
let goal: number | undefined;

/** A hand has taken the camera: what it was going to is forgotten. */
export function cameraTaken(): void {
  goal = undefined;
}

export function moveCamera(camera: Camera, duration = 0): void {
  goal = undefined;
  mover?.(camera, duration > 0 ? { duration } : undefined);
}

const GLIDE = 220;

function showBox(box: Box | undefined, most: number, glide: boolean): void {
  if (box === undefined) return;
  const { width, height } = stage.getState();
  moveCamera(cameraFor(box, width, height, most), glide ? GLIDE : 0);
}

export function fitAll(glide = true): void {
  showBox(union([...stage.getState().scene.placed.values()]), 1, glide);
}

export function fitNodes(ids: Iterable<NodeId>): void {
  const { placed } = stage.getState().scene;
  const boxes = [...ids].flatMap((id) => placed.get(id) ?? []);
  showBox(union(boxes), 1.2, true);
}

/** Bring a node to the middle, near enough to read it. */
export function centreOn(id: NodeId): void {
  const { camera, width, height, scene } = stage.getState();
  const placed = scene.placed.get(id);
  if (placed === undefined) return;
  const zoom = Math.max(camera.zoom, 0.85);
  const x = width / 2 - (placed.x + placed.width / 2) * zoom;
  const y = height / 2 - (placed.y + placed.height / 2) * zoom;
  moveCamera({ x, y, zoom }, GLIDE);
}

/** Bring a place to the middle at once; the zoom is that which the camera is on its way to. */
export function lookAt([x, y]: Point): void {
  const { camera, width, height } = stage.getState();
  const zoom = goal ?? camera.zoom;
  moveCamera({ x: width / 2 - x * zoom, y: height / 2 - y * zoom, zoom });
}

/** Zoom about the middle of the canvas. */
export function zoomTo(zoom: number): void {
  const { camera, width, height } = stage.getState();
  const kept = heldZoom(zoom);
  const [x, y] = toWorld([width / 2, height / 2], camera);
  moveCamera({ x: width / 2 - x * kept, y: height / 2 - y * kept, zoom: kept }, 140);
  goal = kept;
}

export function zoomBy(factor: number): void {
  zoomTo((goal ?? stage.getState().camera.zoom) * factor);
}
