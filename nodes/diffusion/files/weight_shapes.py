"""Shapes of weights by name: what tells a file's models before any weight is read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Shapes = Mapping[str, Sequence[int]]
Config = dict[str, Any]


def count(names: Iterable[str], start: str) -> int:
    """Count the numbers that follow the start of a name."""
    found = (name.removeprefix(start).split(".")[0] for name in names if name.startswith(start))
    return len({number for number in found if number.isdigit()})
