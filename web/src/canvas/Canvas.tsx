/** The canvas: React Flow holds the camera; the fabric draws what is below the nodes; gestures turn into edits. */

import { ReactFlow, ReactFlowProvider, useKeyPress, useReactFlow, ViewportPortal } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import {
  type DragEvent,
  type MouseEvent,
  type PointerEvent,
  type TouchEvent,
  useEffect,
  useLayoutEffect,
  useRef,
} from "react";
import { useCatalogue } from "../store/catalogue";
import { useShell } from "../store/shell";
import { activeTab, scopeOf, useTabs } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { pictureIn } from "../widgets/dropped";
import { AddNode } from "./AddNode";
import { dropOnCanvas, NODE_DRAG } from "./adding";
import { addPicture } from "./addPicture";
import "./canvas.css";
import "./frames.css";
import "./nodes.css";
import "./nodeStates.css";
import "./ports.css";
import "./results.css";
import "./finder.css";
import { ContextMenu } from "./ContextMenu";
import { keepCanvasActions } from "./canvasActions";
import { notePointer } from "./chosen";
import { EmptyHint } from "./EmptyHint";
import { Fabric } from "./Fabric";
import { Find } from "./Find";
import { Frames } from "./Frames";
import type { Camera } from "./fabric";
import { Minimap } from "./Minimap";
import { keepMounted } from "./mounting";
import { NodeSlot } from "./NodeCard";
import { Notes } from "./Notes";
import { Overlay } from "./Overlay";
import { menuOnGround, pressGround } from "./pressing";
import { SelectionBar } from "./SelectionBar";
import { pinAt, threadAt } from "./scene";
import { keepScene } from "./sceneKeeper";
import { CONTROLS, FAR, stage, useStage, worldOf, ZOOM_RANGE } from "./stage";
import { fingerDown, fingersTaken, touchAnswered } from "./touch";
import { cameraTaken, centreOn, fitAll, setMover } from "./viewport";
import { ZoomBar } from "./ZoomBar";

const NOTHING: never[] = [];

export function Canvas() {
  return (
    <ReactFlowProvider>
      <CanvasBody />
    </ReactFlowProvider>
  );
}

/** Cameras of the graphs that were looked at, so that a tab comes back as it was left. */
const cameras = new Map<string, Camera>();

/** The graph on the canvas, by name. */
function useView(): string {
  return useTabs((state) => {
    const tab = activeTab(state);
    return tab === undefined ? "" : `${tab.id} ${scopeOf(tab) ?? ""}`;
  });
}

function useCamera(): void {
  const view = useView();
  const { setViewport, viewportInitialized } = useReactFlow();
  useLayoutEffect(() => {
    setMover((viewport, options) => void setViewport(viewport, options));
    return () => setMover(undefined);
  }, [setViewport]);
  useLayoutEffect(() => {
    // Until then React Flow moves nothing, as when the canvas comes back after a form.
    if (!viewportInitialized) return undefined;
    const known = cameras.get(view);
    if (known) void setViewport(known);
    else fitAll(false);
    // What nodes look like is known only with the catalogue: an untouched view is fitted once more.
    const fitted = stage.getState().camera;
    const stop = useCatalogue.subscribe(({ state }, before) => {
      if (state === before.state || known) return;
      if (sameCamera(stage.getState().camera, fitted)) fitAll(false);
    });
    return () => {
      stop();
      cameras.set(view, stage.getState().camera);
    };
  }, [view, setViewport, viewportInitialized]);
}

function sameCamera(one: Camera, other: Camera): boolean {
  return one.x === other.x && one.y === other.y && one.zoom === other.zoom;
}

/** Brings a node into view when another part of the editor asks for it. */
function useReveal(): void {
  const reveal = useShell((state) => state.reveal);
  useEffect(() => {
    if (reveal) centreOn(reveal.node);
  }, [reveal]);
}

function useSize() {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const read = (): void => {
      if (element.current === null) return;
      const { left, top, width, height } = element.current.getBoundingClientRect();
      stage.setState({ left, top, width, height });
    };
    const observer = new ResizeObserver(read);
    if (element.current) observer.observe(element.current);
    window.addEventListener("resize", read);
    read();
    return () => {
      observer.disconnect();
      window.removeEventListener("resize", read);
    };
  }, []);
  return element;
}

