/** What is wrong: before the run, and what the last run met. Each with its place and what to do. */

import { CircleAlert, CircleCheck, Crosshair, LoaderCircle, TriangleAlert, X } from "lucide-react";
import type { Problem } from "../api/types";
import { specOf } from "../store/catalogue";
import { useDocumentId, useGraph } from "../store/current";
import { useChecked, useProblems } from "../store/plan";
import { useDocumentRun } from "../store/runs";
import { revealNode, useShell } from "../store/shell";
import { select } from "../store/tabs";
import { texts } from "../texts/panels";
import { Empty, IconButton } from "./Pieces";

export function ProblemsPanel() {
  const problems = useProblems();
  const checked = useChecked();
  const run = useDocumentRun(useDocumentId());
  const ofRun = run?.problem ? [run.problem] : [];
  const count = (severity: Problem["severity"]) =>
    problems.filter((problem) => problem.severity === severity).length;
  return (
    <section className="panel problems" aria-label={texts.problems.title}>
      <div className="panel__header">
        <h2 className="panel__title">
          {texts.problems.title}
          <span className="hint problems__count" role="status">
            {texts.problems.counted(count("error"), count("warning"))}
          </span>
        </h2>
        <IconButton icon={X} label={texts.common.close} onClick={() => useShell.setState({ bottom: null })} />
      </div>
      <div className="panel__body">
        {problems.length + ofRun.length === 0 &&
          (checked ? (
            <Empty icon={CircleCheck} title={texts.problems.none} />
          ) : (
            <Empty icon={LoaderCircle} title={texts.problems.checking} />
          ))}
        <ul className="list">
          {problems.map((problem) => (
            <Item key={keyOf(problem)} problem={problem} />
          ))}
        </ul>
        {ofRun.length > 0 && (
          <>
            <h3 className="list__heading">{texts.problems.ofRun}</h3>
            <ul className="list">
              {ofRun.map((problem) => (
                <Item key={keyOf(problem)} problem={problem} />
              ))}
            </ul>
          </>
        )}
      </div>
    </section>
  );
}

function keyOf({ code, node, input, message }: Problem): string {
  return [code, node, input, message].join(" ");
}

function Item({ problem }: { readonly problem: Problem }) {
  const { nodes } = useGraph();
  const { node, severity, message, hint } = problem;
  const there = node === null ? undefined : nodes[node];
  const Icon = severity === "error" ? CircleAlert : TriangleAlert;
  const jump = () => {
    if (node === null) return;
    select([node]);
    revealNode(node);
  };
  return (
    <li>
      <button type="button" className="list__item problem" disabled={there === undefined} onClick={jump}>
        <Icon size={16} className={`problem__icon problem__icon--${severity}`} aria-hidden />
        <span className="node-item__text">
          <span>{message}</span>
          {hint !== "" && <span className="hint">{hint}</span>}
        </span>
        {there !== undefined && node !== null && (
          <span className="row problem__node">
            <span className="badge ellipsis">{there.title ?? specOf(node).title}</span>
            <Crosshair size={14} aria-label={texts.problems.jump} role="img" />
          </span>
        )}
      </button>
    </li>
  );
}
