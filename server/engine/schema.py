"""The JSON Schema of the workflow file, for editors: one definition a node type."""

from collections.abc import Mapping
from typing import Any

from nodes.api.catalogue import Catalogue
from nodes.api.markers import Choice, Range, Seed
from nodes.api.spec import InputSpec, NodeSpec
from server.engine.graph import FORMAT, MODES, SUBGRAPH

ID = "^[A-Za-z0-9_-]{1,64}$"
_PLAIN: Mapping[str, str] = {
    "Int": "integer",
    "Float": "number",
    "String": "string",
    "Boolean": "boolean",
}
_SOURCE = {
    "type": "array",
    "prefixItems": [{"type": "string"}, {"type": "string"}],
    "minItems": 2,
    "maxItems": 2,
}


def workflow_schema(catalogue: Catalogue) -> dict[str, Any]:
    """Generate the schema (JSON Schema 2020-12) of workflow files that use these nodes.

    Unknown sections and unknown nodes are allowed, since files keep them.
    """
    names = sorted(catalogue.specs)
    known = [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"$ref": f"#/$defs/node:{_escaped(name)}"},
        }
        for name in names
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Weft workflow",
        "type": "object",
        "required": ["format", "nodes"],
        "properties": {
            "format": {"const": FORMAT},
            "title": {"type": "string"},
            "nodes": {"$ref": "#/$defs/nodes"},
            "view": _by_id({"$ref": "#/$defs/box"}),
            "frames": _by_id({"$ref": "#/$defs/box"}),
            "notes": _by_id({"$ref": "#/$defs/box"}),
            "subgraphs": _by_id({"$ref": "#/$defs/subgraph"}),
            "form": {"type": "array", "items": {"$ref": "#/$defs/field"}},
            "models": {"type": "array", "items": {"type": "object", "required": ["name"]}},
            "meta": {"type": "object"},
            "signatures": {"type": "object"},
        },
        "$defs": {
            **{f"node:{name}": _node(catalogue.specs[name]) for name in names},
            "nodes": _by_id({"$ref": "#/$defs/node"}),
            "node": {
                "type": "object",
                "required": ["type"],
                "properties": {
                    "type": {"type": "string", "minLength": 1},
                    "version": {"type": "integer", "minimum": 1},
                    "mode": {"enum": list(MODES)},
                    "title": {"type": "string"},
                    "inputs": {"type": "object"},
                },
                "allOf": known,
            },
            "subgraph": _subgraph(),
            "box": {
                "type": "object",
                "properties": {name: {"type": "number"} for name in ("x", "y", "width", "height")},
            },
            "field": {
                "type": "object",
                "required": ["node", "input"],
                "properties": {
                    "node": {"type": "string"},
                    "input": {"type": "string"},
                    "name": {"type": "string"},
                    "label": {"type": "string"},
                    "widget": {"type": "string"},
                    "min": {"type": "number"},
                    "max": {"type": "number"},
                    "group": {"type": "string"},
                },
            },
            "link": _one("link", _SOURCE),
            "links": _one("links", {"type": "array", "items": _SOURCE}),
            "reference": _one("input", {"type": "string"}),
        },
    }


def _node(spec: NodeSpec) -> dict[str, Any]:
    return {
        "title": spec.title,
        "description": spec.summary,
        "properties": {
            "version": {"maximum": spec.version},
            "inputs": {
                "type": "object",
                "properties": {item.name: _input(item) for item in spec.inputs},
                "additionalProperties": False,
            },
        },
    }


def _input(item: InputSpec) -> dict[str, Any]:
    wired = "links" if item.many else "link"
    forms: list[dict[str, Any]] = [{"$ref": f"#/$defs/{wired}"}, {"$ref": "#/$defs/reference"}]
    if item.generic or item.type == "*":
        forms += [{"not": {"type": "object"}}, _one("value", {})]
    elif item.type in _PLAIN:
        value = _value(item)
        value = {"type": "array", "items": value} if item.many else value
        forms += [value, _one("value", value)]
    if item.default is None:
        forms.append({"type": "null"})
    schema: dict[str, Any] = {"description": item.help, "anyOf": forms}
    if not item.required and item.default is not None:
        schema["default"] = item.default
    return schema


def _value(item: InputSpec) -> dict[str, Any]:
    value: dict[str, Any] = {"type": _PLAIN[item.type]}
    if isinstance(item.marker, Range):
        value |= {"minimum": item.marker.min, "maximum": item.marker.max}
    elif isinstance(item.marker, Choice):
        value["enum"] = list(item.marker.options)
    elif isinstance(item.marker, Seed):
        value |= {"minimum": 0, "maximum": 2**64 - 1}
    return value


def _subgraph() -> dict[str, Any]:
    named = {"name": {"type": "string"}, "type": {"type": "string"}}
    port = {"type": "object", "required": ["name", "type"], "properties": named}
    end = {
        "type": "object",
        "required": ["name", "type", "from"],
        "properties": {**named, "from": _SOURCE},
    }
    return {
        "type": "object",
        "description": f"Nodes of type {SUBGRAPH}KEY stand for it.",
        "required": ["nodes"],
        "properties": {
            "title": {"type": "string"},
            "inputs": {"type": "array", "items": port},
            "outputs": {"type": "array", "items": end},
            "nodes": {"$ref": "#/$defs/nodes"},
            "view": _by_id({"$ref": "#/$defs/box"}),
        },
    }


def _by_id(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "propertyNames": {"pattern": ID},
        "additionalProperties": dict(schema),
    }


def _one(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: dict(schema)},
        "required": [name],
        "additionalProperties": False,
    }


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").replace(" ", "%20")
