"""A route, and how a typed function becomes its handler: the signature is the declaration.

A handler takes the call, the path's names as texts, `query` and `body` as dataclasses, and returns
what is sent: something with `to_json`, a finished response, or nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aiohttp import hdrs, web

from server.http.bodies import check_no_body, read_body, read_query
from server.http.content import REVALIDATE
from server.http.keys import SERVICES
from server.http.refusals import json_answer
from server.typed_json import hints

if TYPE_CHECKING:
    from server.services import Services

T = TypeVar("T")

JSON_MEDIA = "application/json"
FORM_MEDIA = "multipart/form-data"


@dataclass(frozen=True)
class Call:
    """A request, and the parts of the server that serve it."""

    request: web.Request
    services: Services


@dataclass(frozen=True)
class Tagged(Generic[T]):
    """An answer with its ETag; who has it already gets 304 in place of it."""

    value: T
    tag: str


@dataclass(frozen=True)
class Status(Generic[T]):
    """An answer with a status other than its route's usual one."""

    value: T
    status: int


@dataclass(frozen=True)
class Route:
    """One entry of the table of routes.

    Attributes:
        method: The HTTP method.
        path: With `{name}` for what the handler takes as a text.
        handler: Answers it; the first line of its docstring is the route's description.
        status: Of the answer when all went well; 204 where nothing is returned.
        media: The answer's type.
        form: The fields of the form that is the body, where it is one, with what they are.
        headers: Request headers that matter to it, with what they are.
        fills_form: Whether the body has values for a workflow's form, which the handler reads.
        large: Whether the answer may be megabytes, which are written in a thread.
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[object]]
    status: int = 200
    media: str = JSON_MEDIA
    form: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    large: bool = False
    fills_form: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @cached_property
    def types(self) -> Mapping[str, Any]:
        """The types of the handler's parameters, and of its answer under `return`."""
        return hints(self.handler)

    @property
    def summary(self) -> str:
        """What the route does, in a sentence."""
        return (inspect.getdoc(self.handler) or "").split("\n\n", 1)[0].replace("\n", " ")


def add_route(app: web.Application, route: Route) -> None:
    """Serve a route in an application."""
    answer = _answering(route)
    if route.method == hdrs.METH_GET:
        app.router.add_get(route.path, answer)
    else:
        app.router.add_route(route.method, route.path, answer)


def _answering(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    types = route.types

    async def answer(request: web.Request) -> web.StreamResponse:
        arguments: dict[str, Any] = {name: request.match_info[name] for name in route.names}
        if "query" in types:
            arguments["query"] = read_query(request, types["query"])
        if "body" in types:
            arguments["body"] = await read_body(request, types["body"])
        elif not (route.form or route.fills_form or route.method == hdrs.METH_GET):
            check_no_body(request)
        result: object = await route.handler(Call(request, request.app[SERVICES]), **arguments)
        if route.large:
            return await asyncio.to_thread(_sent, request, result, route.status)
        return _sent(request, result, route.status)

    return answer


def _sent(request: web.Request, result: object, status: int) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if isinstance(result, Tagged):
        return _tagged(request, result, status)
    if isinstance(result, Status):
        return json_answer(result.value, result.status)
    if result is None:
        return web.Response(status=204)
    return json_answer(result, status)


def _tagged(request: web.Request, result: Tagged[object], status: int) -> web.Response:
    has = request.if_none_match if request.method == hdrs.METH_GET else None
    if has and any(tag.value in (result.tag, "*") for tag in has):
        answer = web.Response(status=304)
    else:
        answer = json_answer(result.value, status)
    answer.headers[hdrs.ETAG] = f'"{result.tag}"'
    answer.headers[hdrs.CACHE_CONTROL] = REVALIDATE
    return answer
