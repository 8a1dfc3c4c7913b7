"""ComfyUI's workflow files (the page's own format, versions 0.4 and 1), read into ours.

Widget values are positional there, so an interface is needed to name them; links and groups,
subgraphs, notes, primitives, reroutes, muted and bypassed nodes all have a counterpart here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from server.engine.problems import Problem
from server.formats.comfy_layout import NOTES, frames_of, model_of, notes_of, view_of
from server.formats.comfy_scope import Scope
from server.formats.comfy_widgets import (
    SUBGRAPH_INPUT,
    Exposed,
    exposed_widgets,
    instance_values,
    led_widgets,
    own_interface,
    port_name,
    positional,
)
from server.formats.imported import Imported, literal, plain_ids
from server.formats.interfaces import Interface, Interfaces
from server.formats.lenient import Wire, is_whole, mapping, rows, text

__all__ = ["Imported", "from_workflow", "is_workflow"]

JSON = Any

MUTED, BYPASSED = 2, 4
DISSOLVED = ("Reroute", "PrimitiveNode")
"""Nodes of the page alone: what they bring goes straight to who reads it."""


def is_workflow(data: JSON) -> bool:
    """Tell ComfyUI's workflow file from other JSON."""
    return isinstance(data, dict) and isinstance(data.get("nodes"), list) and "links" in data


def from_workflow(data: dict[str, JSON], interfaces: Interfaces) -> Imported:
    """Translate a workflow file of ComfyUI's page; unknown nodes keep their ports and values."""
    definitions = {
        text(definition.get("id")): definition
        for definition in rows(mapping(data.get("definitions")).get("subgraphs"))
    }
    exposed = exposed_widgets([data, *definitions.values()], definitions)
    reader = _Reader(interfaces, definitions, exposed)
    workflow: dict[str, JSON] = {"format": 1, **reader.graph(Scope(data))}
    reader.read_subgraphs()
    if reader.subgraphs:
        workflow["subgraphs"] = reader.subgraphs
    models = [*rows(data.get("models")), *reader.models]
    if models:
        workflow["models"] = [model_of(model) for model in models]
    if reader.signatures:
        workflow["signatures"] = reader.signatures
    return Imported(workflow, tuple(reader.problems))


