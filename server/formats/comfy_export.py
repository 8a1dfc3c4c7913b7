"""Our workflows as files of ComfyUI's page (version 0.4): they open there, and in what reads those.

Node ids stay as they are, so that they agree with the API prompt that a picture carries beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from server.formats.comfy_layout import border_of, groups, layout, note_nodes, size_of
from server.formats.comfy_prompt import grown
from server.formats.comfy_widgets import (
    SUBGRAPH_INPUT,
    SUBGRAPH_OUTPUT,
    WIDGETS,
    default_of,
    is_literal,
    widget_values,
)
from server.formats.interfaces import Interface, Interfaces, Port, places
from server.formats.lenient import mapping, rows, text

JSON = Any

_MODES = {"mute": 2, "bypass": 4}
_SUBGRAPH = "subgraph:"
_IDS = uuid.UUID("6f1d7c53-5d1c-4d0a-9f0e-1c1f0c7a3b52")
"""The space of names in which a subgraph's key gives its id."""


def to_workflow(workflow: Mapping[str, JSON], interfaces: Interfaces) -> dict[str, JSON]:
    """Write a workflow file as ComfyUI's page saves them.

    A node that is not there stands in the page as a missing one, with its ports and values.

    Args:
        workflow: One of ours, of the present version.
        interfaces: Where the order of widgets and outputs comes from.
    """
    writer = _Writer(workflow, interfaces)
    nodes, links = writer.graph(workflow)
    definitions = [writer.definition(key) for key in mapping(workflow.get("subgraphs"))]
    found: dict[str, JSON] = {
        "last_node_id": max(
            (node["id"] for node in nodes if isinstance(node["id"], int)), default=0
        ),
        "last_link_id": len(links),
        "nodes": nodes,
        "links": [
            [link.id, link.origin, link.slot, link.target, link.target_slot, link.type]
            for link in links
        ],
        "groups": groups(workflow),
        "config": {},
        "extra": {},
        "version": 0.4,
    }
    if definitions:
        found["definitions"] = {"subgraphs": definitions}
    return found


@dataclass(frozen=True)
class _Link:
    id: int
    origin: JSON
    slot: int
    target: JSON
    target_slot: int
    type: str

    def to_json(self) -> dict[str, JSON]:
        """Return the link as a subgraph's definition has it."""
        return {
            "id": self.id,
            "origin_id": self.origin,
            "origin_slot": self.slot,
            "target_id": self.target,
            "target_slot": self.target_slot,
            "type": self.type,
        }


@dataclass
class _Scope:
    """One graph while it is written.

    Attributes:
        kinds: What each node is like.
        inputs: Of the subgraph that it is, by name: the places and types; none in the file's own.
    """

    kinds: Mapping[str, Interface]
    inputs: Mapping[str, tuple[int, str]]
    links: list[_Link] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))


