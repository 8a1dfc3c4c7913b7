"""The one text of a workflow file, the same as the editor's: order and line breaks are fixed."""

import json
import math
import re
from decimal import Decimal
from typing import Any

from server.engine.problems import Invalid, Problem

_LINE = 100
_SURROGATE = re.compile("[\ud800-\udfff]")
_INDEX = re.compile("0|[1-9][0-9]{0,9}")
_FILE = (
    *("format", "title", "nodes", "view", "frames", "notes"),
    *("subgraphs", "form", "models", "meta", "signatures"),
)
_SUBGRAPH = ("title", "inputs", "outputs", "nodes", "view", "frames", "notes")
_NODE = ("type", "version", "title", "mode", "inputs")
_BOX = ("x", "y", "width", "height", "color", "collapsed", "routes")
_ALWAYS = ("format", "title", "nodes", "view")


def canonical_dumps(data: dict[str, Any]) -> str:
    """Write a workflow file's content so that files differ only where their content does.

    Args:
        data: What `Graph.to_json` gave.
    """
    kept = {key: item for key, item in data.items() if key in _ALWAYS or item not in ({}, [])}
    ordered = _sections(kept, _FILE)
    if isinstance(ordered.get("subgraphs"), dict):
        ordered["subgraphs"] = {
            key: _sections(item, _SUBGRAPH) if isinstance(item, dict) else item
            for key, item in ordered["subgraphs"].items()
        }
    return _formatted(ordered, 0, 0) + "\n"


def strict_loads(text: str | bytes) -> Any:
    """Read JSON as it is defined: no NaN, no name twice in an object.

    Raises:
        Invalid: If the text is not such JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        message = f"This is not JSON: {str(error)[:200]}."
        raise Invalid(
            [Problem("json.syntax", message, "Check the place that is named.")]
        ) from error


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _sections(data: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    ordered = _first(data, order)
    for section, keys in (("nodes", _NODE), ("view", _BOX), ("frames", ("title", *_BOX))):
        if isinstance(ordered.get(section), dict):
            ordered[section] = {
                key: _first(item, keys) if isinstance(item, dict) else item
                for key, item in ordered[section].items()
            }
    return ordered


def _first(data: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {**{key: data[key] for key in keys if key in data}, **data}


def _formatted(value: Any, depth: int, used: int) -> str:
    if not isinstance(value, dict | list):
        return _scalar(value)
    line = _spaced(value)
    # The outermost levels always break: a node is a line of its own, whatever its neighbours are.
    if depth > 1 and depth * 2 + used + _units(line) <= _LINE:
        return line
    inner, outer = "  " * (depth + 1), "  " * depth
    if not value:
        return "[]" if isinstance(value, list) else "{}"
    if isinstance(value, list):
        lines = [inner + _formatted(item, depth + 1, 0) for item in value]
        return "[\n" + ",\n".join(lines) + f"\n{outer}]"
    lines = []
    for key, item in _entries(value):
        name = f"{_text(key)}: "
        lines.append(inner + name + _formatted(item, depth + 1, _units(name)))
    return "{\n" + ",\n".join(lines) + f"\n{outer}}}"


def _spaced(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_spaced(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{_text(key)}: {_spaced(item)}" for key, item in _entries(value))
        return "{" + ", ".join(pairs) + "}"
    return _scalar(value)


def _entries(value: dict[str, Any]) -> list[tuple[str, Any]]:
    # Objects of JavaScript have the names that are indexes first, in their order.
    indexes = [key for key in value if _INDEX.fullmatch(key) and int(key) < 2**32 - 1]
    if not indexes:
        return list(value.items())
    rest = [item for item in value.items() if item[0] not in set(indexes)]
    return [(key, value[key]) for key in sorted(indexes, key=int)] + rest


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return _number(value)
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("NaN and infinity are not numbers of JSON")
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e21 or size < 1e-6:
        return re.sub(r"e([+-])0+", r"e\1", repr(value)).replace(".0e", "e")
    if value == int(value):
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def _text(value: str) -> str:
    plain = json.dumps(value, ensure_ascii=False)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", plain)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
