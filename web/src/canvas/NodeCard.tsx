/** A node on the canvas: its head, its rows, its ports, and how it fares in the run. */

import { type CSSProperties, memo, type PointerEvent } from "react";
import type { NodeId } from "../documents/types";
import type { NodeRun } from "../runs/types";
import { useNodeView, useSelected } from "../store/current";
import { select } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { pressNode } from "./dragging";
import { hueNamed, hueOf } from "./dyes";
import { openMenuAt } from "./menu";
import { Footer } from "./NodeFooter";
import { Head } from "./NodeHead";
import { NodeResult } from "./NodeResult";
import { PortDot } from "./PortDot";
import { pressResize } from "./resizing";
import { usePlanOf, useProblemsOf, useRunOf } from "./running";
import type { Placed } from "./scene";
import { stage, useStage } from "./stage";
import { useTheme } from "./theme";
import { WidgetRow } from "./WidgetRow";

interface SlotProps {
  readonly id: NodeId;
}

/** Keeps a node's card where the scene has it; the card itself does not wake while it is dragged. */
export function NodeSlot({ id }: SlotProps) {
  const placed = useStage((state) => state.scene.placed.get(id));
  const selected = useSelected(id);
  if (placed === undefined) return null;
  const place: CSSProperties = {
    // Not a transform: each would be a layer to be reckoned with in every frame.
    left: placed.x,
    top: placed.y,
    width: placed.width,
    height: placed.height,
    zIndex: selected ? 2 : 1,
  };
  return (
    // By this class React Flow knows a node, over which the middle button moves the camera too.
    <div className="slot react-flow__node" style={place}>
      <NodeCard id={id} node={placed.node} spec={placed.spec} shape={placed.shape} selected={selected} />
    </div>
  );
}

type CardProps = Pick<Placed, "id" | "node" | "spec" | "shape"> & { readonly selected: boolean };

/** Presses on these are their own business, not the start of a drag. */
const INTERACTIVE = "button, input, textarea, select, a, [role=spinbutton], [data-interactive]";

const NodeCard = memo(function NodeCard({ id, node, spec, shape, selected }: CardProps) {
  const theme = useTheme();
  const view = useNodeView(id);
  const run = useRunOf(id);
  const problems = useProblemsOf(id);
  const fits = useStage((state) => state.pending?.fits.get(id));
  const aimed = useStage((state) => (state.pending?.target?.node === id ? state.pending.target : undefined));
  const wiring = useStage((state) => state.pending !== undefined);
  const own = wiring && stage.getState().pending?.from.node === id;
  const hue = hueNamed(view?.color, theme) ?? hueOf(spec.category, theme);
  const title = node.title ?? spec.title;

  const press = (event: PointerEvent<HTMLDivElement>): void => {
    const target = event.target as Element;
    // Dialogs that a control opens are elsewhere on the page, but their events come by here.
    if (event.button !== 0 || !event.currentTarget.contains(target) || target.closest(INTERACTIVE)) return;
    pressNode(id, event.nativeEvent);
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings a frame and a layout of its own
    <div
      className="node nopan"
      style={{ "--hue": hue } as CSSProperties}
      data-node={id}
      data-state={run?.state}
      data-problem={problems?.some(({ severity }) => severity === "error") ? "error" : undefined}
      data-mode={node.mode}
      data-kind={spec.kind}
      data-selected={selected || undefined}
      data-wiring={wiring ? (fits ? "fits" : own ? "own" : "unfit") : undefined}
      data-aimed={aimed ? true : undefined}
      data-collapsed={shape.collapsed || undefined}
      role="group"
      aria-roledescription="node"
      aria-label={spokenName(title, node.mode, run)}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: nodes are reached and moved by key
      tabIndex={0}
      onPointerDown={press}
      onFocus={(event) => {
        if (event.target === event.currentTarget && event.target.matches(":focus-visible")) select([id]);
      }}
      onContextMenu={(event) => {
        if (event.currentTarget.contains(event.target as Element))
          openMenuAt(event.nativeEvent, { kind: "node", id });
      }}
    >
      <Head {...{ id, title, spec, node, run, problems }} />
      {shape.rows.map((row) => {
        const place = { top: row.y, height: row.height };
        switch (row.kind) {
          case "sockets":
            return (
              <div key={row.y} className="node__sockets" style={place}>
                <span
                  className="node__port-name"
                  title={row.input?.help}
                  data-optional={row.input && !row.input.required ? true : undefined}
                >
                  {row.input?.label}
                </span>
                <span className="node__port-name" title={row.output?.help}>
                  {row.output?.label}
                </span>
              </div>
            );
          case "widget":
            return (
              <div key={row.y} className="node__widget" style={place}>
                <WidgetRow id={id} node={node} input={row.input} />
              </div>
            );
          case "result":
            return (
              <div key={row.y} className="node__result" style={place}>
                <NodeResult run={run} shows={row.shows} title={title} />
              </div>
            );
          default:
            return row satisfies never;
        }
      })}
      {[...shape.inputs.values()].map((port) => (
        <PortDot
          key={port.name}
          {...{ id, port, theme, width: shape.width }}
          fits={fits?.has(port.name) ?? false}
          aimed={aimed?.side === "in" && aimed.name === port.name}
          shy={!("socket" in port.spec && port.spec.socket) || shape.collapsed}
          wired={node.inputs[port.name] !== undefined && isWiredInput(node.inputs[port.name])}
        />
      ))}
      {[...shape.outputs.values()].map((port) => (
        <PortDot
          key={port.name}
          {...{ id, port, theme, width: shape.width }}
          fits={fits?.has(port.name) ?? false}
          aimed={aimed?.side === "out" && aimed.name === port.name}
          shy={shape.collapsed}
          wired
        />
      ))}
      {!shape.collapsed && (
        <span
          className="node__resize"
          data-interactive
          aria-hidden="true"
          onPointerDown={(event) => event.button === 0 && pressResize(id, spec, shape, event.nativeEvent)}
        />
      )}
      <Footer run={run} />
      <Foresight id={id} />
    </div>
  );
});

/** While the pointer is on the run button: what the next run would compute, and what it would leave as it is. */
function Foresight({ id }: SlotProps) {
  const shown = useStage((state) => state.foreseeing);
  return shown ? <Veil id={id} /> : null;
}

function Veil({ id }: SlotProps) {
  const plan = usePlanOf(id);
  return plan === undefined ? null : <span className="node__veil" data-plan={plan} />;
}

function isWiredInput(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && ("link" in value || "links" in value || "input" in value)
  );
}

function spokenName(title: string, mode: string | undefined, run: NodeRun | undefined): string {
  const states = [
    mode === "mute" && canvasTexts.muted,
    mode === "bypass" && canvasTexts.bypassed,
    run?.problem?.message,
  ];
  return [title, ...states.filter((part) => typeof part === "string")].join(", ");
}
