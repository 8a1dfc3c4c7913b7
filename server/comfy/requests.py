"""What ComfyUI's clients send and are answered: JSON under any label, errors in its own form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import hdrs, web

from nodes.api import JSON
from nodes.errors import NodeError
from server.http.bodies import MOST_JSON_BYTES, read_bytes, read_json
from server.http.refusals import json_answer
from server.strict_json import JSONProblem, loads

_LARGE = 64 * 2**10
"""From here on JSON is read and written in a thread."""
_MOST_CHARACTERS = 200


@dataclass(eq=False)
class Refusal(Exception):
    """A prompt that is not taken, told in ComfyUI's form.

    Attributes:
        kind: For programs, such as `prompt_no_outputs`.
        message: A sentence.
        details: Where, and what else there is to say.
        nodes: `node_errors`: what is wrong with each node.
        status: Of the answer.
    """

    kind: str
    message: str
    details: str = ""
    nodes: Mapping[str, JSON] | None = None
    status: int = 400

    def answer(self) -> web.Response:
        """Return the HTTP answer."""
        error: dict[str, JSON] = {
            "type": self.kind,
            "message": self.message,
            "details": self.details,
            "extra_info": {},
        }
        nodes: dict[str, JSON] = dict(self.nodes or {})
        return json_answer({"error": error, "node_errors": nodes}, self.status)


async def body_of(request: web.Request) -> JSON:
    """Read a JSON body; nothing at all is None.

    Scripts send JSON under whatever label their library has; a browser always says where it comes
    from, and is held to `application/json`, which other sites' pages cannot send.

    Raises:
        Refused: when it is too large, or a browser calls it something else.
        JSONProblem: when it is not JSON.
    """
    if not request.can_read_body:
        return None
    if hdrs.ORIGIN in request.headers or "Sec-Fetch-Site" in request.headers:
        return await read_json(request)
    data = await read_bytes(request, MOST_JSON_BYTES)
    if not data.strip():
        return None
    return loads(data) if len(data) < _LARGE else await asyncio.to_thread(loads, data)


async def object_of(request: web.Request) -> dict[str, JSON]:
    """Read a body that is a JSON object; nothing at all is an empty one.

    Raises:
        JSONProblem: `json.object`, when it is something else.
    """
    body = await body_of(request)
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise JSONProblem(
            "The body has to be a JSON object.", hint="Send {} at least.", code="json.object"
        )
    return body


def ids_in(body: Mapping[str, JSON], key: str) -> list[str]:
    """Return the ids that a body lists under a key.

    Raises:
        JSONProblem: `json.ids`, when it is no list of texts.
    """
    listed = body.get(key, [])
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise JSONProblem(
            f"`{key}` has to be a list of ids.", hint="Each id is a text.", code="json.ids"
        )
    return [str(item) for item in listed]


def id_in(body: Mapping[str, JSON], key: str) -> str | None:
    """Return the id that a body gives under a key; None where it gives none.

    Raises:
        JSONProblem: `json.ids`, when it is no text.
    """
    given = body.get(key)
    if given is not None and not isinstance(given, str):
        raise JSONProblem(f"`{key}` has to be an id.", hint="An id is a text.", code="json.ids")
    return given


def number_in(request: web.Request, key: str, default: int) -> int:
    """Return a whole number of the query.

    Raises:
        NodeError: `query.number`, when it is none.
    """
    text = request.query.get(key)
    if text is None:
        return default
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= 18):
        raise NodeError(
            f"`{key}` has to be a whole number.", hint="Write it with digits.", code="query.number"
        )
    return int(text)


def is_name(value: object) -> bool:
    """Tell whether a value can be the id of a prompt or a client."""
    return isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS and value.isprintable()


async def sent(value: object) -> web.Response:
    """Return a value that may be large as JSON, written in a thread."""
    return await asyncio.to_thread(json_answer, value)


def done() -> web.Response:
    """Return the empty answer that says: done."""
    return web.Response(status=200)
