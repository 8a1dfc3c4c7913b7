/** A node on the canvas: its head, its rows, its ports, and how it fares in the run. */

import { Ban, Boxes, ChevronRight, CircleAlert, Ghost, Layers2, TriangleAlert, Zap } from "lucide-react";
import { type CSSProperties, memo, type PointerEvent, useEffect, useRef } from "react";
import type { Problem } from "../api/types";
import { setNodeTitle } from "../commands/nodes";
import type { NodeId } from "../documents/types";
import type { NodeRun } from "../runs/types";
import { useNodeView, useSelected } from "../store/current";
import { edit, select } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { pressNode } from "./dragging";
import { hueNamed, hueOf } from "./dyes";
import { openMenuAt } from "./menu";
import { NodePicture } from "./NodePicture";
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
    transform: `translate(${placed.x}px, ${placed.y}px)`,
    width: placed.width,
    height: placed.height,
    zIndex: selected ? 2 : 1,
  };
  return (
    <div className="slot" style={place}>
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
          case "picture":
            return (
              <div key={row.y} className="node__picture" style={place}>
                <NodePicture run={run} height={row.height} title={title} />
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

interface HeadProps extends Pick<Placed, "id" | "spec" | "node"> {
  readonly title: string;
  readonly run: NodeRun | undefined;
  readonly problems: readonly Problem[] | undefined;
}

function Head({ id, title, spec, node, run, problems }: HeadProps) {
  const naming = useStage((state) => state.naming === id);
  return (
    <div className="node__head" title={spec.summary}>
      {naming ? (
        <TitleInput id={id} title={title} />
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: F2 does the same by key
        <span className="node__title" onDoubleClick={() => stage.setState({ naming: id })}>
          {title}
        </span>
      )}
      {spec.kind === "ghost" && <Ghost size={13} aria-label={canvasTexts.missingNode} />}
      {spec.kind === "subgraph" && <Boxes size={13} aria-hidden="true" />}
      {node.mode === "mute" && <Ban size={13} aria-label={canvasTexts.muted} />}
      {node.mode === "bypass" && <ChevronRight size={14} aria-label={canvasTexts.bypassed} />}
      {problems !== undefined && run?.state !== "running" && <ProblemMark problems={problems} />}
      <RunMark run={run} />
      {run?.state === "running" && run.max > 0 && (
        <span
          className="node__progress"
          style={{ "--done": `${(run.value / run.max) * 100}%` } as CSSProperties}
        />
      )}
      {run?.state === "running" && run.max <= 0 && <span className="node__progress node__progress--open" />}
    </div>
  );
}

/** What stands in the way of a run, before it is tried. */
function ProblemMark({ problems }: { problems: readonly Problem[] }) {
  const text = problems.map(({ message, hint }) => `${message} ${hint}`).join("\n");
  const error = problems.some(({ severity }) => severity === "error");
  return (
    <span className={error ? "tone-danger" : "tone-warning"} title={text} role="img" aria-label={text}>
      {error ? <CircleAlert size={13} /> : <TriangleAlert size={13} />}
    </span>
  );
}

function seconds(value: number): string {
  if (value < 0.995) return `${Math.max(1, Math.round(value * 1000))} ms`;
  return value < 60 ? `${value.toFixed(1)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

function RunMark({ run }: { run: NodeRun | undefined }) {
  switch (run?.state) {
    case "running":
      return (
        <span className="node__mark node__mark--running">{run.max > 1 ? `${run.value}/${run.max}` : ""}</span>
      );
    case "done":
      return <span className="node__mark">{run.seconds === null ? "" : seconds(run.seconds)}</span>;
    case "cached":
      return (
        <span className="node__mark" title={canvasTexts.cached}>
          <Layers2 size={12} aria-label={canvasTexts.cached} />
        </span>
      );
    case "waiting":
      return <Zap size={11} className="node__mark node__mark--waiting" aria-label={canvasTexts.waiting} />;
    case "failed":
      return <CircleAlert size={13} className="node__mark node__mark--failed" aria-hidden="true" />;
    default:
      return null;
  }
}

function TitleInput({ id, title }: { id: NodeId; title: string }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const close = (value: string | undefined): void => {
    if (value !== undefined && value !== title) edit(setNodeTitle(id, value));
    stage.setState({ naming: undefined });
  };
  return (
    <input
      ref={field}
      className="node__title-input"
      aria-label={canvasTexts.renameNode}
      defaultValue={title}
      onBlur={(event) => close(event.currentTarget.value)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") close(undefined);
      }}
    />
  );
}

/** What went wrong, in a sentence with what to do; or the live preview of a node that is at work. */
function Footer({ run }: { run: NodeRun | undefined }) {
  if (run === undefined) return null;
  if (run.problem) {
    return (
      <div className="node__callout node__callout--error" data-interactive>
        <CircleAlert size={14} aria-hidden="true" />
        <p>
          {run.problem.message} {run.problem.hint && <span className="node__hint">{run.problem.hint}</span>}
        </p>
      </div>
    );
  }
  const [warning] = run.warnings;
  if (warning) {
    return (
      <div className="node__callout node__callout--warning" data-interactive>
        <TriangleAlert size={14} aria-hidden="true" />
        <p>
          {warning.message} {warning.hint && <span className="node__hint">{warning.hint}</span>}
        </p>
      </div>
    );
  }
  if (run.preview && run.state === "running") {
    return <img className="node__preview" src={run.preview} alt="" draggable={false} />;
  }
  return null;
}
