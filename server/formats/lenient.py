"""Reading what others wrote: what is not of the expected form is left out, never a failure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

JSON = Any


@dataclass(frozen=True)
class Wire:
    """A link of ComfyUI's page: from an output to an input, both by position."""

    origin: str
    origin_slot: int
    target: str
    target_slot: int


def rows(value: JSON) -> list[dict[str, JSON]]:
    """Return the objects of a list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def mapping(value: JSON) -> dict[str, JSON]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def text(value: JSON) -> str:
    """Return anything as a text, nothing as an empty one."""
    return "" if value is None else str(value)


def numbers(value: JSON, count: int) -> list[float] | None:
    """Return the first numbers of a list, or of the object with the keys "0", "1", …"""
    if isinstance(value, dict):
        value = [value.get(str(at)) for at in range(count)]
    if not isinstance(value, list) or len(value) < count:
        return None
    found = [part for part in value[:count] if is_number(part)]
    return found if len(found) == count else None


def is_number(value: JSON) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: JSON) -> bool:
    """Tell whether a value is a whole number, such as a link's id."""
    return isinstance(value, int) and not isinstance(value, bool)


def wires(links: JSON) -> Iterator[tuple[int, Wire]]:
    """Yield links of either form: lists of six (version 0.4) or objects (version 1, subgraphs)."""
    for link in links if isinstance(links, list) else []:
        if isinstance(link, list) and len(link) >= 5:
            number, origin, slot, target, target_slot = link[:5]
        elif isinstance(link, dict):
            number = link.get("id")
            origin, slot = link.get("origin_id"), link.get("origin_slot")
            target, target_slot = link.get("target_id"), link.get("target_slot")
        else:
            continue
        if is_whole(number) and is_whole(slot) and is_whole(target_slot):
            yield number, Wire(text(origin), slot, text(target), target_slot)
