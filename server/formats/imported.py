"""What a translation into our format gives, and how names and values are written in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.engine.problems import Problem
from server.formats.interfaces import Port, plain_name

JSON = Any

_LONGEST_STEM = 52
"""Ids have at most 64 letters, and a number may follow."""


@dataclass(frozen=True)
class Imported:
    """A workflow in our format, and what the user should know of the translation."""

    workflow: dict[str, JSON]
    problems: tuple[Problem, ...]
    ids: Mapping[str, str] = field(default_factory=dict)  # theirs → ours


def plain_ids(theirs: Sequence[str]) -> dict[str, str]:
    """Give ids that our files allow, one for each of theirs and no two the same."""
    ours: dict[str, str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for name in theirs:
        stem = candidate = plain_name(name)[:_LONGEST_STEM] or "node"
        while candidate in taken:
            counts[stem] = counts.get(stem, 1) + 1
            candidate = f"{stem}_{counts[stem]}"
        taken.add(candidate)
        ours[name] = candidate
    return ours


def literal(value: JSON, port: Port | None = None) -> JSON:
    """Write a value as our files do: an object stands under `value`, lest it look like a link.

    Where the input names a file, `/` stands between folders also in what was written on Windows.
    """
    if port is not None and port.path and isinstance(value, str):
        return value.replace("\\", "/")
    return {"value": value} if isinstance(value, dict) else value
