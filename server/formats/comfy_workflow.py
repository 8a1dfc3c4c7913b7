"""ComfyUI's workflow files (the page's own format, versions 0.4 and 1), read into ours.

Widget values are positional there, so an interface is needed to name them; links and groups,
subgraphs, notes, primitives, reroutes, muted and bypassed nodes all have a counterpart here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.engine.problems import Problem
from server.formats.interfaces import Interface, Interfaces, Port, plain_name

JSON = Any

SUBGRAPH_INPUT = -10  # the ids that ComfyUI gives to a subgraph's own border
SUBGRAPH_OUTPUT = -20
MUTED, BYPASSED = 2, 4
CONTROLS = ("fixed", "increment", "decrement", "randomize", True, False)
NOTES = ("Note", "MarkdownNote")


@dataclass(frozen=True)
class Imported:
    """A workflow in our format, and what the user should know of the translation."""

    workflow: dict[str, JSON]
    problems: tuple[Problem, ...]
    ids: Mapping[str, str] = field(default_factory=dict)  # theirs → ours


@dataclass(frozen=True)
class Wire:
    origin: str
    origin_slot: int
    target: str
    target_slot: int
    type: str


def is_workflow(data: JSON) -> bool:
    """Tell ComfyUI's workflow file from other JSON."""
    return isinstance(data, dict) and isinstance(data.get("nodes"), list) and "links" in data


def from_workflow(data: dict[str, JSON], interfaces: Interfaces) -> Imported:
    """Translate a workflow file of ComfyUI's page; unknown nodes keep their ports and values."""
    definitions = {
        text(definition.get("id")): definition
        for definition in rows(mapping(data.get("definitions")).get("subgraphs"))
    }
    exposed = _exposed_widgets([data, *definitions.values()], definitions)
    reader = _Reader(interfaces, definitions, exposed)
    workflow: dict[str, JSON] = {"format": 1, **reader.graph(data, inside=None)}
    if reader.subgraphs:
        workflow["subgraphs"] = reader.subgraphs
    models = [*rows(data.get("models")), *reader.models]
    if models:
        workflow["models"] = [_model(model) for model in models]
    if reader.signatures:
        workflow["signatures"] = reader.signatures
    return Imported(workflow, tuple(reader.problems))


def _model(model: dict[str, JSON]) -> dict[str, JSON]:
    found = {"name": text(model.get("name"))}
    if model.get("hash") and text(model.get("hash_type", "sha256")).lower() == "sha256":
        found["sha256"] = text(model["hash"])
    for theirs, ours in (("url", "source"), ("directory", "folder")):
        if model.get(theirs):
            found[ours] = text(model[theirs])
    return found


# ---- reading what may be anything --------------------------------------------------------


