"""The forms of all workflows in the API's description: a path for each, with its values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from nodes.api import JSON, Catalogue
from nodes.errors import NodeError
from server.engine.form import Field, fields_of, schema_of
from server.engine.graph import Graph
from server.engine.problems import Invalid
from server.engine.upgrade import upgrade
from server.engine.values import Choices
from server.http.forms import RunQuery, TemplateRunQuery, run_path
from server.http.openapi import query_parameters, run_operation
from server.library import Library

_QUERIES: Mapping[str, type[Any]] = {"workflows": RunQuery, "templates": TemplateRunQuery}


def form_paths(
    libraries: Mapping[str, Library], catalogue: Catalogue, choices: Choices
) -> dict[str, JSON]:
    """Describe a run of each workflow that has a form; reads all of them.

    Args:
        libraries: Those of the workflows by the kind that their paths name.
        catalogue: What nodes there are.
        choices: Names of the files of a kind.
    """
    paths: dict[str, JSON] = {}
    taken: set[str] = set()
    for kind, library in libraries.items():
        parameters = query_parameters(_QUERIES[kind], {})
        for name, title, fields in _forms(library, catalogue):
            taken.add(operation := _operation_id(kind, name, taken))
            summary = f"Run “{title or name}”."
            values = values_schema(fields, choices)
            made = run_operation(operation, summary, parameters, values)
            paths[run_path(kind, name)] = {"post": made}
    return paths


def values_schema(fields: tuple[Field, ...], choices: Choices) -> dict[str, JSON]:
    """Return the JSON Schema of the values that a form takes."""
    required: list[JSON] = [field.name for field in fields if not field.given]
    return {
        "type": "object",
        "properties": {field.name: schema_of(field, choices) for field in fields},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _forms(library: Library, catalogue: Catalogue) -> Iterator[tuple[str, str, tuple[Field, ...]]]:
    for entry in library.entries():
        try:
            graph = upgrade(Graph.from_json(library.get(entry.name)[0]), catalogue)
        except (NodeError, Invalid):
            # Gone meanwhile, or no workflow that could run: there is nothing to describe.
            continue
        if fields := fields_of(graph, catalogue):
            yield entry.name, entry.title, fields


def _operation_id(kind: str, name: str, taken: Collection[str]) -> str:
    """Name an operation as programs that write clients need it: letters, digits and `_`."""
    plain = f"run_{kind}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}"
    number = 2
    found = plain
    while found in taken:
        found = f"{plain}_{number}"
        number += 1
    return found
