/** What the canvas shows besides the document: camera, scene, gestures under way. It never reaches a file. */

import { createStore, useStore } from "zustand";
import type { NodeId, Point } from "../documents/types";
import type { Camera } from "./fabric";
import { EMPTY_SCENE, type PortAddress, type Scene, type Shift } from "./scene";
import type { Box } from "./threads";

/** A wire being drawn: it hangs from a port, and its other end follows the pointer. */
export interface Pending {
  readonly from: PortAddress;
  readonly type: string;
  readonly start: Point;
  readonly end: Point;
  /** The ports that it may end at, by node. */
  readonly fits: ReadonlyMap<NodeId, ReadonlySet<string>>;
  /** Where it would end now. */
  readonly target: PortAddress | undefined;
  /** Why it may not end where the pointer is. */
  readonly refusal: string | undefined;
}

/** The search for a new node: where it goes and what it is to be wired to. */
export interface Adding {
  readonly at: Point;
  readonly screen: Point;
  readonly from?: PortAddress;
  /** The loose wire, as it was let go. */
  readonly wire?: Pending;
  /** The wire that the new node goes into. */
  readonly thread?: string;
}

export interface Stage {
  readonly camera: Camera;
  /** Where the canvas is on the page, and how large. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly scene: Scene;
  readonly shift: Shift | undefined;
  readonly lasso: Box | undefined;
  readonly pending: Pending | undefined;
  readonly adding: Adding | undefined;
  /** The wire under the pointer, or the one that a dragged node would go into. */
  readonly hot: string | undefined;
  readonly mounted: ReadonlySet<NodeId>;
  /** A wire end that is in the air is not drawn where it was. */
  readonly lifted:
    | { readonly to: readonly [node: NodeId, input: string]; readonly index: number }
    | undefined;
  /** The node whose title is being typed. */
  readonly naming: NodeId | undefined;
  readonly finding: boolean;
  /** Nodes show what the next run would do with them. */
  readonly foreseeing: boolean;
}

export const stage = createStore<Stage>(() => ({
  camera: { x: 0, y: 0, zoom: 1 },
  left: 0,
  top: 0,
  width: 0,
  height: 0,
  scene: EMPTY_SCENE,
  shift: undefined,
  lasso: undefined,
  pending: undefined,
  adding: undefined,
  hot: undefined,
  mounted: new Set<NodeId>(),
  lifted: undefined,
  naming: undefined,
  finding: false,
  foreseeing: false,
}));

export function useStage<T>(pick: (state: Stage) => T): T {
  return useStore(stage, pick);
}

/** Below this, nodes have no elements: the fabric draws them. */
export const FAR = 0.4;
/** Below this, nodes have no form controls, not even under the pointer: what is too small to read is too small to set. */
export const CONTROLS = 0.55;

const LEAST_ZOOM = 0.05;
const MOST_ZOOM = 2.5;
export const ZOOM_RANGE = { minZoom: LEAST_ZOOM, maxZoom: MOST_ZOOM };

/** The zoom that is nearest to the one that is wanted. */
export function heldZoom(zoom: number): number {
  return Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, zoom));
}

export function toWorld([x, y]: Point, camera: Camera = stage.getState().camera): Point {
  return [(x - camera.x) / camera.zoom, (y - camera.y) / camera.zoom];
}

/** The place in the graph under a pointer. */
export function worldOf(event: { readonly clientX: number; readonly clientY: number }): Point {
  const { left, top } = stage.getState();
  return toWorld([event.clientX - left, event.clientY - top]);
}

export function toScreen([x, y]: Point, camera: Camera = stage.getState().camera): Point {
  return [x * camera.zoom + camera.x, y * camera.zoom + camera.y];
}

/** The camera that shows a box whole, with air around it. */
export function cameraFor(box: Box, width: number, height: number, most = 1): Camera {
  const air = Math.min(64, width * 0.06);
  const across = (width - air * 2) / Math.max(box.width, 1);
  const down = (height - air * 2) / Math.max(box.height, 1);
  const zoom = Math.min(most, heldZoom(Math.min(across, down)));
  return {
    x: width / 2 - (box.x + box.width / 2) * zoom,
    y: height / 2 - (box.y + box.height / 2) * zoom,
    zoom,
  };
}