def rows(value: JSON) -> list[dict[str, JSON]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def mapping(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def text(value: JSON) -> str:
    return "" if value is None else str(value)


def pair(value: JSON) -> tuple[float, float] | None:
    """A position or size: `[x, y]`, or the object with the keys "0" and "1"."""
    if isinstance(value, dict):
        value = [value.get("0"), value.get("1")]
    if isinstance(value, list) and len(value) >= 2:
        x, y = value[:2]
        if isinstance(x, (int, float)) and isinstance(y, (int, float)):
            return x, y
    return None


def wires(links: JSON) -> Iterator[tuple[int, Wire]]:
    """Links in either form: lists of six (version 0.4) or objects (version 1, subgraphs)."""
    for link in links if isinstance(links, list) else []:
        if isinstance(link, list) and len(link) >= 5:
            number, origin, slot, target, target_slot = link[:5]
            kind = link[5] if len(link) > 5 else "*"
        elif isinstance(link, dict):
            number, kind = link.get("id"), link.get("type", "*")
            origin, slot = link.get("origin_id"), link.get("origin_slot")
            target, target_slot = link.get("target_id"), link.get("target_slot")
        else:
            continue
        if isinstance(number, int) and isinstance(slot, int) and isinstance(target_slot, int):
            yield number, Wire(text(origin), slot, text(target), target_slot, text(kind))


class _Reader:
    """One translation: what the graphs of a file share while it is read."""

    def __init__(
        self,
        interfaces: Interfaces,
        definitions: Mapping[str, dict[str, JSON]],
        exposed: Mapping[str, Mapping[tuple[str, str], str]],
    ) -> None:
        self.interfaces = interfaces
        self.definitions = definitions
        self.exposed = exposed
        self.subgraphs: dict[str, JSON] = {}
        self.signatures: dict[str, JSON] = {}
        self.models: list[dict[str, JSON]] = []
        self.problems: list[Problem] = []

    def graph(self, data: dict[str, JSON], inside: dict[str, JSON] | None) -> dict[str, JSON]:
        """Translate one graph: the file's own, or (`inside`) a subgraph's definition."""
        scope = _Scope(data, inside)
        nodes: dict[str, JSON] = {}
        view: dict[str, JSON] = {}
        notes: dict[str, JSON] = {}
        for raw in rows(data.get("nodes")):
            kind, name = text(raw.get("type")), text(raw.get("id"))
            if kind in NOTES:
                notes[f"note_{plain_name(name)}"] = _note(raw)
            elif kind not in ("Reroute", "PrimitiveNode"):
                nodes[scope.ids[name]] = self.node(raw, scope)
                view[scope.ids[name]] = _view(raw)
        found: dict[str, JSON] = {"nodes": nodes, "view": view}
        frames = {f"frame_{at + 1}": _frame(raw) for at, raw in enumerate(rows(data.get("groups")))}
        if frames:
            found["frames"] = frames
        if notes:
            found["notes"] = notes
        return found

    def node(self, raw: dict[str, JSON], scope: _Scope) -> dict[str, JSON]:
        kind = text(raw.get("type"))
        self.models += rows(mapping(raw.get("properties")).get("models"))
        if kind in self.definitions:
            node: dict[str, JSON] = self.instance(raw, scope)
        else:
            interface = self.interfaces.find(kind) or _own_interface(raw, kind)
            if not interface.known:
                self.signatures[kind] = interface.signature()
            inputs = {**self.values(raw, interface, scope), **self.links(raw, scope)}
            node = {"type": kind, "version": 1, "inputs": inputs}
        mode = raw.get("mode")
        if mode in (MUTED, BYPASSED):
            node["mode"] = "mute" if mode == MUTED else "bypass"
        if raw.get("title"):
            node["title"] = text(raw["title"])
        return node

    def values(self, raw: dict[str, JSON], interface: Interface, scope: _Scope) -> dict[str, JSON]:
        given = raw.get("widgets_values")
        if isinstance(given, dict):
            names = {port.name for port in interface.inputs if port.widget}
            return {name: literal(value) for name, value in given.items() if name in names}
        found, left = positional(given if isinstance(given, list) else [], interface)
        if left:
            self.problems.append(
                Problem(
                    "import.values",
                    f"{len(left)} of the values of {interface.type} have no place here "
                    f"({', '.join(map(repr, left[:3]))}).",
                    hint="Compare the node's values with the ones in the original.",
                    node=scope.ids[text(raw.get("id"))],
                    severity="warning",
                )
            )
        return found

    def links(self, raw: dict[str, JSON], scope: _Scope) -> dict[str, JSON]:
        found: dict[str, JSON] = {}
        for port in rows(raw.get("inputs")):
            number = port.get("link")
            if isinstance(number, int) and number in scope.wires:
                source = self.source(scope.wires[number], scope)
                if source is not None:
                    found[text(port.get("name"))] = source
        return found

    def source(self, wire: Wire, scope: _Scope) -> JSON | None:
        """What a wire brings: a link, a value, or a subgraph's input; None where it hangs loose."""
        seen = set()
        while wire.origin not in seen:
            seen.add(wire.origin)
            if wire.origin == str(SUBGRAPH_INPUT):
                name = scope.input_name(wire.origin_slot)
                return {"input": name} if name else None
            raw = scope.raw.get(wire.origin)
            if raw is None:
                return None
            kind = text(raw.get("type"))
            if kind == "PrimitiveNode":
                values = raw.get("widgets_values")
                return literal(values[0]) if isinstance(values, list) and values else None
            if kind != "Reroute":
                name = self.output_name(raw, kind, wire.origin_slot)
                return {"link": [scope.ids[wire.origin], name]} if name else None
            incoming = next((port.get("link") for port in rows(raw.get("inputs"))), None)
            if incoming not in scope.wires:
                return None
            wire = scope.wires[incoming]
        return None

    def output_name(self, raw: dict[str, JSON], kind: str, slot: int) -> str | None:
        if kind in self.definitions:
            outputs = rows(self.definitions[kind].get("outputs"))
            return _port_name(outputs[slot]) if slot < len(outputs) else None
        interface = self.interfaces.find(kind) or _own_interface(raw, kind)
        return interface.outputs[slot].name if 0 <= slot < len(interface.outputs) else None

    # -- subgraphs

    def instance(self, raw: dict[str, JSON], scope: _Scope) -> dict[str, JSON]:
        kind = text(raw.get("type"))
        key = self.subgraph(kind)
        inputs: dict[str, JSON] = {}
        given = raw.get("widgets_values")
        proxies = _proxies(raw)
        if isinstance(given, list):
            for (inner, widget), value in zip(proxies, given, strict=False):
                name = self.exposed[kind].get((inner, widget))
                if name:
                    inputs[name] = literal(value)
        inputs |= {plain_name(name): link for name, link in self.links(raw, scope).items()}
        return {"type": f"subgraph:{key}", "version": 1, "inputs": inputs}

    def subgraph(self, kind: str) -> str:
        """Translate a definition once; its key is its id, made plain."""
        key = plain_name(kind)
        if key in self.subgraphs:
            return key
        definition = self.definitions[kind]
        self.subgraphs[
            key
        ] = {}  # stands while the inside is read, so that a loop of definitions ends
        graph = self.graph(definition, inside=definition)
        scope = _Scope(definition, definition)
        inputs: list[dict[str, JSON]] = [
            {"name": _port_name(port), "type": self.interfaces.wire_name(text(port.get("type")))}
            for port in rows(definition.get("inputs"))
        ]
        for (inner, widget), name in self.exposed[kind].items():
            node = graph["nodes"].get(scope.ids.get(inner, ""), {})
            value = mapping(node.get("inputs")).get(widget)
            inputs.append({"name": name, "type": self._widget_type(node, widget), "default": value})
            if node:
                node["inputs"][widget] = {"input": name}
        outputs = []
        for slot, port in enumerate(rows(definition.get("outputs"))):
            wire = scope.output_wire(slot)
            source = self.source(wire, scope) if wire else None
            if source and "link" in source:
                kind_name = self.interfaces.wire_name(text(port.get("type")))
                outputs.append(
                    {"name": _port_name(port), "type": kind_name, "from": source["link"]}
                )
        self.subgraphs[key] = {
            "title": text(definition.get("name")) or key,
            "inputs": inputs,
            "outputs": outputs,
            **graph,
        }
        return key

    def _widget_type(self, node: dict[str, JSON], widget: str) -> str:
        interface = self.interfaces.find(text(node.get("type")))
        ports = interface.inputs if interface else ()
        return next((port.type for port in ports if port.name == widget), "*")


class _Scope:
    """One graph's nodes, wires and ids."""

    def __init__(self, data: dict[str, JSON], inside: dict[str, JSON] | None) -> None:
        self.raw = {text(raw.get("id")): raw for raw in rows(data.get("nodes"))}
        self.wires = dict(wires(data.get("links")))
        self.ids = plain_ids(list(self.raw))
        self.inside = inside

    def input_name(self, slot: int) -> str | None:
        inputs = rows(self.inside.get("inputs")) if self.inside else []
        return _port_name(inputs[slot]) if 0 <= slot < len(inputs) else None

    def output_wire(self, slot: int) -> Wire | None:
        border = str(SUBGRAPH_OUTPUT)
        found = (w for w in self.wires.values() if w.target == border and w.target_slot == slot)
        return next(found, None)


def plain_ids(theirs: Sequence[str]) -> dict[str, str]:
    """Ids that our files allow, one for each of theirs and no two the same."""
    ours: dict[str, str] = {}
    taken: set[str] = set()
    for name in theirs:
        stem = plain_name(name)[:56] or "node"
        candidate, number = stem, 2
        while candidate in taken:
            candidate, number = f"{stem}_{number}", number + 1
        taken.add(candidate)
        ours[name] = candidate
    return ours


def literal(value: JSON) -> JSON:
    """A value as our files write it: an object stands under `value`, lest it look like a link."""
    return {"value": value} if isinstance(value, dict) else value


def positional(given: list[JSON], interface: Interface) -> tuple[dict[str, JSON], list[JSON]]:
    """Name positional widget values; what is left over comes back second.

    The page adds widgets of its own: after a seed, how it changes; after an upload, a button.
    Files from before a widget had them lack the value, so it is taken only where it fits.
    """
    found: dict[str, JSON] = {}
    at = 0
    for port in (port for port in interface.inputs if port.widget):
        if at >= len(given):
            break
        value = given[at]
        at += 1
        if port.folder and isinstance(value, str):
            value = value.replace("\\", "/")  # files written on Windows
        if value is not None:
            found[port.name] = literal(value)
        if at < len(given):
            control = port.follower == "control" and given[at] in CONTROLS
            button = port.follower == "upload" and given[at] == "image"
            at += control or button
    return found, given[at:]


def _exposed_widgets(
    graphs: Sequence[dict[str, JSON]], definitions: Mapping[str, dict[str, JSON]]
) -> dict[str, dict[tuple[str, str], str]]:
    """For each definition: inner widgets that any instance shows, with the input's name here."""
    exposed: dict[str, dict[tuple[str, str], str]] = {kind: {} for kind in definitions}
    for graph in graphs:
        for raw in rows(graph.get("nodes")):
            _collect(raw, exposed, definitions)
    return exposed


def _collect(
    raw: dict[str, JSON],
    exposed: dict[str, dict[tuple[str, str], str]],
    definitions: Mapping[str, dict[str, JSON]],
) -> None:
    kind = text(raw.get("type"))
    if kind not in definitions:
        return
    taken = {_port_name(port) for port in rows(definitions[kind].get("inputs"))}
    taken |= set(exposed[kind].values())
    for inner, widget in _proxies(raw):
        if (inner, widget) not in exposed[kind]:
            name = widget if widget not in taken else plain_name(f"{widget}_{inner}")
            exposed[kind][inner, widget] = name
            taken.add(name)


def _proxies(raw: dict[str, JSON]) -> list[tuple[str, str]]:
    found = mapping(raw.get("properties")).get("proxyWidgets")
    entries = found if isinstance(found, list) else []
    return [
        (text(entry[0]), text(entry[1]))
        for entry in entries
        if isinstance(entry, list) and len(entry) >= 2
    ]


def _port_name(port: dict[str, JSON]) -> str:
    return plain_name(text(port.get("name"))) or "value"


def _own_interface(raw: dict[str, JSON], kind: str) -> Interface:
    """An unknown node's interface, as far as its own ports in the file tell it."""
    inputs = tuple(
        Port(text(port.get("name")), text(port.get("type")) or "*", widget="widget" in port)
        for port in rows(raw.get("inputs"))
    )
    outputs = tuple(
        Port(_port_name(port).lower(), text(port.get("type")) or "*")
        for port in rows(raw.get("outputs"))
    )
    return Interface(kind, inputs, outputs, known=False)


def _view(raw: dict[str, JSON]) -> dict[str, JSON]:
    x, y = pair(raw.get("pos")) or (0, 0)
    found: dict[str, JSON] = {"x": x, "y": y}
    size = pair(raw.get("size"))
    if size:
        found["width"] = size[0]
    if mapping(raw.get("flags")).get("collapsed"):
        found["collapsed"] = True
    if raw.get("color"):
        found["color"] = text(raw["color"])
    return found


def _note(raw: dict[str, JSON]) -> dict[str, JSON]:
    values = raw.get("widgets_values")
    content = values[0] if isinstance(values, list) and values else ""
    x, y = pair(raw.get("pos")) or (0, 0)
    width, height = pair(raw.get("size")) or (240, 120)
    return {"text": text(content), "x": x, "y": y, "width": width, "height": height}


def _frame(raw: dict[str, JSON]) -> dict[str, JSON]:
    bounding = raw.get("bounding")
    numbers = bounding if isinstance(bounding, list) and len(bounding) == 4 else [0, 0, 300, 200]
    x, y, width, height = numbers
    frame = {"title": text(raw.get("title")), "x": x, "y": y, "width": width, "height": height}
    if raw.get("color"):
        frame["color"] = text(raw["color"])
    return frame
