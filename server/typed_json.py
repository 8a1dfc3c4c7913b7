"""Frozen dataclasses from JSON, and the JSON Schema of them: the type is the one description.

Understood are dataclasses, `bool`, `int`, `float`, `str`, `X | None`, `Literal`, `tuple[X, ...]`,
`list[X]`, `Mapping[str, X]`, `JSON` (anything) and `Annotated[X, Bounds(…)]`.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union

from nodes.api import JSON
from nodes.errors import NodeError
from server.paths import shown

T = TypeVar("T")

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_KEYWORDS = {bool: "boolean", int: "integer", float: "number", str: "string"}


@dataclass(frozen=True)
class Bounds:
    """Smallest and largest number, or shortest and longest text, that is taken."""

    least: float = -math.inf
    most: float = math.inf


class WrongJSON(NodeError):
    """JSON that is not of the type that was asked for; the message names the place."""


def read(kind: type[T], value: JSON, where: str = "") -> T:
    """Make a value of a type out of JSON; nothing is converted, and no key is let pass unread.

    Args:
        kind: The type to make.
        value: The JSON.
        where: What the value is called in messages.

    Raises:
        WrongJSON: with the path of the first value that does not fit.
    """
    made: T = _read(kind, value, where)
    return made


def hints(kind: Any) -> Mapping[str, Any]:
    """Return the types of a dataclass's fields or a function's parameters."""
    return _evaluated(kind)


@cache
def _evaluated(kind: Any) -> Mapping[str, Any]:
    # Kept, since to evaluate them takes longer than to read a small body.
    return typing.get_type_hints(kind, localns={"JSON": Any}, include_extras=True)


def schema(kind: Any, definitions: dict[str, JSON]) -> dict[str, JSON]:
    """Return the JSON Schema of a type.

    Args:
        kind: The type to describe.
        definitions: Gets the schema of every dataclass that is met, under its name.
    """
    if kind in (Any, object):
        return {}
    if kind in _KEYWORDS:
        return {"type": _KEYWORDS[kind]}
    if kind is type(None):
        return {"type": "null"}
    if dataclasses.is_dataclass(kind):
        return _define(kind, definitions)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return schema(arguments[0], definitions) | _bounds_schema(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema(argument, definitions) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (tuple, list, Sequence):
        return {"type": "array", "items": schema(arguments[0], definitions)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": schema(arguments[1], definitions)}
    raise TypeError(f"{kind} has no JSON Schema here.")


def docs(kind: Any) -> tuple[str, dict[str, str]]:
    """Split a Google docstring into its first paragraph and what it says of each attribute."""
    text = (kind.__doc__ or "").strip()
    summary = " ".join(text.split("\n\n", 1)[0].split())
    lines = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", text, re.MULTILINE)
    return summary, {name: " ".join(line.split()) for name, line in lines}


def _read(kind: Any, value: JSON, where: str) -> Any:
    if kind in (Any, object):
        return value
    if kind in _NAMES or kind is type(None):
        return _scalar(kind, value, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _fields(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _bounded(_read(arguments[0], value, where), arguments[1:], where)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, value, where)
    if origin is Literal:
        if value not in arguments or isinstance(value, bool) != isinstance(arguments[0], bool):
            raise _wrong(where, "one of " + ", ".join(map(str, arguments)), value)
        return value
    if origin in (tuple, list, Sequence):
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        items = [_read(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
        return items if origin is list else tuple(items)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        return {k: _read(arguments[1], item, f"{where}.{k[:40]}") for k, item in value.items()}
    raise TypeError(f"{kind} cannot be read from JSON here.")


def _scalar(kind: Any, value: JSON, where: str) -> Any:
    if kind is type(None):
        if value is not None:
            raise _wrong(where, "null", value)
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, _NAMES[kind], value)
    return value


def _fields(kind: type[Any], value: JSON, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in value:
        if key not in fields:
            raise WrongJSON(
                f"{shown(key)} is not a part of {where or 'what is expected here'}.",
                hint="Its parts are " + ", ".join(fields) + ".",
                code="body.unknown",
            )
    known = hints(kind)
    made = {}
    for name, field in fields.items():
        place = f"{where}.{name}" if where else name
        if name in value:
            made[name] = _read(known[name], value[name], place)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise WrongJSON(
                f"`{place}` is missing.", hint="It has to be given.", code="body.missing"
            )
    return kind(**made)


def _one_of(kinds: Sequence[Any], value: JSON, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others[:-1]:
        try:
            return _read(kind, value, where)
        except WrongJSON:
            # The next alternative may fit; the last one's refusal is the one that is told.
            continue
    return _read(others[-1], value, where)


def _bounded(value: Any, markers: Sequence[Any], where: str) -> Any:
    for bounds in markers:
        if not isinstance(bounds, Bounds) or value is None:
            continue
        size = len(value) if isinstance(value, str | tuple | list) else value
        if not bounds.least <= size <= bounds.most:
            what = "is" if isinstance(value, int | float) else "has a length of"
            raise WrongJSON(
                f"`{where}` {what} {shown(str(size))}; "
                f"{bounds.least:g} to {bounds.most:g} is possible.",
                hint="Choose a value within that range.",
                code="body.range",
            )
    return value


def _bounds_schema(kind: Any, markers: Sequence[Any]) -> dict[str, JSON]:
    names = ("minimum", "maximum") if kind in (int, float) else ("minLength", "maxLength")
    made: dict[str, JSON] = {}
    for bounds in markers:
        if isinstance(bounds, Bounds):
            for name, bound in zip(names, (bounds.least, bounds.most), strict=True):
                if math.isfinite(bound):
                    made[name] = int(bound) if float(bound).is_integer() else bound
    return made


def _define(kind: Any, definitions: dict[str, JSON]) -> dict[str, JSON]:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}
        summary, about = docs(kind)
        known = hints(kind)
        properties: dict[str, JSON] = {}
        required: list[JSON] = []
        for field in dataclasses.fields(kind):
            described = schema(known[field.name], definitions)
            if field.name in about:
                described["description"] = about[field.name]
            if field.default is dataclasses.MISSING:
                if field.default_factory is dataclasses.MISSING:
                    required.append(field.name)
            elif field.default is None or isinstance(field.default, bool | int | float | str):
                described["default"] = field.default
            properties[field.name] = described
        definitions[name] = {
            "type": "object",
            "description": summary,
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{name}"}


def _wrong(where: str, expected: str, value: JSON) -> WrongJSON:
    got = {dict: "an object", list: "a list", str: "a text", type(None): "null"}.get(
        type(value), f"`{shown(str(value))}`"
    )
    what = f"`{where}`" if where else "What is sent"
    return WrongJSON(
        f"{what} has to be {expected}, not {got}.",
        hint="The description of the API is at /api/v1/openapi.json.",
        code="body.type",
    )