function CanvasBody() {
  const element = useSize();
  const claimed = useRef(false);
  const waiting = useCatalogue(({ state }) => state === "loading");
  useLayoutEffect(keepScene, []);
  useCamera();
  useReveal();
  useEffect(keepMounted, []);
  useEffect(keepCanvasActions, []);
  const hand = useKeyPress("Space");

  const onGround = (target: EventTarget): boolean =>
    target instanceof Element && target.classList.contains("react-flow__pane");

  const press = (event: PointerEvent): void => {
    const { left, top } = element.current?.getBoundingClientRect() ?? { left: 0, top: 0 };
    if (left !== stage.getState().left || top !== stage.getState().top) stage.setState({ left, top });
    if (fingerDown(event.nativeEvent)) {
      event.stopPropagation();
      return;
    }
    if (hand) {
      // Whatever is under it, the camera moves.
      claimed.current = false;
      event.stopPropagation();
      return;
    }
    claimed.current = onGround(event.target) && pressGround(event.nativeEvent);
    if (onGround(event.target)) (document.activeElement as HTMLElement | null)?.blur();
  };
  // React Flow's own listeners would move the camera: a press that is ours stops here.
  const guard = (event: { stopPropagation: () => void }): void => {
    if (claimed.current) event.stopPropagation();
  };
  const guardTouch = (event: { stopPropagation: () => void }): void => {
    if (claimed.current || fingersTaken()) event.stopPropagation();
  };
  const late = (event: MouseEvent | TouchEvent): void => {
    if (!event.nativeEvent.isTrusted || !touchAnswered()) return;
    event.preventDefault();
    if (event.type === "contextmenu") event.stopPropagation();
  };
  const hover = (event: PointerEvent): void => {
    const { camera, scene, pending, shift, hot } = stage.getState();
    notePointer(worldOf(event));
    if (event.buttons !== 0 || pending || shift) return;
    const at = worldOf(event);
    const over = onGround(event.target) && camera.zoom >= FAR;
    const next = over
      ? (pinAt(scene, at, 9 / camera.zoom)?.thread ?? threadAt(scene, at, 7 / camera.zoom)?.thread)?.key
      : undefined;
    if (next !== hot) stage.setState({ hot: next });
  };
  const open = (event: MouseEvent): void => {
    if (!onGround(event.target)) return;
    stage.setState({ adding: { at: worldOf(event), screen: [event.clientX, event.clientY] } });
  };
  const over = (event: DragEvent): void => {
    const { types } = event.dataTransfer;
    if (types.includes(NODE_DRAG) || types.includes("text/uri-list")) event.preventDefault();
  };

  const drop = (event: DragEvent): void => {
    dropOnCanvas(event);
    // Files are taken by the page, which looks for a workflow in them first.
    if (event.defaultPrevented || event.dataTransfer.types.includes("Files")) return;
    const picture = pictureIn(event.dataTransfer);
    if (picture === undefined) return;
    event.preventDefault();
    void addPicture(picture, { clientX: event.clientX, clientY: event.clientY });
  };

  return (
    <section
      ref={element}
      className="canvas"
      aria-label={canvasTexts.canvas}
      aria-busy={waiting}
      data-hand={hand || undefined}
      onPointerDownCapture={press}
      onMouseDownCapture={guard}
      onTouchStartCapture={guardTouch}
      onTouchMoveCapture={guardTouch}
      onTouchEndCapture={late}
      onContextMenuCapture={late}
      onPointerMove={hover}
      onPointerLeave={() => notePointer(undefined)}
      onDoubleClick={open}
      onContextMenu={(event) => onGround(event.target) && menuOnGround(event.nativeEvent)}
      onDragOver={over}
      onDrop={drop}
    >
      <Fabric />
      <ReactFlow
        nodes={NOTHING}
        edges={NOTHING}
        {...ZOOM_RANGE}
        defaultViewport={stage.getState().camera}
        panOnDrag={[0, 1]}
        noPanClassName={hand ? "never" : "nopan"}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        deleteKeyCode={null}
        zoomOnDoubleClick={false}
        nodesDraggable={false}
        nodesConnectable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        proOptions={{ hideAttribution: true }}
        onMoveStart={(event) => {
          if (event) cameraTaken();
          element.current?.setAttribute("data-moving", "");
        }}
        onMove={(_, camera) => stage.setState({ camera })}
        onMoveEnd={() => element.current?.removeAttribute("data-moving")}
        onPaneContextMenu={(event) => event.preventDefault()}
      >
        <ViewportPortal>
          <Frames />
          <Notes />
          <NodeLayer />
        </ViewportPortal>
      </ReactFlow>
      <Overlay />
      <EmptyHint />
      <Find />
      <SelectionBar />
      <ZoomBar />
      <Minimap />
      <AddNode />
      <ContextMenu />
    </section>
  );
}

function NodeLayer() {
  const mounted = useStage((state) => state.mounted);
  const wiring = useStage((state) => state.pending !== undefined);
  const near = useStage((state) => state.camera.zoom >= CONTROLS);
  return (
    <div className="nodes" data-wiring={wiring || undefined} data-near={near || undefined}>
      {[...mounted].map((id) => (
        <NodeSlot key={id} id={id} />
      ))}
    </div>
  );
}
