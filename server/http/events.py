"""What happens, over a WebSocket: numbered events as text, previews as binary frames."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

from aiohttp import WSCloseCode, WSMsgType, web

from server.feed import RESET, FeedEvent
from server.http.keys import SOCKETS
from server.http.table import Call
from server.strict_json import dumps
from server.typed_json import Bounds

LOG = logging.getLogger("weft.http")

PREVIEW = "node.preview"
HEARTBEAT_SECONDS = 20.0
"""A connection whose other end is gone is noticed after this long."""
MOST_MESSAGE_BYTES = 4096
"""Clients have nothing to say; what they say is read and left."""
SEND_SECONDS = 60.0
"""A client that takes nothing for this long is cut off; it may come back with `after`."""


@dataclass(frozen=True)
class FeedQuery:
    """Where to begin.

    Attributes:
        after: The number of the last event that was seen; those after it are sent first. From
            now on where left out.
        client: Who listens; the same name goes along with jobs that it submits.
    """

    after: Annotated[int, Bounds(0)] | None = None
    client: Annotated[str, Bounds(0, 200)] | None = None


async def follow_events(call: Call, query: FeedQuery) -> web.WebSocketResponse:
    """Open a WebSocket that is told of everything that happens."""
    socket = web.WebSocketResponse(
        heartbeat=HEARTBEAT_SECONDS, max_msg_size=MOST_MESSAGE_BYTES, compress=False
    )
    await socket.prepare(call.request)
    sockets = call.request.app[SOCKETS]
    sockets.add(socket)
    telling = asyncio.create_task(_tell(call, socket, query.after))
    try:
        # Reading is what notices that the client went away.
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
    finally:
        sockets.discard(socket)
        telling.cancel()
        (failure,) = await asyncio.gather(telling, return_exceptions=True)
        if isinstance(failure, Exception):
            LOG.error("A WebSocket could not be told of events", exc_info=failure)
    return socket


async def close_sockets(app: web.Application) -> None:
    """Say goodbye to everyone who listens, so that they come back to the next server."""
    sockets = app[SOCKETS]
    for socket in tuple(sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"The server is stopping")


async def _tell(call: Call, socket: web.WebSocketResponse, after: int | None) -> None:
    feed = call.services.feed
    hello = {"type": "hello", "seq": feed.latest, "session": feed.session}
    try:
        await socket.send_str(dumps(hello))
        # Without `after` it begins where the greeting stands, so that nothing falls between.
        start = feed.latest if after is None else after
        async with aclosing(feed.batches(start)) as batches:
            async for batch in batches:
                async with asyncio.timeout(SEND_SECONDS):
                    await _send(call.request, socket, batch)
    except (ConnectionError, TimeoutError):
        # The client is gone or stuck; what it missed is kept for when it comes back.
        return
    finally:
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)


async def _send(
    request: web.Request, socket: web.WebSocketResponse, batch: Sequence[FeedEvent]
) -> None:
    """Send all but the last at once: a system call for each costs more than making the event."""
    *before, last = (_message(event) for event in batch)
    if before and not socket.closed and request.transport is not None:
        request.transport.write(b"".join(_frame(opcode, data) for opcode, data in before))
    # The last goes the usual way, which waits for a client that is slow.
    opcode, data = last
    await socket.send_frame(data, opcode)


def _message(event: FeedEvent) -> tuple[WSMsgType, bytes]:
    if event.type == PREVIEW and event.blob is not None:
        return WSMsgType.BINARY, preview_frame(event)
    if event.type == RESET:
        return WSMsgType.TEXT, dumps({"type": RESET}).encode()
    return WSMsgType.TEXT, event.text.encode()


def _frame(opcode: WSMsgType, data: bytes) -> bytes:
    """Return one unfragmented frame of a server (RFC 6455, section 5.2)."""
    first, size = 0x80 | opcode.value, len(data)
    if size < 126:
        return struct.pack("!BB", first, size) + data
    if size < 2**16:
        return struct.pack("!BBH", first, 126, size) + data
    return struct.pack("!BBQ", first, 127, size) + data


def preview_frame(event: FeedEvent) -> bytes:
    """Return a preview as a frame: header length (32 bits, big-endian), header JSON, image."""
    header = dumps(
        {
            "type": PREVIEW,
            "job": event.job,
            "node": event.node,
            "document": event.document,
            "mime": event.data.get("mime", "image/jpeg"),
        }
    ).encode()
    return struct.pack(">I", len(header)) + header + (event.blob or b"")
