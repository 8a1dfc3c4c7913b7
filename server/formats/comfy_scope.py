"""One graph of a file of ComfyUI's page: its nodes and wires, by the ids that they get here."""

from __future__ import annotations

from typing import Any

from server.formats.comfy_widgets import SUBGRAPH_OUTPUT, port_name
from server.formats.imported import plain_ids
from server.formats.interfaces import Interface
from server.formats.lenient import numbers, rows, text, wires

JSON = Any

_ASIDE, _BELOW = 260, 120
"""How far from the node that they lead to the nodes stand that are added, and from each other."""


class Scope:
    """One graph's nodes, wires and ids; `inside`: it is a subgraph's definition.

    Attributes:
        defaults: The values that widgets have which a subgraph's own inputs lead to.
        added: Nodes that the file does not have: each passes on what only a node's wire can bring.
        places: Where those stand.
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
        self.added: dict[str, JSON] = {}
        self.places: dict[str, JSON] = {}

    def passed_on(self, given: JSON, beside: dict[str, JSON]) -> JSON:
        """Put a node before another that passes on a value or a subgraph's input; return its wire.

        Args:
            given: What comes in, as our files write it.
            beside: The node, as the file has it, that takes the wire.
        """
        node = {
            "type": "ComfySwitchNode",
            "version": 1,
            "inputs": {"switch": True, "on_true": given},
        }
        known = next((name for name, made in self.added.items() if made == node), None)
        if known is None:
            known = list(plain_ids([*self.ids.values(), *self.added, "passed_on"]).values())[-1]
            x, y = numbers(beside.get("pos"), 2) or (0, 0)
            self.places[known] = {"x": x - _ASIDE, "y": y + _BELOW * len(self.added)}
            self.added[known] = node
        return {"link": [known, "value"]}
