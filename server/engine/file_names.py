"""Names of saved files that tell what was set: `%KSampler.seed%` becomes the seed."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nodes.api.catalogue import Catalogue
from nodes.api.file_names import cut, plain_name
from nodes.api.markers import FileName
from server.engine.effective import Flat
from server.engine.graph import Literal, Node

_PLACE = re.compile(r"%([^%]+)\.([^%.]+)%")
_VALUE_BYTES = 80
"""Of one value in a name, so that a prompt leaves room for the rest."""


def with_file_names(flat: Flat, catalogue: Catalogue) -> Flat:
    """Put values of inputs into the names that files are saved under.

    `%Title.input%` names a node by its title, else by its type, else by its id; the first one
    counts. What is wired, or is not there, stays as it was written.
    """
    changed: dict[str, Node] = {}
    known: Mapping[str, Node] | None = None
    for id_, node in flat.nodes.items():
        spec = catalogue.specs.get(node.type)
        for item in spec.inputs if spec is not None else ():
            given = node.inputs.get(item.name)
            if not isinstance(item.marker, FileName) or not isinstance(given, Literal):
                continue
            if not isinstance(given.value, str) or not _PLACE.search(given.value):
                continue
            known = known or _by_name(flat)
            text = _filled(given.value, known, catalogue)
            node = replace(node, inputs={**node.inputs, item.name: Literal(text)})
            changed[id_] = node
    return replace(flat, nodes={**flat.nodes, **changed}) if changed else flat


def _by_name(flat: Flat) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node in flat.nodes.values():
        found.setdefault(str(node.extra.get("title", "")), node)
    for node in flat.nodes.values():
        found.setdefault(node.type, node)
    return {**flat.nodes, **found}


def _filled(text: str, known: Mapping[str, Node], catalogue: Catalogue) -> str:
    def value(place: re.Match[str]) -> str:
        node = known.get(place[1])
        spec = catalogue.specs.get(node.type) if node is not None else None
        item = spec.input(place[2]) if spec is not None else None
        if node is None or item is None or item.socket:
            return place[0]
        given = node.inputs.get(item.name, None if item.required else Literal(item.default))
        if not isinstance(given, Literal) or isinstance(given.value, dict | list | type(None)):
            return place[0]
        return cut(plain_name(_written(given.value)), _VALUE_BYTES).strip(" .")

    return _PLACE.sub(value, text)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
