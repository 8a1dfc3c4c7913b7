"""How a refusal is told over HTTP: its status, and `{"error": …, "problems": […]}`."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from nodes.api import JSON
from nodes.errors import NodeError
from server.disk import DiskFull, is_full
from server.engine.problems import Invalid
from server.strict_json import dumps

LOG = logging.getLogger("weft.http")

RETRY_SECONDS = 5

STATUS: Mapping[str, int] = {
    "body.encoding": 415,
    "body.media": 415,
    "body.size": 413,
    "catalogue.pending": 503,
    "disk.full": 507,
    "file.busy": 409,
    "file.kind": 404,
    "file.missing": 404,
    "file.taken": 409,
    "guard.host": 421,
    "guard.origin": 403,
    "guard.token": 401,
    "job.cancelled": 409,
    "job.conflict": 409,
    "job.failed": 500,
    "job.missing": 404,
    "job.quarantined": 500,
    "job.state": 409,
    "json.size": 413,
    "picture.size": 413,
    "queue.full": 429,
    "route.method": 405,
    "route.missing": 404,
    "server.starting": 503,
    "server.stopping": 503,
    "workflow.conflict": 412,
    "workflow.taken": 412,
}
"""Statuses by code; of the others, those below by the code's first part."""

_BY_FAMILY: Mapping[str, int] = {
    "file": 400,
    "json": 400,
    "query": 400,
    "guard": 403,
    "body": 422,
    "picture": 422,
    "workflow": 422,
}


class Refused(NodeError):
    """A request that is refused, for a reason that its sender can mend."""


def status_of(code: str) -> int:
    """Return the HTTP status that goes with an error's code."""
    return STATUS.get(code) or _BY_FAMILY.get(code.partition(".")[0], 422)


def error_answer(
    status: int,
    code: str,
    message: str,
    hint: str = "",
    *,
    problems: Sequence[Mapping[str, JSON]] = (),
    request_id: str = "",
) -> web.Response:
    """Return an error in the one form that all of them have."""
    error: dict[str, JSON] = {"code": code, "message": message, "hint": hint}
    if request_id:
        error["id"] = request_id
    response = json_answer({"error": error, "problems": [dict(p) for p in problems]}, status)
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="weft"'
    return response


@dataclass(frozen=True)
class Ready:
    """JSON that is text already."""

    text: bytes


def json_answer(value: object, status: int = 200) -> web.Response:
    """Return a value as JSON; what has `to_json` is asked for it."""
    return web.Response(
        body=value.text if isinstance(value, Ready) else dumps(value, default=_as_json).encode(),
        status=status,
        content_type="application/json",
    )


def answer_to(problem: Exception, request_id: str) -> web.Response:
    """Return the answer to whatever a handler raised; only here is everything caught."""
    if isinstance(problem, Invalid):
        return _invalid(problem)
    if isinstance(problem, NodeError):
        return error_answer(status_of(problem.code), problem.code, problem.message, problem.hint)
    if isinstance(problem, web.HTTPException):
        return _of_aiohttp(problem)
    if is_full(problem):
        full = DiskFull()
        return error_answer(507, full.code, full.message, full.hint)
    if isinstance(problem, sqlite3.OperationalError):
        LOG.error("The database failed (request %s)", request_id, exc_info=problem)
        return error_answer(
            503,
            "server.database",
            "The database cannot be used for now.",
            "Try again in some seconds; the server's log says more under this id.",
            request_id=request_id,
        )
    LOG.error("Request %s failed", request_id, exc_info=problem)
    return error_answer(
        500,
        "server.error",
        "The server made a mistake with this request.",
        "It is in the server's log under this id; please report it.",
        request_id=request_id,
    )


def _as_json(value: object) -> object:
    to_json = getattr(value, "to_json", None)
    if to_json is None:
        raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
    return to_json()


def _invalid(problem: Invalid) -> web.Response:
    count = len(problem.problems)
    first = problem.problems[0].message if problem.problems else ""
    message = first if count == 1 else f"{problem.subject} has {count} problems; the first: {first}"
    return error_answer(
        422,
        problem.code,
        message,
        problem.hint,
        problems=[each.to_json() for each in problem.problems],
    )


def _of_aiohttp(problem: web.HTTPException) -> web.Response:
    status = problem.status
    phrase = HTTPStatus(status).phrase.lower()
    codes = {404: "route.missing", 405: "route.method", 413: "body.size"}
    code = codes.get(status, f"http.{status}")
    hint = "The routes are described at /api/v1/openapi.json." if status in (404, 405) else ""
    answer = error_answer(status, code, f"The request cannot be answered: {phrase}.", hint)
    if "Allow" in problem.headers:
        answer.headers["Allow"] = problem.headers["Allow"]
    return answer
