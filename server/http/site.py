"""The editor itself: the page, its scripts and styles, and the session that a token opens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web

from server.http.content import page_answer
from server.http.guard import COOKIE, matches, session_value
from server.http.refusals import Refused
from server.http.table import Call
from server.settings import ROOT
from server.typed_json import Bounds

BUILD = ROOT / "web" / "dist"

_MONTH_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class SessionBody:
    """What opens a session.

    Attributes:
        token: The server's token.
    """

    token: Annotated[str, Bounds(0, 1000)]


async def get_page(call: Call) -> web.FileResponse:
    """Return the editor."""
    return await asyncio.to_thread(page_answer, BUILD, "index.html")


async def get_icon(call: Call) -> web.FileResponse:
    """Return the editor's icon."""
    return await asyncio.to_thread(page_answer, BUILD, "favicon.svg")


async def get_page_part(call: Call, name: str) -> web.FileResponse:
    """Return a script, style or picture of the editor."""
    return await asyncio.to_thread(page_answer, BUILD, f"assets/{name}")


async def open_session(call: Call, body: SessionBody) -> web.Response:
    """Take the token, and set a cookie that stands for it in this browser."""
    token = call.services.settings.token
    if token and not matches(body.token, token):
        raise Refused("This is not the token.", hint="Look at how it began.", code="guard.token")
    answer = web.Response(status=204)
    if token:
        answer.set_cookie(
            COOKIE,
            session_value(token),
            max_age=_MONTH_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=call.request.secure,
        )
    return answer


async def close_session(call: Call) -> web.Response:
    """Forget the token in this browser."""
    answer = web.Response(status=204)
    answer.del_cookie(COOKIE)
    return answer