class _Writer:
    """One translation: what the graphs of a file share while it is written."""

    def __init__(self, workflow: Mapping[str, JSON], interfaces: Interfaces) -> None:
        self._interfaces = interfaces
        self._signatures = mapping(workflow.get("signatures"))
        self._subgraphs = mapping(workflow.get("subgraphs"))
        self._known_led: dict[str, dict[str, JSON]] = {}

    def graph(self, section: Mapping[str, JSON]) -> tuple[list[dict[str, JSON]], list[_Link]]:
        """Write one graph: the file's own, or a subgraph's; return its nodes and links."""
        nodes: Mapping[str, Mapping[str, JSON]] = section["nodes"]
        scope = _Scope(
            {name: self._interface(text(node["type"]), node) for name, node in nodes.items()},
            {
                port["name"]: (slot, port["type"])
                for slot, port in enumerate(section.get("inputs", ()))
            },
        )
        view = {**layout(nodes), **mapping(section.get("view"))}
        written = {
            name: self._node(name, node, mapping(view.get(name)), scope)
            for name, node in nodes.items()
        }
        for slot, port in enumerate(section.get("outputs", ())):
            self._link({"link": port["from"]}, int(SUBGRAPH_OUTPUT), slot, scope)
        for link in scope.links:
            if link.origin != int(SUBGRAPH_INPUT):
                written[text(link.origin)]["outputs"][link.slot]["links"].append(link.id)
        for place, node in enumerate(written.values()):
            node["order"] = place
        return [*written.values(), *note_nodes(section)], scope.links

    def definition(self, key: str) -> dict[str, JSON]:
        """Write a subgraph."""
        section = self._subgraphs[key]
        nodes, links = self.graph(section)
        given = [
            self._border_port(f"{key} in", port, [link.id for link in links if _enters(link, slot)])
            for slot, port in enumerate(section.get("inputs", ()))
        ]
        made = [
            self._border_port(
                f"{key} out", port, [link.id for link in links if _leaves(link, slot)]
            )
            for slot, port in enumerate(section.get("outputs", ()))
        ]
        return {
            "id": _definition_id(key),
            "version": 1,
            "revision": 0,
            "name": section.get("title") or key,
            "state": {"lastNodeId": 0, "lastLinkId": len(links), "lastGroupId": 0},
            "inputNode": {"id": int(SUBGRAPH_INPUT), "bounding": border_of(section, before=True)},
            "outputNode": {
                "id": int(SUBGRAPH_OUTPUT),
                "bounding": border_of(section, before=False),
            },
            "inputs": given,
            "outputs": made,
            "widgets": [],
            "nodes": nodes,
            "groups": groups(section),
            "links": [link.to_json() for link in links],
        }

    def _node(
        self, name: str, node: Mapping[str, JSON], view: Mapping[str, JSON], scope: _Scope
    ) -> dict[str, JSON]:
        kind, interface = text(node["type"]), scope.kinds[name]
        values: Mapping[str, JSON] = node.get("inputs", {})
        inputs: list[dict[str, JSON]] = []
        for port in interface.inputs:
            for theirs, value in grown(port.name, values.get(port.name), interface):
                link = self._link(value, _id(name), len(inputs), scope)
                found: dict[str, JSON] = {"name": theirs, "type": self._type(port.type)}
                inputs.append({**found, "link": link})
                if port.widget:
                    inputs[-1]["widget"] = {"name": theirs}
        outputs = [
            {"name": port.name, "type": self._type(port.type), "links": [], "slot_index": slot}
            for slot, port in enumerate(interface.outputs)
        ]
        written = {
            "id": _id(name),
            "type": _definition_id(kind.removeprefix(_SUBGRAPH)) if _is_subgraph(kind) else kind,
            "pos": [view.get("x", 0), view.get("y", 0)],
            "size": size_of(view, interface),
            "flags": {"collapsed": True} if view.get("collapsed") else {},
            "order": 0,
            "mode": _MODES.get(node.get("mode", ""), 0),
            "inputs": inputs,
            "outputs": outputs,
            "properties": {} if _is_subgraph(kind) else {"Node name for S&R": kind},
            "widgets_values": list(widget_values(values, interface)),
        }
        looks = {"title": node.get("title"), "color": view.get("color")}
        return {**written, **{name: value for name, value in looks.items() if value}}

    def _link(self, value: JSON, target: JSON, slot: int, scope: _Scope) -> int | None:
        """Add the link that a wire is; None where there is no wire, or one that leads nowhere."""
        given = mapping(value)
        if "link" in given:
            origin, output = given["link"]
            ports = scope.kinds[origin].outputs if origin in scope.kinds else ()
            found = next((at for at, port in enumerate(ports) if port.name == output), None)
            if found is None:
                return None
            start, at, kind = _id(origin), found, ports[found].type
        elif given.get("input") in scope.inputs:
            at, kind = scope.inputs[given["input"]]
            start = int(SUBGRAPH_INPUT)
        else:
            return None
        number = next(scope.numbers)
        scope.links.append(_Link(number, start, at, target, slot, self._type(kind)))
        return number

    def _interface(self, kind: str, node: Mapping[str, JSON]) -> Interface:
        if _is_subgraph(kind):
            return self._instance(kind.removeprefix(_SUBGRAPH))
        given: Mapping[str, JSON] = node.get("inputs", {})
        found = self._interfaces.find(kind)
        if found is not None:
            listed = places(kind)
            order = sorted(found.inputs, key=lambda port: listed.get(port.name, len(listed)))
            known = {port.name for port in order}
            # A wire into an input that this program does not have is kept.
            more = [Port(n, "*") for n, v in given.items() if n not in known and not is_literal(v)]
            return replace(found, inputs=(*order, *more))
        said = mapping(self._signatures.get(kind))
        told = {text(port.get("name")): text(port.get("type")) for port in rows(said.get("inputs"))}
        inputs = [
            Port(name, wire, widget=is_literal(given.get(name)) or wire in WIDGETS)
            for name, wire in {**dict.fromkeys(given, "*"), **told}.items()
        ]
        outputs = (
            Port(text(port.get("name")), text(port.get("type")))
            for port in rows(said.get("outputs"))
        )
        return Interface(kind, tuple(inputs), tuple(outputs), known=False)

    def _instance(self, key: str) -> Interface:
        section = mapping(self._subgraphs.get(key))
        led = self._led(key)
        inputs = (
            Port(
                port["name"],
                port["type"],
                widget=port["name"] in led,
                default=port.get("default", led.get(port["name"])),
            )
            for port in section.get("inputs", ())
        )
        outputs = (Port(port["name"], port["type"]) for port in section.get("outputs", ()))
        return Interface(_SUBGRAPH + key, tuple(inputs), tuple(outputs))

    def _led(self, key: str) -> Mapping[str, JSON]:
        """Return the inputs of a subgraph that lead to widgets, with the values of those."""
        if key in self._known_led:
            return self._known_led[key]
        # One that contains itself leads nowhere.
        found = self._known_led[key] = {}
        for node in mapping(mapping(self._subgraphs.get(key)).get("nodes")).values():
            kind = text(node["type"])
            inner: Mapping[str, JSON]
            if _is_subgraph(kind):
                inner = self._led(kind.removeprefix(_SUBGRAPH))
            else:
                ports = self._interface(kind, node).inputs
                inner = {port.name: default_of(port) for port in ports if port.widget}
            for name, value in node.get("inputs", {}).items():
                if name in inner and "input" in mapping(value):
                    found.setdefault(value["input"], inner[name])
        return found

    def _border_port(
        self, place: str, port: Mapping[str, JSON], links: list[int]
    ) -> dict[str, JSON]:
        name = port["name"]
        found = {"id": _definition_id(f"{place} {name}"), "name": name}
        return {**found, "type": self._type(port["type"]), "linkIds": links}

    def _type(self, ours: str) -> str:
        return self._interfaces.comfy_name(ours) if ours[:1].isupper() and len(ours) > 1 else "*"


def _is_subgraph(kind: str) -> bool:
    return kind.startswith(_SUBGRAPH)


def _id(name: str) -> JSON:
    """Return a node's id as the page writes it: a number where it can be one."""
    return int(name) if name.isascii() and name.isdigit() and str(int(name)) == name else name


def _definition_id(key: str) -> str:
    return str(uuid.uuid5(_IDS, key))


def _enters(link: _Link, slot: int) -> bool:
    return (link.origin, link.slot) == (int(SUBGRAPH_INPUT), slot)


def _leaves(link: _Link, slot: int) -> bool:
    return (link.target, link.target_slot) == (int(SUBGRAPH_OUTPUT), slot)
