/** One node in full: name, mode, every input with its help, outputs with their sizes, the last run, what it is. */

import { Cable, ClipboardList, Grid3x3, LogIn, LogOut, RotateCcw } from "lucide-react";
import type { Problem } from "../api/types";
import { type Shape, shapeAt, shapeText } from "../catalogue/shapes";
import type { InputSpec, NodeSpec } from "../catalogue/types";
import { addFields, isOnForm, removeField } from "../commands/form";
import { setMode, setNodeTitle } from "../commands/nodes";
import { offerInput, offerOutput } from "../commands/subgraphPorts";
import { resetValue, setSeedMode, setValue } from "../commands/values";
import { isInputRef, literalOf, sourcesOf } from "../documents/inputs";
import type { InputValue, NodeId, NodeMode, WorkflowNode } from "../documents/types";
import { typedGraph } from "../store/catalogue";
import {
  useDocument,
  useDocumentId,
  useGraph,
  useNode,
  useNodeView,
  useScope,
  useSpec,
} from "../store/current";
import { useLedger } from "../store/ledger";
import { useNodeProblems, useNodeRun } from "../store/runs";
import { revealNode, showDialog } from "../store/shell";
import { edit, seal, select } from "../store/tabs";
import { formTexts } from "../texts/form";
import { texts } from "../texts/panels";
import { subgraphTexts } from "../texts/subgraphs";
import { sweepTexts } from "../texts/sweep";
import { wireTexts } from "../texts/wires";
import { Control } from "../widgets/Control";
import { emptyValue } from "../widgets/kinds";
import { ago, byteSize, duration } from "./format";
import { IconButton } from "./Pieces";

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

interface InputRowProps {
  readonly id: NodeId;
  readonly node: WorkflowNode;
  readonly input: InputSpec;
}

function InputRow({ id, node, input }: InputRowProps) {
  const held = node.inputs[input.name];
  const wired = sourcesOf(held).length > 0 || isInputRef(held);
  const changed = !wired && held !== undefined && input.default !== undefined;
  const inside = useScope() !== null;
  return (
    <div className="inspected">
      <div className="row">
        <span className="label" title={input.help}>
          {input.label}
        </span>
        <span className="spacer" />
        {changed && !input.socket && (
          <IconButton
            icon={RotateCcw}
            size={12}
            className="inspected__reset"
            label={`${texts.inspector.reset}: ${input.label}`}
            onClick={() => edit(resetValue(id, input.name))}
          />
        )}
        {inside && !wired && (
          <IconButton
            icon={LogIn}
            size={13}
            label={subgraphTexts.offerInput(input.label)}
            onClick={() => edit(offerInput(id, input.name, input.type, literalOf(held) ?? input.default))}
          />
        )}
        {!inside && !wired && !input.socket && (
          <>
            <IconButton
              icon={Grid3x3}
              size={13}
              label={sweepTexts.vary(input.label)}
              onClick={() => showDialog({ kind: "sweep", node: id, input: input.name })}
            />
            <OnForm id={id} input={input} />
          </>
        )}
        <IconButton
          icon={Cable}
          size={13}
          label={`${wireTexts.action} ${input.label}`}
          onClick={() =>
            showDialog({ kind: "wire", node: id, port: { node: id, side: "in", name: input.name } })
          }
        />
        <span className="hint">{input.type}</span>
      </div>
      {wired || input.socket ? (
        <Wired held={held} input={input} />
      ) : (
        <Literal id={id} input={input} held={held} />
      )}
      {input.help !== "" && <p className="hint">{input.help}</p>}
    </div>
  );
}

/** Puts an input on the form, or takes it off. */
function OnForm({ id, input }: { readonly id: NodeId; readonly input: InputSpec }) {
  const field = { node: id, input: input.name };
  const on = isOnForm(useDocument(), field);
  return (
    <IconButton
      icon={ClipboardList}
      size={13}
      aria-pressed={on}
      label={on ? formTexts.hide(input.label) : formTexts.show(input.label)}
      onClick={() => edit(on ? removeField(field) : addFields([field]))}
    />
  );
}

