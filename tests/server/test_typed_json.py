"""Types are read from JSON strictly, and described as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator

from nodes.api import JSON
from server.typed_json import Bounds, WrongJSON, docs, read, schema


@dataclass(frozen=True)
class Inner:
    """A part.

    Attributes:
        size: How large it is,
            on two lines.
    """

    size: Annotated[int, Bounds(1, 9)] = 1


@dataclass(frozen=True)
class Outer:
    """A whole
    of parts.

    Attributes:
        name: What it is called.
        weight: In kilograms.
        kind: Which it is.
        parts: What is in it.
        extra: Anything.
        named: By name.
        front: Whether it comes first.
    """

    name: Annotated[str, Bounds(1, 5)]
    weight: float = 1.0
    kind: Literal["a", "b"] | None = None
    parts: tuple[Inner, ...] = ()
    extra: JSON = None
    named: Mapping[str, bool] | None = None
    front: bool = False


WHOLE: dict[str, Any] = {
    "name": "n",
    "weight": 2,
    "kind": "b",
    "parts": [{"size": 3}, {}],
    "extra": {"any": [1]},
    "named": {"x": True},
    "front": True,
}
WRONG = [
    ({}, "name"),
    ({"name": 1}, "name"),
    ({"name": ""}, "name"),
    ({"name": "toolong"}, "name"),
    ({"name": "n", "weight": "2"}, "weight"),
    ({"name": "n", "weight": True}, "weight"),
    ({"name": "n", "kind": "c"}, "kind"),
    ({"name": "n", "parts": {}}, "parts"),
    ({"name": "n", "parts": [{"size": 10}]}, "parts[0].size"),
    ({"name": "n", "parts": [{}, {"size": 1.5}]}, "parts[1].size"),
    ({"name": "n", "named": {"x": 1}}, "named.x"),
    ({"name": "n", "front": 1}, "front"),
    ({"name": "n", "front": None}, "front"),
    ({"name": "n", "other": 1}, "other"),
    ([], "What is sent has to be an object, not a list."),
]


def test_what_fits_is_read() -> None:
    assert read(Outer, WHOLE) == Outer(
        "n", 2.0, "b", (Inner(3), Inner(1)), {"any": [1]}, {"x": True}, True
    )


@pytest.mark.parametrize(("value", "place"), WRONG, ids=[str(value) for value, _ in WRONG])
def test_what_does_not_fit_is_refused_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(WrongJSON) as refused:
        read(Outer, value)
    assert place in refused.value.message
    assert refused.value.hint


def test_the_schema_takes_and_refuses_the_same() -> None:
    definitions: dict[str, JSON] = {}
    whole = {**schema(Outer, definitions), "components": {"schemas": definitions}}
    check = Draft202012Validator(whole)
    assert check.is_valid(WHOLE)
    assert not [value for value, _ in WRONG if check.is_valid(value)]


def test_docstrings_describe_the_fields() -> None:
    summary, about = docs(Outer)
    assert summary == "A whole of parts."
    assert about["weight"] == "In kilograms."
    assert docs(Inner)[1] == {"size": "How large it is, on two lines."}
