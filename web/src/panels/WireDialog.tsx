/** Wiring by key: first the port of the node, then what it is wired to. */

import { Command } from "cmdk";
import { useState } from "react";
import { searchFor } from "../canvas/adding";
import { fittingPorts, inputSpec, outputSpec } from "../canvas/fitting";
import type { PortAddress } from "../canvas/scene";
import { join } from "../canvas/wiring";
import type { InputSpec, OutputSpec } from "../catalogue/types";
import { disconnect } from "../commands/wires";
import { sourcesOf } from "../documents/inputs";
import type { NodeId } from "../documents/types";
import { specOf } from "../store/catalogue";
import { activeGraph, edit } from "../store/tabs";
import { texts } from "../texts/panels";
import { wireTexts as t } from "../texts/wires";
import { PickDialog } from "./PickDialog";

interface WireDialogProps {
  readonly node: NodeId;
  /** Where the port is known already. */
  readonly port?: PortAddress;
}

export function nameOf(id: NodeId): string {
  return activeGraph().nodes[id]?.title ?? specOf(id).title;
}

export function WireDialog({ node, port: given }: WireDialogProps) {
  const [port, setPort] = useState(given);
  const [query, setQuery] = useState("");
  const title = port === undefined ? t.ports(nameOf(node)) : t.ends(labelOf(port), nameOf(node));
  return (
    <PickDialog title={title} placeholder={title} query={query} onQuery={setQuery}>
      {(act) =>
        port === undefined ? (
          <Ports
            node={node}
            onPick={(picked) => {
              setQuery("");
              setPort(picked);
            }}
          />
        ) : (
          <Ends port={port} act={act} />
        )
      }
    </PickDialog>
  );
}

function labelOf({ node, side, name }: PortAddress): string {
  const spec = side === "in" ? inputSpec(node, name) : outputSpec(node, name);
  return spec?.label ?? name;
}

function Ports({ node, onPick }: { readonly node: NodeId; readonly onPick: (port: PortAddress) => void }) {
  const { inputs, outputs } = specOf(node);
  // What can only be wired comes before values, which have controls too.
  const ordered = [...inputs.filter(({ socket }) => socket), ...inputs.filter(({ socket }) => !socket)];
  return (
    <>
      <PortGroup heading={texts.inspector.inputs} side="in" node={node} ports={ordered} onPick={onPick} />
      <PortGroup heading={texts.inspector.outputs} side="out" node={node} ports={outputs} onPick={onPick} />
    </>
  );
}

interface PortGroupProps {
  readonly heading: string;
  readonly side: "in" | "out";
  readonly node: NodeId;
  readonly ports: readonly (InputSpec | OutputSpec)[];
  readonly onPick: (port: PortAddress) => void;
}

function PortGroup({ heading, side, node, ports, onPick }: PortGroupProps) {
  if (ports.length === 0) return null;
  const held = activeGraph().nodes[node]?.inputs ?? {};
  return (
    <Command.Group heading={heading}>
      {ports.map(({ name, label, type }) => {
        const sources = side === "in" ? sourcesOf(held[name]) : [];
        return (
          <Command.Item
            key={name}
            value={`${side} ${name} ${label}`}
            className="menu__item"
            onSelect={() => onPick({ node, side, name })}
          >
            {label}
            <span className="menu__key">
              {sources.length > 0 ? t.from(sources.map(([from]) => nameOf(from)).join(", ")) : type}
            </span>
          </Command.Item>
        );
      })}
    </Command.Group>
  );
}

/** Ports are many in a large graph: the search finds the rest. */
const MOST = 300;

interface EndsProps {
  readonly port: PortAddress;
  readonly act: (work: () => void) => void;
}

function Ends({ port, act }: EndsProps) {
  const side = port.side === "out" ? "in" : "out";
  const held = sourcesOf(activeGraph().nodes[port.node]?.inputs[port.name]);
  const ends = [...fittingPorts(port)].flatMap(([node, names]) =>
    [...names].map((name): PortAddress => ({ node, side, name })),
  );
  return (
    <>
      <Command.Group heading={t.wireTo}>
        {ends.slice(0, MOST).map((end) => (
          <Command.Item
            key={`${end.node}.${end.name}`}
            value={`${nameOf(end.node)} ${labelOf(end)} ${end.node}.${end.name}`}
            className="menu__item"
            onSelect={() => act(() => join(port, end))}
          >
            {nameOf(end.node)}
            <span className="menu__key">{labelOf(end)}</span>
          </Command.Item>
        ))}
      </Command.Group>
      <Command.Group heading={t.else}>
        <Command.Item value={t.add} className="menu__item" onSelect={() => act(() => searchFor(port))}>
          {t.add}
        </Command.Item>
        {port.side === "in" &&
          held.map(([from], index) => (
            <Command.Item
              key={`${from}.${held.indexOf(held[index] as never)}`}
              value={`${t.disconnect(nameOf(from))} ${index}`}
              className="menu__item"
              onSelect={() => act(() => edit(disconnect({ node: port.node, input: port.name }, index)))}
            >
              {t.disconnect(nameOf(from))}
            </Command.Item>
          ))}
      </Command.Group>
    </>
  );
}
