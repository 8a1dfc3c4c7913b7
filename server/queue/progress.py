"""How far a run has come: how many of the nodes that it computes are done, and what runs now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Progress:
    """What a run has told of itself, counted.

    Attributes:
        shown: As clients see it: done, total, node, value, max.
    """

    def __init__(self) -> None:
        """Begin with nothing planned."""
        self.shown: dict[str, Any] = dict.fromkeys(("node", "value", "max"))
        self._planned: frozenset[str] = frozenset()
        self._ended: set[str] = set()
        self._count()

    def note(self, kind: str, node: str | None, data: Mapping[str, Any]) -> None:
        """Take in an event; a plan that is told again keeps what is done."""
        match kind:
            case "plan":
                self._planned = frozenset(data["order"])
            case "node.started":
                self.shown.update(node=node, value=None, max=None)
            case "node.progress":
                self.shown.update(node=node, value=data["value"], max=data["max"])
            # Nodes inside of one are no nodes of the plan.
            case "node.finished" | "node.cached" if node is not None and "inner" not in data:
                self._ended.add(node)
        self._count()

    def _count(self) -> None:
        self.shown.update(done=len(self._planned & self._ended), total=len(self._planned))
