"""The catalogue as `/object_info` tells it: inputs with their options, outputs with their types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from nodes.api import JSON, Catalogue
from nodes.api.spec import InputSpec, NodeSpec
from server.engine.values import Choices
from server.formats.interfaces import Interfaces, interfaces_of, places

_MOST_NUMBER = 2**53 - 1
"""Bounds of numbers that have none here: ComfyUI's page takes 0 to 2048 where nothing is said."""
_MOST_SEED = 2**64 - 1
_MOST_COLOUR = 0xFFFFFF


def object_info(catalogue: Catalogue, choices: Choices) -> dict[str, JSON]:
    """Describe every node.

    Args:
        catalogue: The nodes.
        choices: Names of the files of a kind.
    """
    types = interfaces_of(catalogue)
    return {name: node_info(spec, types, choices) for name, spec in catalogue.specs.items()}


def node_info(spec: NodeSpec, types: Interfaces, choices: Choices) -> dict[str, JSON]:
    """Describe one node."""
    groups: dict[str, dict[str, JSON]] = {"required": {}}
    # Programs that write workflows as calls rely on the order that the field's nodes have.
    listed = places(spec.id)
    for item in sorted(spec.inputs, key=lambda item: listed.get(item.name, len(listed))):
        group = "optional" if item.socket and not item.required else "required"
        groups.setdefault(group, {})[item.name] = input_config(item, types, choices)
    outputs = [_type(output.type, output.generic, (), types) for output in spec.outputs]
    help_text = f"{spec.summary}\n\n{spec.help}".strip()
    return {
        "input": {name: dict(items) for name, items in groups.items()},
        "input_order": {name: list(items) for name, items in groups.items()},
        "output": list(outputs),
        "output_is_list": [output.each for output in spec.outputs],
        "output_name": [
            kind if output.name.upper() == kind else output.name
            for output, kind in zip(spec.outputs, outputs, strict=True)
        ],
        "output_tooltips": [output.help for output in spec.outputs],
        "name": spec.id,
        "display_name": spec.title,
        "description": help_text,
        "python_module": spec.source,
        "category": spec.category,
        "output_node": spec.sink,
    }


def input_config(item: InputSpec, types: Interfaces, choices: Choices) -> list[JSON]:
    """Describe one input: its type, or the list of its choices, and its options."""
    options: dict[str, JSON] = {}
    if not item.required and not item.socket and item.default is not None:
        options["default"] = item.default
    kind: JSON = _type(item.type, item.generic, item.one_of or (), types)
    widget: Mapping[str, Any] = item.marker.describe() if item.marker is not None else {}
    match widget.get("kind"):
        case "choice":
            kind = list(widget["options"])
        case "file":
            kind = list(choices(widget["folder"]))
            if widget.get("upload"):
                options["image_upload"] = True
        case "range":
            bounds = {key: widget[key] for key in ("min", "max", "step")}
            options |= {key: bound for key, bound in bounds.items() if bound is not None}
        case "seed":
            options |= {"min": 0, "max": _MOST_SEED, "control_after_generate": True}
        case "colour":
            options |= {"min": 0, "max": _MOST_COLOUR, "step": 1, "display": "color"}
        case "multiline":
            options |= {"multiline": True, "dynamicPrompts": True}
    if kind in ("INT", "FLOAT"):
        options.setdefault("min", -_MOST_NUMBER)
        options.setdefault("max", _MOST_NUMBER)
    if kind == "STRING" and not item.socket:
        options.setdefault("multiline", False)
    if item.lazy:
        options["lazy"] = True
    if item.socket and kind in ("INT", "FLOAT", "STRING", "BOOLEAN"):
        options["forceInput"] = True
    if item.help:
        options["tooltip"] = item.help
    return [kind, options]


def short_config(item: InputSpec, types: Interfaces, choices: Choices, most: int) -> JSON:
    """Describe an input for an error: nothing where the choices are too many to list."""
    config = input_config(item, types, choices)
    if isinstance(config[0], list) and len(config[0]) > most:
        return None
    return config


def _type(kind: str, generic: bool, one_of: Collection[str], types: Interfaces) -> str:
    if generic:
        return ",".join(types.comfy_name(name) for name in one_of) or "*"
    return types.comfy_name(kind)