function Literal({
  id,
  input,
  held,
}: {
  readonly id: NodeId;
  readonly input: InputSpec;
  readonly held: InputValue | undefined;
}) {
  const seedMode = useNodeView(id)?.seeds?.[input.name];
  const isSeed = input.widget?.kind === "seed";
  return (
    <>
      <Control
        input={input}
        value={literalOf(held) ?? emptyValue(input)}
        label={input.label}
        compact={false}
        onChange={(value, gesture) =>
          edit(setValue(id, input.name, value, gesture === undefined ? {} : { gesture }))
        }
        onSettled={seal}
        random={seedMode === "random"}
        {...(isSeed
          ? { onRandom: (random: boolean) => edit(setSeedMode(id, input.name, random ? "random" : null)) }
          : {})}
      />
      {isSeed && <UsedSeeds id={id} input={input.name} />}
    </>
  );
}

const SEEDS_SHOWN = 8;

/** The ledger of this input: a seed that made a good picture is one click away. */
function UsedSeeds({ id, input }: { readonly id: NodeId; readonly input: string }) {
  const document = useDocumentId();
  const entries = useLedger((state) => state.entries);
  const mine = entries.filter(
    (entry) => entry.document === document && entry.node === id && entry.input === input,
  );
  if (mine.length === 0) return null;
  return (
    <details className="seeds">
      <summary className="hint">{texts.inspector.seeds}</summary>
      <ul className="list">
        {mine.slice(0, SEEDS_SHOWN).map((entry) => (
          <li key={entry.job}>
            <button
              type="button"
              className="list__item"
              title={texts.inspector.useSeed}
              onClick={() => edit(setValue(id, input, asSeed(entry.seed)))}
            >
              <span className="mono">{entry.seed}</span>
              <span className="spacer" />
              <span className="hint">{ago(entry.time)}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function asSeed(digits: string): number | bigint {
  const seed = BigInt(digits);
  return seed <= Number.MAX_SAFE_INTEGER ? Number(seed) : seed;
}

function Wired({ held, input }: { readonly held: InputValue | undefined; readonly input: InputSpec }) {
  const { nodes } = useGraph();
  const sources = sourcesOf(held);
  if (isInputRef(held)) return <p className="inspected__wire">{subgraphTexts.fed(held.input)}</p>;
  if (sources.length === 0) {
    return (
      <p className="inspected__wire muted">
        {texts.inspector.open}
        {input.required && ` · ${texts.inspector.required}`}
      </p>
    );
  }
  return sources.map(([node, output]) => (
    <button
      key={`${node}.${output}`}
      type="button"
      className="link inspected__wire"
      disabled={nodes[node] === undefined}
      onClick={() => {
        select([node]);
        revealNode(node);
      }}
    >
      {texts.inspector.wired(nodes[node]?.title ?? node, output)}
    </button>
  ));
}

function Outputs({ id, spec }: { readonly id: NodeId; readonly spec: NodeSpec }) {
  const shapes = useNodeRun(useDocumentId(), id)?.shapes ?? {};
  const inside = useScope() !== null;
  // Sizes follow from values anywhere upstream.
  useGraph();
  if (spec.outputs.length === 0) return null;
  return (
    <>
      <h3 className="list__heading">{texts.inspector.outputs}</h3>
      {spec.outputs.map((output) => (
        <div key={output.name} className="inspected">
          <div className="row">
            <span className="label">{output.label}</span>
            <span className="spacer" />
            <Size made={shapes[output.name]} foreseen={shapeAt(typedGraph(), [id, output.name])} />
            {inside && (
              <IconButton
                icon={LogOut}
                size={13}
                label={subgraphTexts.offerOutput(output.label)}
                onClick={() => edit(offerOutput(id, output.name, output.type))}
              />
            )}
            <span className="hint">{output.type}</span>
          </div>
          {output.help !== "" && <p className="hint">{output.help}</p>}
        </div>
      ))}
    </>
  );
}

/** The size that an output will have; where no rule tells, the one that it had in the last run. */
function Size({
  made,
  foreseen,
}: {
  readonly made: string | undefined;
  readonly foreseen: Shape | undefined;
}) {
  if (foreseen !== undefined)
    return (
      <span className="badge" title={texts.inspector.foreseen}>
        {shapeText(foreseen)}
      </span>
    );
  return made === undefined ? null : (
    <span className="badge" title={texts.inspector.last}>
      {made}
    </span>
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
