"""`/ws`: each client is told of its own prompts, and how long the queue is."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from nodes.api import JSON
from nodes.errors import FileProblem, NodeError
from server.artifacts import Artifact
from server.comfy.messages import Message, Run
from server.comfy.queue import remaining
from server.comfy.requests import is_name
from server.comfy.theirs import theirs_of
from server.feed import RESET, FeedEvent
from server.http.events import HEARTBEAT_SECONDS, SEND_SECONDS
from server.http.keys import SERVICES, SOCKETS
from server.strict_json import dumps, loads

if TYPE_CHECKING:
    from server.services import Services

LOG = logging.getLogger("weft.comfy")

_MOST_MESSAGE_BYTES = 64 * 2**10
_PREVIEWS = "supports_preview_metadata"


def features(services: Services) -> dict[str, JSON]:
    """Return what the server can do, as it answers a client that says what it can do."""
    return {_PREVIEWS: True, "max_upload_size": services.settings.upload_limit * 2**20}


async def follow(request: web.Request) -> web.WebSocketResponse:
    """Open a WebSocket for a client."""
    given = request.query.get("clientId", "")
    if given and not is_name(given):
        raise NodeError(
            "The clientId has to be 1 to 200 printable characters.",
            hint="A random UUID serves.",
            code="query.client",
        )
    services = request.app[SERVICES]
    socket = web.WebSocketResponse(
        heartbeat=HEARTBEAT_SECONDS, max_msg_size=_MOST_MESSAGE_BYTES, compress=False
    )
    follower = _Follower(services, socket, given or uuid.uuid4().hex)
    # From here on nothing is missed: a client may submit as soon as it is connected.
    start = services.feed.latest
    await socket.prepare(request)
    sockets = request.app[SOCKETS]
    sockets.add(socket)
    telling = asyncio.create_task(follower.tell(start))
    try:
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
            if message.type is WSMsgType.TEXT:
                await follower.hear(message.data)
    finally:
        sockets.discard(socket)
        telling.cancel()
        (failure,) = await asyncio.gather(telling, return_exceptions=True)
        if isinstance(failure, Exception):
            LOG.error("A client could not be told of its prompts", exc_info=failure)
    return socket


class _Follower:
    """One connection of one client."""

    def __init__(self, services: Services, socket: web.WebSocketResponse, client: str) -> None:
        self._services = services
        self._socket = socket
        self._client = client
        self._runs: dict[str, Run] = {}
        self._with_metadata = False
        self._left: JSON = None

    async def hear(self, text: str) -> None:
        """Take what the client says of itself; all else it says is left."""
        try:
            said = loads(text.encode("utf-8", "surrogatepass"))
        except NodeError:
            # ComfyUI reads one kind of message and lets all others pass, whatever they are.
            return
        if not isinstance(said, dict) or said.get("type") != "feature_flags":
            return
        flags = said.get("data")
        self._with_metadata = isinstance(flags, dict) and flags.get(_PREVIEWS) is True
        await self._send("feature_flags", features(self._services))

    async def tell(self, start: int) -> None:
        """Tell what happens after some event, without end."""
        try:
            await self._greet(start)
            async with aclosing(self._services.feed.subscribe(start)) as events:
                async for event in events:
                    await self._pass_on(event)
        except (ConnectionError, TimeoutError):
            # The client is gone or stuck; the history has what it missed.
            return
        finally:
            await self._socket.close()

    async def _greet(self, start: int) -> None:
        await self._send_status(sid=self._client)
        for job in (await self._services.jobs.queue()).running:
            if job.client != self._client:
                continue
            run = await self._run(job.id)
            if run is None:
                continue
            for event in await self._services.feed.of_job(job.id):
                if event.seq is not None and event.seq <= start:
                    run.hear(event)
            if run.node is not None:
                await self._send(*run.executing(run.node))

    async def _pass_on(self, event: FeedEvent) -> None:
        if event.type == "queue.changed":
            await self._send_count(event.data["queued"] + event.data["running"])
        elif event.type == RESET:
            self._runs.clear()
            await self._send_status()
        elif event.client == self._client and event.job is not None:
            await self._pass_on_own(event, event.job)

    async def _pass_on_own(self, event: FeedEvent, job: str) -> None:
        if event.type == "job.queued":
            await self._send_status()
            return
        if event.type == "job.started":
            self._runs.pop(job, None)
            await self._send_status()
        ending = event.type == "job.finished"
        if job not in self._runs and not (ending or event.type == "job.started"):
            return
        run = await self._run(job)
        if run is None:
            return
        if event.type == "node.preview":
            if run.wants_previews(self._with_metadata):
                mime = event.data.get("mime", "image/jpeg")
                await self._send_picture(run, event, mime, event.blob or b"")
            return
        for kind, data in run.hear(event):
            await self._send(kind, data)
        sent = run.sent(event)
        if sent is not None:
            await self._send_result(run, event, sent)
        if ending:
            del self._runs[job]
            await self._send_status()
            await self._send(*run.executing(None))

    async def _send_result(self, run: Run, event: FeedEvent, artifact: Artifact) -> None:
        """Send what a node sends, while the client takes that node for the one at work."""
        node = run.name(event)
        if run.node != node:
            # It was computed before, and its picture is still there.
            await self._send(*run.executing(node))
        try:
            path = self._services.artifacts.path(artifact)
            data = await asyncio.to_thread(path.read_bytes)
        except (FileProblem, OSError):
            LOG.warning("%s was deleted before it was sent", artifact.name)
            return
        await self._send_picture(run, event, artifact.mime, data)

    async def _send_picture(self, run: Run, event: FeedEvent, mime: str, data: bytes) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_bytes(run.picture(event, mime, data, self._with_metadata))

    async def _run(self, job: str) -> Run | None:
        """Return what is known of a job; nothing where it was deleted in the meantime."""
        known = self._runs.get(job)
        if known is None:
            catalogue = await self._services.nodes.get()
            found = await self._services.jobs.get(job, detail=True)
            if found is None:
                return None
            theirs = await asyncio.to_thread(theirs_of, found, catalogue)
            known = self._runs[job] = Run(job, theirs, self._services.artifacts.text)
        return known

    async def _send_status(self, sid: str | None = None) -> None:
        told = await remaining(self._services)
        self._left = told["queue_remaining"]
        data: dict[str, JSON] = {"status": {"exec_info": told}}
        await self._send("status", data if sid is None else {**data, "sid": sid})

    async def _send_count(self, left: int) -> None:
        """Tell the queue's length where it is news."""
        if left != self._left:
            self._left = left
            await self._send("status", {"status": {"exec_info": {"queue_remaining": left}}})

    async def _send(self, kind: str, data: Any) -> None:
        message: Message = (kind, data)
        text = dumps({"type": message[0], "data": message[1]})
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_str(text)
