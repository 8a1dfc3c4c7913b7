/** One node in full: name, mode, every input with its help, outputs with their sizes, the last run, what it is. */

import type { Problem } from "../api/types";
import type { NodeSpec } from "../catalogue/types";
import { setMode, setNodeTitle } from "../commands/nodes";
import type { NodeId, NodeMode } from "../documents/types";
import { useDocumentId, useNode, useSpec } from "../store/current";
import { useNodeProblems, useNodeRun } from "../store/runs";
import { edit, seal } from "../store/tabs";
import { byteSize } from "../texts/figures";
import { texts } from "../texts/panels";
import { duration } from "./format";
import { InputRow } from "./InspectInput";
import { Outputs } from "./InspectOutputs";

export function NodeFacts({ id }: { readonly id: NodeId }) {
  const node = useNode(id);
  const spec = useSpec(id);
  const problems = useNodeProblems(useDocumentId(), id);
  if (node === undefined) return null;
  return (
    <>
      <label className="field-row">
        <span className="label">{texts.inspector.name}</span>
        <input
          className="field"
          value={node.title ?? ""}
          placeholder={spec.title}
          onChange={(event) => edit({ ...setNodeTitle(id, event.target.value), gesture: `title:${id}` })}
          onBlur={seal}
        />
      </label>
      <p className="inspector__id hint mono">
        {id} · {node.type}
      </p>
      {spec.kind === "ghost" && <p className="callout callout--warning">{texts.inspector.ghost}</p>}
      {spec.summary !== "" && <p className="inspector__summary">{spec.summary}</p>}
      <Mode id={id} mode={node.mode} />
      {problems.map((problem) => (
        <ProblemLine key={problem.code + problem.message} problem={problem} />
      ))}
      <LastRun id={id} />
      <h3 className="list__heading">{texts.inspector.inputs}</h3>
      {spec.inputs.map((input) => (
        <InputRow key={input.name} id={id} node={node} input={input} />
      ))}
      <Outputs id={id} spec={spec} />
      <About spec={spec} />
    </>
  );
}

function ProblemLine({ problem }: { readonly problem: Problem }) {
  return (
    <p className={`callout callout--${problem.severity === "error" ? "danger" : "warning"}`}>
      {problem.message}
      {problem.hint !== "" && <span className="hint"> {problem.hint}</span>}
    </p>
  );
}

const MODES: readonly (readonly [NodeMode | null, string])[] = [
  [null, texts.inspector.enabled],
  ["bypass", texts.inspector.bypass],
  ["mute", texts.inspector.mute],
];

function Mode({ id, mode }: { readonly id: NodeId; readonly mode: NodeMode | undefined }) {
  return (
    <fieldset className="setting">
      <legend className="visually-hidden">{texts.inspector.mode}</legend>
      <div className="segments">
        {MODES.map(([value, label]) => (
          <label key={label} className="segment">
            <input
              type="radio"
              name={`mode:${id}`}
              checked={(mode ?? null) === value}
              onChange={() => edit(setMode([id], value))}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function LastRun({ id }: { readonly id: NodeId }) {
  const run = useNodeRun(useDocumentId(), id);
  if (run === undefined) return null;
  const facts = [
    run.state === "cached" ? texts.inspector.cached : "",
    run.seconds === null ? "" : `${texts.inspector.time} ${duration(run.seconds)}`,
    run.peakBytes === null ? "" : `${texts.inspector.memory} ${byteSize(run.peakBytes)}`,
  ].filter((text) => text !== "");
  return (
    <>
      {facts.length > 0 && (
        <p className="hint">
          {texts.inspector.last}: {facts.join(" · ")}
        </p>
      )}
      {run.problem && <ProblemLine problem={run.problem} />}
      {run.warnings.map((warning) => (
        <ProblemLine key={warning.code + warning.message} problem={warning} />
      ))}
    </>
  );
}

function About({ spec }: { readonly spec: NodeSpec }) {
  if (spec.help === "" && spec.references.length === 0) return null;
  return (
    <>
      <h3 className="list__heading">{texts.inspector.help}</h3>
      {spec.help !== "" && <p className="inspector__help">{spec.help}</p>}
      {spec.references.map((reference) => (
        <p key={reference} className="hint">
          {reference}
        </p>
      ))}
    </>
  );
}
