"""What a run tells while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        type: Such as "node.started".
        data: JSON.
        node: The node of the submitted graph; `data` has "inner" for a node within it.
        blob: The picture of a "node.preview".
    """

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    node: str | None = None
    blob: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON, without the blob."""
        return {"type": self.type, "data": dict(self.data), "node": self.node}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], blob: bytes | None = None) -> "Event":
        """Read it back."""
        return cls(data["type"], data["data"], data.get("node"), blob)
