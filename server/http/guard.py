"""Who may talk to the server, and what every answer carries.

The rule: a page of another site can neither send anything here nor read what is answered, whatever
name it reaches this computer by.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from nodes.errors import NodeError
from server.engine.problems import Invalid
from server.http.keys import REQUEST_ID, SERVICES
from server.http.refusals import Refused, answer_to
from server.settings import Settings, is_loopback

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "weft_session"
_MANY_PROBLEMS = 100
"""From here on they take a millisecond to write."""
OPEN_PATHS = ("/healthz", "/readyz", "/api/v1/session")
"""Answered without the token: whether the server lives, and where the token is handed in."""
SAFE_METHODS = (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS)

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""For the editor: its own scripts and style sheets only, none inline."""
CONTENT_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""For everything else: nothing runs, whatever it is."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guard(settings: Settings) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Return the middleware that every request passes first."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = secrets.token_hex(6)
        request[REQUEST_ID] = request_id
        try:
            check_host(request, settings)
            check_origin(request, settings)
            check_token(request, settings)
            answer = await handler(request)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as problem:
            # A border: whatever went wrong, the client gets a sentence and the log the rest.
            code = problem.code if isinstance(problem, NodeError) else type(problem).__name__
            request.app[SERVICES].watch.count("rejections", reason=code)
            answer = await _answered(problem, request_id)
        return answer

    return guarded


async def _answered(problem: Exception, request_id: str) -> web.Response:
    """Answer with what went wrong; in a thread where there is much to say of it."""
    if isinstance(problem, Invalid) and len(problem.problems) > _MANY_PROBLEMS:
        return await asyncio.to_thread(answer_to, problem, request_id)
    return answer_to(problem, request_id)


async def finish(request: web.Request, answer: web.StreamResponse) -> None:
    """Put the headers on an answer that all of them carry, just before it is sent."""
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers["X-Request-Id"] = request.get(REQUEST_ID, "")
    answer.headers.pop(hdrs.SERVER, None)


def check_host(request: web.Request, settings: Settings) -> None:
    """Refuse a host name that is not ours: a page may have made its own name point here.

    Raises:
        Refused: `guard.host`.
    """
    name = _host_of(f"//{request.headers.get(hdrs.HOST, '')}")
    if name and (is_loopback(name) or name in _listed(settings)):
        return
    # An address cannot be made to point elsewhere, and a token is asked for beyond loopback.
    if name and not is_loopback(settings.host) and _is_address(name):
        return
    raise Refused(
        "The server does not answer to this host name.",
        hint="Use localhost, or start the server with --allowed-host and the name.",
        code="guard.host",
    )


def check_origin(request: web.Request, settings: Settings) -> None:
    """Refuse what a page of another site sends; reading is kept from it by the answer's headers.

    Raises:
        Refused: `guard.origin`.
    """
    upgrade = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    if request.method in SAFE_METHODS and not upgrade:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get(hdrs.ORIGIN)
    same = f"//{request.headers.get(hdrs.HOST, '')}"
    if site not in (None, "same-origin", "none") or (
        origin is not None and not _same_origin(origin, same, settings)
    ):
        raise Refused(
            "This came from a page of another site.",
            hint="Open the editor from the server itself.",
            code="guard.origin",
        )


def check_token(request: web.Request, settings: Settings) -> None:
    """Refuse a request without the token, where one is set.

    Raises:
        Refused: `guard.token`.
    """
    if not settings.token or _is_open(request):
        return
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() == "bearer" and matches(given.strip(), settings.token):
        return
    if matches(request.cookies.get(COOKIE, ""), session_value(settings.token)):
        return
    raise Refused(
        "This server asks for a token.",
        hint="Send it as `Authorization: Bearer …`, or hand it in on the page.",
        code="guard.token",
    )


def session_value(token: str) -> str:
    """Return what the cookie holds: it opens this server, but does not tell the token."""
    return hmac.new(token.encode(), b"weft session", hashlib.sha256).hexdigest()


def matches(given: str, expected: str) -> bool:
    """Compare secrets in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _is_open(request: web.Request) -> bool:
    path = request.path
    if path in OPEN_PATHS:
        return True
    # The page and its files hold no secrets, and the page is where the token is typed in.
    return request.method in SAFE_METHODS and (
        path in ("/", "/favicon.svg") or path.startswith("/assets/")
    )


def _same_origin(origin: str, host: str, settings: Settings) -> bool:
    try:
        ours, theirs = urlsplit(host), urlsplit(origin)
        same = theirs.scheme in ("http", "https") and theirs.netloc.lower() == ours.netloc.lower()
    except ValueError:
        return False
    return same or (theirs.scheme == "https" and _host_of(origin) in _listed(settings))


def _host_of(url: str) -> str:
    """Return the host name of a URL or `//host:port`, lower case; empty when it has none."""
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        _ = parts.port
    except ValueError:
        return ""
    if "@" in parts.netloc or parts.path or parts.query or parts.fragment:
        return ""
    return (parts.hostname or "").rstrip(".")


def _listed(settings: Settings) -> set[str]:
    named = {name.lower().rstrip(".") for name in settings.allowed_hosts}
    bound = settings.host.strip("[]").lower()
    return named | ({bound} if bound not in ("0.0.0.0", "::") else set())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
