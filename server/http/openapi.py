"""The description of the API, made from the table of routes and the handlers' own types."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from aiohttp import web

from nodes.api import JSON
from server.engine.problems import Problem
from server.http.refusals import Ready
from server.http.shown import SHOWN_AS
from server.http.table import FORM_MEDIA, JSON_MEDIA, Route, Status, Tagged
from server.queue.rows import Job
from server.settings import VERSION
from server.typed_json import docs, schema

_REFUSAL: JSON = {
    "description": "A refusal, in words.",
    "content": {JSON_MEDIA: {"schema": {"$ref": "#/components/schemas/Error"}}},
}


@dataclass(frozen=True)
class ErrorDetail:
    """What went wrong, in words.

    Attributes:
        code: A dotted name for programs.
        message: What happened.
        hint: What to do about it.
        id: Under which the server's log says more; only where it does.
    """

    code: str
    message: str
    hint: str
    id: str = ""


@dataclass(frozen=True)
class Error:
    """Every answer that is no success.

    Attributes:
        error: What went wrong.
        problems: All that is wrong with a workflow, where one was sent.
    """

    error: ErrorDetail
    problems: tuple[Problem, ...]


def description(routes: Sequence[Route]) -> dict[str, JSON]:
    """Return the OpenAPI 3.1 document of a table of routes."""
    definitions: dict[str, JSON] = {}
    paths: dict[str, JSON] = {}
    for route in routes:
        entry = paths.setdefault(route.path, {})
        assert isinstance(entry, dict)
        entry[route.method.lower()] = _operation(route, definitions)
    schema(Error, definitions)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Weft",
            "version": VERSION,
            "summary": "Wire diffusion models on a canvas, queue them, fetch what they made.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, definitions: dict[str, JSON]) -> dict[str, JSON]:
    if route.fills_form:
        parameters = _parameters(route, definitions)
        schema(SHOWN_AS[Job], definitions)
        return run_operation(route.handler.__name__, route.summary, parameters, {"type": "object"})
    made: dict[str, JSON] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "parameters": _parameters(route, definitions),
        "responses": {
            str(_status(route)): _success(route, definitions),
            "default": _REFUSAL,
        },
    }
    if "body" in route.types:
        made["requestBody"] = {
            "required": True,
            "content": {JSON_MEDIA: {"schema": schema(route.types["body"], definitions)}},
        }
    elif route.form:
        made["requestBody"] = {"required": True, "content": {FORM_MEDIA: {"schema": _form(route)}}}
    return made


def run_operation(
    name: str, summary: str, parameters: list[JSON], values: dict[str, JSON]
) -> dict[str, JSON]:
    """Describe a run of a workflow.

    Args:
        name: The operation's id.
        summary: What it does.
        parameters: Those of path, query and header.
        values: The schema of the values that its form takes.
    """
    reference = f"#/components/schemas/{SHOWN_AS[Job].__name__}"
    job: dict[str, JSON] = {JSON_MEDIA: {"schema": {"$ref": reference}}}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "requestBody": {
            "required": False,
            "content": {media: {"schema": values} for media in (JSON_MEDIA, FORM_MEDIA)},
        },
        "responses": {
            "200": {
                "description": "What it made, the first picture or file of it; or the job.",
                "content": {"image/*": {}, "text/plain": {}, **job},
            },
            "202": {"description": "The job, which is not over.", "content": job},
            "default": _REFUSAL,
        },
    }


def _parameters(route: Route, definitions: dict[str, JSON]) -> list[JSON]:
    made: list[JSON] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in route.names
    ]
    if "query" in route.types:
        made.extend(query_parameters(route.types["query"], definitions))
    made.extend(
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in route.headers
    )
    return made


def query_parameters(kind: Any, definitions: dict[str, JSON]) -> list[JSON]:
    """Describe the parts of a query, which are the fields of a dataclass."""
    about = docs(kind)[1]
    # Described by way of the dataclass, so that bounds and defaults stand in one place.
    inner: dict[str, JSON] = {}
    schema(kind, inner)
    described = inner.pop(kind.__name__)
    definitions.update(inner)
    assert isinstance(described, dict)
    properties = described["properties"]
    assert isinstance(properties, dict)
    return [
        {
            "name": field.name,
            "in": "query",
            "description": about[field.name],
            "explode": False,
            "schema": properties[field.name],
        }
        for field in fields(kind)
    ]


def _success(route: Route, definitions: dict[str, JSON]) -> dict[str, JSON]:
    kind = route.types["return"]
    if _status(route) in (101, 204):
        return {"description": "Done."}
    if route.media != JSON_MEDIA:
        return {"description": "The content.", "content": {route.media: {}}}
    if typing.get_origin(kind) in (Tagged, Status):
        kind = typing.get_args(kind)[0]
    shown = {} if kind is Ready else schema(SHOWN_AS.get(kind, kind), definitions)
    return {"description": "Done.", "content": {JSON_MEDIA: {"schema": shown}}}


def _status(route: Route) -> int:
    kind = route.types["return"]
    if kind is web.WebSocketResponse:
        return 101
    return 204 if kind in (type(None), web.Response) else route.status


def _form(route: Route) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in route.form},
        "required": ["file"],
    }
