"""JSON without surprises: what is not JSON, or too much of it, is refused with its reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import NoReturn

from nodes.api import JSON
from nodes.errors import NodeError
from server.paths import shown

DEEPEST = 100
"""Brackets within brackets: workflows need about ten."""
MOST_VALUES = 1_000_000
"""Values in one text: 20,000 nodes hold about 400,000; a million parse in a tenth of a second."""
MOST_LISTS = 250_000
"""Lists in one text: they are parsed without a pause, so that more would hold up everyone."""
LONGEST_NUMBER = 300
"""Characters of one number, so that every integer that is let in also fits a float."""

_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_SURROGATES = re.compile(rb"\\u[dD][89a-fA-F]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class JSONProblem(NodeError):
    """A text is not JSON, or more of it than is read here."""


def loads(data: bytes) -> JSON:
    """Read JSON as RFC 8259 has it; integers of any size keep their value.

    Raises:
        JSONProblem: `json.syntax`, `json.encoding`, `json.number`, `json.duplicate`, `json.depth`
            or `json.size`.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    _check_amount(data)
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        raise JSONProblem(
            f"The text is not UTF-8: byte {problem.start} cannot be read.",
            hint="Save it as UTF-8.",
            code="json.encoding",
        ) from None
    try:
        value: JSON = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_whole,
            parse_float=_fraction,
            object_pairs_hook=_once,
        )
    except RecursionError:
        # Closing brackets in texts made it look flatter than it is.
        raise _refused_depth() from None
    except json.JSONDecodeError as problem:
        raise JSONProblem(
            f"The text is not JSON: {problem.msg} at line {problem.lineno}, "
            f"column {problem.colno}.",
            hint="Look for a missing comma, quotation mark or bracket near that place.",
            code="json.syntax",
        ) from None
    if _SURROGATES.search(data):
        _check_unicode(value)
    return value


def dumps(value: object, *, default: Callable[[object], object] | None = None) -> str:
    """Write JSON in one line, text as it is.

    Raises:
        ValueError: for NaN and infinities, which JSON does not have.
    """
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default
    )


def _check_amount(data: bytes) -> None:
    """Refuse what would take long to parse, by counting before parsing."""
    if data.count(b",") + data.count(b":") > MOST_VALUES or data.count(b"[") > MOST_LISTS:
        raise JSONProblem(
            f"The text holds more than {MOST_VALUES:,} values or {MOST_LISTS:,} lists.",
            hint="Split the workflow.",
            code="json.size",
        )
    # Taking texts out holds up everyone, so it is done only where the brackets look too deep.
    if _too_deep(data) and _too_deep(_TEXTS.sub(b"", data)):
        raise _refused_depth()


def _too_deep(data: bytes) -> bool:
    depth = 0
    for bracket in data.translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _refused_depth() -> JSONProblem:
    return JSONProblem(
        f"The text is nested more than {DEEPEST} levels deep.",
        hint="A workflow needs no more than a dozen levels; use subgraphs.",
        code="json.depth",
    )


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    raise JSONProblem(
        f"The key {shown(name)} stands twice in one object.",
        hint="Keep one of the two.",
        code="json.duplicate",
    )


def _whole(digits: str) -> int:
    _check_length(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    _check_length(digits)
    number = float(digits)
    if math.isinf(number):
        raise _refused_number(digits)
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise JSONProblem(
        f"The text holds {name}, which JSON does not have.",
        hint="Programs write it where a number is missing; put a number or null in its place.",
        code="json.number",
    )


def _check_length(digits: str) -> None:
    if len(digits) > LONGEST_NUMBER:
        raise _refused_number(digits)


def _refused_number(text: str) -> JSONProblem:
    return JSONProblem(
        f"{shown(text)} is not a number that can be used.",
        hint="Write a shorter one; the largest is about 1.8e308.",
        code="json.number",
    )


def _check_unicode(value: JSON) -> None:
    """Refuse halves of surrogate pairs: they are no text, and cannot be stored or sent."""
    try:
        dumps(value).encode()
    except UnicodeEncodeError:
        raise JSONProblem(
            "The text holds half of a surrogate pair, which is no character.",
            hint="Write the character itself, or both halves of its escape.",
            code="json.encoding",
        ) from None
