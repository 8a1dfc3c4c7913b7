"""What a node gave."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from server.engine.problems import Problem


@dataclass(frozen=True)
class Many:
    """The elements of a sequence that flows on a wire."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Result:
    """What a node gave.

    Attributes:
        values: By output.
        saves: How many files it saved.
        warnings: What it told the user.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    saves: int = 0
    warnings: tuple[Problem, ...] = ()

    def items(self) -> Iterator[Any]:
        """Give every value, and of sequences every element."""
        for value in self.values.values():
            yield from items_of(value)


def items_of(value: Any) -> tuple[Any, ...]:
    """Give the elements of a sequence, or the value itself."""
    return value.items if isinstance(value, Many) else (value,)


def shape_of(value: Any) -> str | None:
    """Say the shape of the first tensor of a wire value, such as "1×4×16×16"."""
    if isinstance(value, Many):
        inner = shape_of(value.items[0]) if value.items else None
        return f"{len(value.items)} of {inner}" if inner else None
    if not is_dataclass(value) or isinstance(value, type):
        return None
    for item in fields(value):
        shape = getattr(getattr(value, item.name), "shape", None)
        if shape is not None:
            return "×".join(str(size) for size in shape)
    return None
