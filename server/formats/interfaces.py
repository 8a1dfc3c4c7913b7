"""Interfaces of nodes as files of ComfyUI need them: widgets in order, outputs by position.

What our catalogue declares comes from there; a node that we lack but the field uses comes from
`comfy_interfaces.json`, so that its values still find their names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from nodes.api.catalogue import Catalogue

JSON = Any

FACTS = Path(__file__).with_name("comfy_interfaces.json")
WIRED = "wired"
"""Marks an input that has no widget on ComfyUI's page, though its type is of those that have."""
WIDGET_TYPES = {"INT": "Int", "FLOAT": "Float", "STRING": "String", "BOOLEAN": "Boolean"}


@dataclass(frozen=True)
class Port:
    """An input or output. `follower`: the widget that ComfyUI's page adds after it."""

    name: str
    type: str
    widget: bool = False
    follower: str = ""  # "control" after a seed, "upload" after a picture's name
    path: bool = False  # names a file, or what files are saved under
    many: bool = False  # takes several wires
    default: JSON = None  # what a widget holds where nothing is given


@dataclass(frozen=True)
class Interface:
    type: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    known: bool = True  # in the catalogue, so that it can run
    shown: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """For a widget whose choice decides which others there are: those of each choice."""
    lines: Mapping[str, str] = field(default_factory=dict)
    """Inputs whose lines are widgets of their own there: how the names of those begin."""
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Inputs that may be an object there: the inputs that are its parts here."""

    def input_of(self, theirs: str) -> Port | None:
        """Find an input by their name: one that stands in a group is `group.name` there."""
        stem = theirs.rstrip("0123456789")
        line = {start: name for name, start in self.lines.items()}.get(stem)
        name = line if line is not None and stem != theirs else theirs
        found = next((port for port in self.inputs if port.name == name), None)
        group, _, name = theirs.partition(".")
        if found is not None or not name:
            return found
        grown = self.input_of(group)
        return grown if grown is not None and grown.many else self.input_of(name)

    def widgets_given(self, chosen: Mapping[str, JSON]) -> set[str]:
        """Name the widgets that are there, as far as choices have been read."""
        given = {port.name for port in self.inputs if port.widget}
        for widget, choices in self.shown.items():
            given -= {name for names in choices.values() for name in names}
            given |= set(choices.get(str(chosen.get(widget)), ()))
        return given

    def signature(self) -> dict[str, JSON]:
        """The ports, for the file: an unknown node is drawn from it."""

        def plain(ports: tuple[Port, ...]) -> list[dict[str, str]]:
            return [{"name": port.name, "type": port.type} for port in ports]

        return {"inputs": plain(self.inputs), "outputs": plain(self.outputs)}


class Interfaces:
    """Interfaces by type, and the names of wire types on both sides."""

    def __init__(self, catalogue: Mapping[str, JSON]) -> None:
        """Read a catalogue's JSON (see `Catalogue.to_json`)."""
        self._nodes: Mapping[str, JSON] = catalogue["nodes"]
        self._wires = {entry["comfy"]: name for name, entry in catalogue["types"].items()}
        self._found: dict[str, Interface] = {}
        self._theirs = {name: theirs for theirs, name in self._wires.items()}

    def find(self, kind: str) -> Interface | None:
        """Find a type's interface, in the catalogue or among the field's; None if in neither."""
        if kind not in self._found:
            facts = _facts().get(kind)
            if kind in self._nodes:
                self._found[kind] = _declared(self._nodes[kind], facts or {"inputs": ()})
            elif facts is not None:
                self._found[kind] = self._from_facts(kind, facts)
        return self._found.get(kind)

    def wire_name(self, theirs: str) -> str:
        """Our name of a wire type of theirs; the type itself where we have none."""
        return WIDGET_TYPES.get(theirs) or self._wires.get(theirs, theirs)

    def comfy_name(self, ours: str) -> str:
        """Their name of one of our types."""
        plain = {name: theirs for theirs, name in WIDGET_TYPES.items()}
        return plain.get(ours) or self._theirs.get(ours, ours)

    def _from_facts(self, kind: str, facts: Mapping[str, JSON]) -> Interface:
        followers, wired = _marks(facts)
        inputs = tuple(
            Port(
                name,
                "String" if theirs == "COMBO" else self.wire_name(theirs),
                widget=name not in wired and (theirs == "COMBO" or theirs in WIDGET_TYPES),
                follower=followers.get(name, ""),
            )
            for name, theirs, *_ in facts["inputs"]
        )
        outputs = tuple(Port(name, self.wire_name(theirs)) for name, theirs in facts["outputs"])
        return Interface(kind, inputs, outputs, known=False)


def interfaces_of(catalogue: Catalogue) -> Interfaces:
    """Return the interfaces of a catalogue, made once while it is in use."""
    return _made(_Named(catalogue.hash, catalogue))


@dataclass(frozen=True)
class _Named:
    """A catalogue that is compared by its hash."""

    hash: str
    catalogue: Catalogue = field(compare=False)


@lru_cache(maxsize=2)
def _made(named: _Named) -> Interfaces:
    return Interfaces(named.catalogue.to_json())


def places(kind: str) -> Mapping[str, int]:
    """Give the places at which the field's node of a type lists its inputs."""
    inputs = _facts().get(kind, {}).get("inputs", ())
    return {name: place for place, (name, *_) in enumerate(inputs)}


def plain_name(name: str) -> str:
    """A name made of the letters that node ids and input names may have."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")


@cache
def _facts() -> dict[str, JSON]:
    found: dict[str, JSON] = json.loads(FACTS.read_text(encoding="utf-8"))
    return found


def _marks(facts: Mapping[str, JSON]) -> tuple[dict[str, str], set[str]]:
    """Give the widgets that ComfyUI's page adds after inputs, by name, and the `WIRED` inputs."""
    marks = {name: mark[0] for name, _, *mark in facts["inputs"] if mark}
    wired = {name for name, mark in marks.items() if mark == WIRED}
    return {name: mark for name, mark in marks.items() if name not in wired}, wired


def _declared(spec: Mapping[str, JSON], facts: Mapping[str, JSON]) -> Interface:
    followers, wired = _marks(facts)
    inputs = tuple(
        Port(
            entry["name"],
            entry["type"],
            widget=not entry.get("socket", False) and entry["name"] not in wired,
            follower=followers.get(entry["name"]) or _follower(entry),
            path=entry.get("widget", {}).get("kind") in ("file", "file_name"),
            many=bool(entry.get("list")),
            default=_default(entry),
        )
        for entry in spec["inputs"]
    )
    outputs = tuple(Port(entry["name"], entry["type"]) for entry in spec["outputs"])
    more = {name: facts[name] for name in _MORE if name in facts}
    return Interface(spec["id"], inputs, outputs, **more)


_MORE = ("shown", "lines", "parts")
"""What facts say of an interface beyond its ports."""


def _default(entry: Mapping[str, JSON]) -> JSON:
    options = entry.get("widget", {}).get("options") or (None,)
    return entry.get("default", options[0])


def _follower(entry: Mapping[str, JSON]) -> str:
    widget = entry.get("widget", {})
    if widget.get("kind") == "seed":
        return "control"
    return "upload" if widget.get("upload") else ""
