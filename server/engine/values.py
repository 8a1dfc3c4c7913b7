"""Whether a value that stands in a file fits an input."""

import math
from collections.abc import Callable, Collection
from typing import Any

from nodes.api.markers import File, FileName
from nodes.api.spec import ANY, WIDGET_TYPES, InputSpec
from server.engine.problems import Problem, Suggestions

Choices = Callable[[str], Collection[str]]
WORDS = {"Int": "whole number", "Float": "number", "String": "text", "Boolean": "yes or no"}

HINTS = {"file_name": "Use a name such as portraits/anna, with / between folders only."}


def named(type_: str) -> str:
    """Name a type in a sentence, with its article: "an Image"."""
    word = WORDS.get(type_, "value of any type" if type_ == ANY else type_)
    if type_ == "Boolean":
        return word
    return f"{'an' if word[0] in 'AEIOUaeiou' else 'a'} {word}"


def type_of(value: Any) -> str:
    """Name the widget type of a JSON value; "*" if it has none."""
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int):
        return "Int"
    if isinstance(value, float):
        return "Float"
    return "String" if isinstance(value, str) else ANY


def fits(source: str, target: str) -> bool:
    """Tell whether what a wire brings fits where it ends."""
    return source == target or ANY in (source, target) or (source, target) == ("Int", "Float")


def normal(value: Any, item: InputSpec) -> Any:
    """Give a value the form of its input: 8 is 8.0 at a Float, 3.0 is 3 at an Int.

    Names of files have `/` between folders; on Windows people and programs write a backslash.
    """
    if isinstance(value, list) and (item.many or item.whole):
        return [_normal(part, item) for part in value]
    return _normal(value, item)


def _normal(value: Any, item: InputSpec) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and isinstance(item.marker, File | FileName):
        return value.replace("\\", "/")
    if item.type == "Float" and isinstance(value, int):
        return float(value)
    if item.type == "Int" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def check_value(
    value: Any,
    item: InputSpec,
    title: str,
    choices: Choices | None = None,
    suggestions: Suggestions | None = None,
) -> Problem | None:
    """Say what is wrong with a value at an input, or nothing; the node is for the caller to add."""
    if value is None:
        if item.default is None:
            return None
        message = f"{title} needs `{item.name}`."
        return Problem("input.missing", message, f"Give {named(item.type)}.", None, item.name)
    if item.many or item.whole:
        if isinstance(value, list) and (item.type in WIDGET_TYPES or item.generic):
            parts = (_check_one(part, item, title, choices, suggestions) for part in value)
            return next((problem for problem in parts if problem is not None), None)
        if item.many:
            return _socket(item, title)
    return _check_one(value, item, title, choices, suggestions)


def _check_one(
    value: Any,
    item: InputSpec,
    title: str,
    choices: Choices | None,
    suggestions: Suggestions | None,
) -> Problem | None:
    if item.type == ANY or item.generic:
        if item.one_of and not any(fits(type_of(value), kind) for kind in item.one_of):
            return _wrong_type(value, item, title)
        return None
    if item.type not in WIDGET_TYPES:
        return _socket(item, title)
    value = _normal(value, item)
    if isinstance(value, float) and not math.isfinite(value):
        message = f"`{item.name}` of {title} is not a finite number."
        return Problem("value.number", message, "Give a number.", None, item.name)
    if type_of(value) != item.type:
        return _wrong_type(value, item, title)
    wrong = item.marker.check(value) if item.marker is not None else None
    if wrong is not None:
        sentence, _, hint = wrong.partition(" Did you mean")
        kind = str(item.marker.describe()["kind"]) if item.marker is not None else ""
        hint = f"Did you mean{hint}" if hint else HINTS.get(kind, "")
        code = f"value.{kind}"
        return Problem(code, f"`{item.name}` of {title}: {sentence}", hint, None, item.name)
    if isinstance(item.marker, File) and choices is not None:
        return _check_file(
            value, item, item.marker.kind, title, choices(item.marker.kind), suggestions
        )
    return None


def _check_file(
    value: str,
    item: InputSpec,
    kind: str,
    title: str,
    names: Collection[str],
    suggestions: Suggestions | None,
) -> Problem | None:
    if value in names:
        return None
    near = suggestions.near(value, names).strip() if suggestions is not None else ""
    hint = near or f"Put the file into {kind}, or choose another."
    message = f"`{item.name}` of {title}: there is no file {value!r} in {kind}."
    return Problem("file.missing", message, hint, None, item.name)


def _socket(item: InputSpec, title: str) -> Problem:
    message = f"`{item.name}` of {title} takes a wire, not a value."
    hint = f"Wire it to an output that gives {named(item.type)}."
    return Problem("input.socket", message, hint, None, item.name)


def _wrong_type(value: Any, item: InputSpec, title: str) -> Problem:
    wanted = " or ".join(named(kind) for kind in item.one_of or (item.type,))
    shown = str(value) if len(str(value)) <= 60 else f"{str(value)[:60]}…"
    message = f"`{item.name}` of {title} takes {wanted}, not {shown!r}."
    return Problem("value.type", message, f"Give {wanted}.", None, item.name)
