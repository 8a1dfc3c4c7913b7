/** One input of a node in full: its control or its wire, and what can be done with it. */

import { Cable, ClipboardList, Grid3x3, LogIn, RotateCcw } from "lucide-react";
import type { InputSpec } from "../catalogue/types";
import { addFields, isOnForm, removeField } from "../commands/form";
import { offerInput } from "../commands/subgraphPorts";
import { resetValue, setSeedMode, setValue } from "../commands/values";
import { isInputRef, literalOf, sourcesOf } from "../documents/inputs";
import type { InputValue, NodeId, WorkflowNode } from "../documents/types";
import { useDocument, useDocumentId, useGraph, useNodeView, useScope } from "../store/current";
import { useLedger } from "../store/ledger";
import { revealNode, showDialog } from "../store/shell";
import { edit, seal, select } from "../store/tabs";
import { formTexts } from "../texts/form";
import { texts } from "../texts/panels";
import { subgraphTexts } from "../texts/subgraphs";
import { sweepTexts } from "../texts/sweep";
import { wireTexts } from "../texts/wires";
import { Control } from "../widgets/Control";
import { emptyValue } from "../widgets/kinds";
import { ago } from "./format";
import { IconButton } from "./Pieces";

interface InputRowProps {
  readonly id: NodeId;
  readonly node: WorkflowNode;
  readonly input: InputSpec;
}

export function InputRow({ id, node, input }: InputRowProps) {
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
