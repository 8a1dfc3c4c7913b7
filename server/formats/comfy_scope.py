"""One graph of a file of ComfyUI's page: its nodes and wires, by the ids that they get here."""

from __future__ import annotations

from typing import Any

from server.formats.comfy_widgets import SUBGRAPH_OUTPUT, port_name
from server.formats.imported import plain_ids
from server.formats.interfaces import Interface
from server.formats.lenient import rows, text, wires

JSON = Any


class Scope:
    """One graph's nodes, wires and ids; `inside`: it is a subgraph's definition.

    Attributes:
        defaults: The values that widgets have which a subgraph's own inputs lead to.
    """

    def __init__(self, data: dict[str, JSON], inside: bool = False) -> None:
        self.data = data
        self.inside = inside
        self.raw = {text(raw.get("id")): raw for raw in rows(data.get("nodes"))}
        self.wires = dict(wires(data.get("links")))
        self.ids = plain_ids(list(self.raw))
        self.inputs = [port_name(port) for port in rows(data.get("inputs"))] if inside else []
        self.results = {
            wire.target_slot: wire
            for wire in self.wires.values()
            if inside and wire.target == SUBGRAPH_OUTPUT
        }
        self.interfaces: dict[str, Interface] = {}
        self.brought: dict[str, JSON] = {}
        self.defaults: dict[str, JSON] = {}
