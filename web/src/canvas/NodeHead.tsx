/** The head of a node: its title, its state, and how far it is. */

import { Ban, Boxes, ChevronRight, CircleAlert, Ghost, Layers2, TriangleAlert, Zap } from "lucide-react";
import { type CSSProperties, useEffect, useRef } from "react";
import type { Problem } from "../api/types";
import { setSubgraphTitle } from "../commands/document";
import type { Edit } from "../commands/edit";
import { setNodeTitle } from "../commands/nodes";
import { subgraphKey } from "../documents/inputs";
import type { NodeRun } from "../runs/types";
import { edit } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { decimal } from "../texts/figures";
import type { Placed } from "./scene";
import { stage, useStage } from "./stage";

interface HeadProps extends Pick<Placed, "id" | "spec" | "node"> {
  readonly title: string;
  readonly run: NodeRun | undefined;
  readonly problems: readonly Problem[] | undefined;
}

export function Head({ id, title, spec, node, run, problems }: HeadProps) {
  const naming = useStage((state) => state.naming === id);
  return (
    <div className="node__head" title={spec.summary}>
      {naming ? (
        <TitleInput
          title={title}
          rename={(value) => {
            const key = node.title === undefined && spec.kind === "subgraph" ? subgraphKey(node) : undefined;
            return key === undefined ? setNodeTitle(id, value) : setSubgraphTitle(key, value);
          }}
        />
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
  return value < 60 ? `${decimal(value, 1)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
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

interface TitleInputProps {
  readonly title: string;
  readonly rename: (title: string) => Edit;
}

function TitleInput({ title, rename }: TitleInputProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const close = (value: string | undefined): void => {
    if (value !== undefined && value !== title) edit(rename(value));
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