class _Reader:
    """One translation: what the graphs of a file share while it is read."""

    def __init__(
        self,
        interfaces: Interfaces,
        definitions: Mapping[str, dict[str, JSON]],
        exposed: Exposed,
    ) -> None:
        self.interfaces = interfaces
        self.definitions = definitions
        self.exposed = exposed
        self.led = {kind: led_widgets(definition) for kind, definition in definitions.items()}
        self.keys = plain_ids(list(definitions))
        self.results = {
            kind: [port_name(port) for port in rows(definition.get("outputs"))]
            for kind, definition in definitions.items()
        }
        self.wanted: list[str] = []
        self.known: set[str] = set()
        self.subgraphs: dict[str, JSON] = {}
        self.signatures: dict[str, JSON] = {}
        self.models: list[dict[str, JSON]] = []
        self.problems: list[Problem] = []

    def graph(self, scope: Scope) -> dict[str, JSON]:
        """Translate one graph: the file's own, or a subgraph's definition."""
        nodes: dict[str, JSON] = {}
        view: dict[str, JSON] = {}
        for name, raw in scope.raw.items():
            if text(raw.get("type")) not in (*NOTES, *DISSOLVED):
                nodes[scope.ids[name]] = self.node(raw, scope)
                view[scope.ids[name]] = view_of(raw)
        found: dict[str, JSON] = {"nodes": nodes | scope.added, "view": view | scope.places}
        sections = {"frames": frames_of(scope.data), "notes": notes_of(scope.data)}
        return {**found, **{name: part for name, part in sections.items() if part}}

    def node(self, raw: dict[str, JSON], scope: Scope) -> dict[str, JSON]:
        kind = text(raw.get("type"))
        self.models += rows(mapping(raw.get("properties")).get("models"))
        if kind in self.definitions:
            links = self.links(raw, scope, None)
            if kind not in self.known:
                self.known.add(kind)
                self.wanted.append(kind)
            values = instance_values(raw, self.exposed[kind], self.led[kind])
            links = {port_name({"name": name}): link for name, link in links.items()}
            kind = f"subgraph:{self.keys[kind]}"
        else:
            interface = self.interface(raw, scope)
            links = self.links(raw, scope, interface)
            if not interface.known:
                self.signatures[kind] = interface.signature()
            values = self.values(raw, interface, scope)
        for name, link in links.items():
            if isinstance(link, dict) and "input" in link and name in values:
                scope.defaults.setdefault(link["input"], _plain(values[name]))
        node: dict[str, JSON] = {"type": kind, "version": 1, "inputs": {**values, **links}}
        mode = raw.get("mode")
        if mode in (MUTED, BYPASSED):
            node["mode"] = "mute" if mode == MUTED else "bypass"
        if raw.get("title"):
            node["title"] = text(raw["title"])
        return node

    def interface(self, raw: dict[str, JSON], scope: Scope) -> Interface:
        name, kind = text(raw.get("id")), text(raw.get("type"))
        if name not in scope.interfaces:
            found = self.interfaces.find(kind) or own_interface(raw, kind)
            scope.interfaces[name] = found
        return scope.interfaces[name]

    def values(self, raw: dict[str, JSON], interface: Interface, scope: Scope) -> dict[str, JSON]:
        given = raw.get("widgets_values")
        if isinstance(given, dict):
            named = ((interface.input_of(name), value) for name, value in given.items())
            return {p.name: literal(value, p) for p, value in named if p and p.widget}
        found, left = positional(given if isinstance(given, list) else [], interface)
        if any(value is not None for value in left) and not _displays(interface):
            shown = ", ".join(repr(value)[:60] for value in left[:3])
            self.problems.append(
                Problem(
                    "import.values",
                    f"{len(left)} of the values of {interface.type} have no place here ({shown}).",
                    hint="Compare the node's values with the ones in the original.",
                    node=None if scope.inside else scope.ids[text(raw.get("id"))],
                    severity="warning",
                )
            )
        return found

    def links(
        self, raw: dict[str, JSON], scope: Scope, interface: Interface | None
    ) -> dict[str, JSON]:
        """Return what wires bring, by our names of inputs; an instance's stay as they are."""
        found: dict[str, JSON] = {}
        for port in rows(raw.get("inputs")):
            number, name = port.get("link"), text(port.get("name"))
            if not is_whole(number) or number not in scope.wires:
                continue
            source = self.source(scope.wires[number], scope)
            own = interface.input_of(name) if interface else None
            if source is None:
                continue
            if own is None or not own.many:
                found[own.name if own else name] = source
            else:
                wire = source if _is_link(source) else scope.passed_on(source, raw)
                found.setdefault(own.name, {"links": []})["links"].append(wire["link"])
        return found

    def source(self, wire: Wire, scope: Scope) -> JSON | None:
        """Return what a wire brings through what passes it on; None where it hangs loose."""
        passed: dict[str, None] = {}
        found = None
        while wire.origin not in passed:
            if wire.origin in scope.brought:
                found = scope.brought[wire.origin]
                break
            raw = scope.raw.get(wire.origin, {})
            if not self.passes_on(raw, scope, wire.origin_slot):
                found = self.brought(wire, raw, scope)
                break
            passed[wire.origin] = None
            incoming = next((port.get("link") for port in rows(raw.get("inputs"))), None)
            if not is_whole(incoming) or incoming not in scope.wires:
                break
            wire = scope.wires[incoming]
        scope.brought.update(dict.fromkeys(passed, found))
        return found

    def brought(self, wire: Wire, raw: dict[str, JSON], scope: Scope) -> JSON | None:
        """Return what an origin gives of its own: a link, a value, a subgraph's input."""
        if wire.origin == SUBGRAPH_INPUT:
            inside = 0 <= wire.origin_slot < len(scope.inputs)
            return {"input": scope.inputs[wire.origin_slot]} if inside else None
        if wire.origin not in scope.raw:
            return None
        if text(raw.get("type")) == "PrimitiveNode":
            values = raw.get("widgets_values")
            return literal(values[0]) if isinstance(values, list) and values else None
        name = self.output_name(raw, scope, wire.origin_slot)
        return {"link": [scope.ids[wire.origin], name]} if name else None

    def passes_on(self, raw: dict[str, JSON], scope: Scope, slot: int) -> bool:
        """Tell whether a node gives on what it is given: a reroute, or one that shows or saves."""
        if not raw or text(raw.get("type")) in DISSOLVED:
            return text(raw.get("type")) == "Reroute"
        interface = self.interface(raw, scope)
        outgoing = rows(raw.get("outputs"))
        kinds = {text(port.get("type")) for port in rows(raw.get("inputs"))[:1]}
        fitting = slot < len(outgoing) and text(outgoing[slot].get("type")) in kinds
        return interface.known and not interface.outputs and fitting

    def output_name(self, raw: dict[str, JSON], scope: Scope, slot: int) -> str | None:
        kind = text(raw.get("type"))
        if kind in self.definitions:
            names = self.results[kind]
        else:
            names = [port.name for port in self.interface(raw, scope).outputs]
        return names[slot] if 0 <= slot < len(names) else None

    # -- subgraphs

    def read_subgraphs(self) -> None:
        """Translate the definitions that are used, and those that they use in turn."""
        for kind in self.wanted:  # which grows meanwhile
            self.subgraphs[self.keys[kind]] = self.subgraph(kind)

    def subgraph(self, kind: str) -> dict[str, JSON]:
        definition = self.definitions[kind]
        scope = Scope(definition, inside=True)
        outputs = list(self.own_outputs(definition, scope))
        graph = self.graph(scope)
        inputs = [self.own_port(port, scope) for port in rows(definition.get("inputs"))]
        for (inner, widget), name in self.exposed[kind].items():
            node = graph["nodes"].get(scope.ids[inner])
            if node is not None:
                widget = self.own_name(node, widget)
                value = node["inputs"].get(widget)
                kept = {} if value is None or _is_wire(value) else {"default": _plain(value)}
                inputs.append({"name": name, "type": self.widget_type(node, widget), **kept})
                node["inputs"][widget] = {"input": name}
        title = text(definition.get("name")) or self.keys[kind]
        return {"title": title, "inputs": inputs, "outputs": outputs, **graph}

    def own_outputs(self, definition: dict[str, JSON], scope: Scope) -> Iterator[dict[str, JSON]]:
        for slot, port in enumerate(rows(definition.get("outputs"))):
            wire = scope.results.get(slot)
            source = self.source(wire, scope) if wire else None
            if source is None:
                continue
            link = source if _is_link(source) else scope.passed_on(source, {})
            kind = self.interfaces.wire_name(text(port.get("type")))
            yield {"name": port_name(port), "type": kind, "from": link["link"]}

    def own_port(self, port: dict[str, JSON], scope: Scope) -> dict[str, JSON]:
        name = port_name(port)
        found = {"name": name, "type": self.interfaces.wire_name(text(port.get("type")))}
        return {**found, "default": scope.defaults[name]} if name in scope.defaults else found

    def own_name(self, node: dict[str, JSON], widget: str) -> str:
        interface = self.interfaces.find(text(node.get("type")))
        port = interface.input_of(widget) if interface else None
        return port.name if port else widget

    def widget_type(self, node: dict[str, JSON], widget: str) -> str:
        interface = self.interfaces.find(text(node.get("type")))
        ports = interface.inputs if interface else ()
        return next((port.type for port in ports if port.name == widget), "*")


def _displays(interface: Interface) -> bool:
    """Tell whether a node has no widgets of its own: the page then keeps what it shows there."""
    return interface.known and not any(port.widget for port in interface.inputs)


def _plain(value: JSON) -> JSON:
    """Return a value that is written as a literal."""
    return value["value"] if isinstance(value, dict) else value


def _is_link(source: JSON) -> bool:
    return isinstance(source, dict) and "link" in source


def _is_wire(value: JSON) -> bool:
    return isinstance(value, dict) and "value" not in value
