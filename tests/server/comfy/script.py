"""The script that everybody has for ComfyUI: submit, listen until it is done, fetch the picture."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.server.running import Server

Prompt = dict[str, dict[str, Any]]
_PATIENCE = 60


@dataclass
class Heard:
    """What a client was told.

    Attributes:
        answer: Of `/prompt`.
        messages: Type and data of each, in order.
        frames: The binary ones.
        at_work: Which node ran when each of those came, as the messages before it say.
    """

    answer: dict[str, Any] = field(default_factory=dict)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    at_work: list[str | None] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.answer["prompt_id"])

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for name, data in self.messages if name == kind]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def simple(color: int = 0, sink: str = "PreviewImage", **more: Any) -> Prompt:
    """The prompt of the recording."""
    return {
        "1": node("EmptyImage", width=16, height=16, batch_size=1, color=color),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node(sink, images=["2", 0], **more),
    }


def post(server: Server, path: str, value: Any) -> tuple[int, Any]:
    """Send JSON as urllib does by itself: under the label of a form."""
    return send(server, "POST", path, json.dumps(value).encode())


def get(server: Server, path: str) -> tuple[int, Any]:
    return send(server, "GET", path)


def send(
    server: Server,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Return status and JSON; what is no JSON as bytes."""
    address = f"http://127.0.0.1:{server.port}{path}"
    request = urllib.request.Request(address, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return answer.status, _parsed(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _parsed(error.read())


def view(server: Server, image: Mapping[str, str], **more: str) -> bytes:
    """Fetch a picture that the history names."""
    status, data = get(server, "/view?" + urllib.parse.urlencode({**image, **more}))
    assert status == 200, data
    assert isinstance(data, bytes)
    return data


def run(server: Server, prompt: Prompt, **more: Any) -> Heard:
    """Submit a prompt and listen until it is done."""
    return asyncio.run(followed(server, prompt, **more))


async def followed(
    server: Server,
    prompt: Prompt,
    *,
    client: str = "",
    flags: Mapping[str, Any] | None = None,
    react: Callable[[str, dict[str, Any]], Awaitable[None]] | None = None,
    **body: Any,
) -> Heard:
    client = client or uuid.uuid4().hex
    heard = Heard()
    async with aiohttp.ClientSession() as session, connected(session, server, client) as socket:
        if flags is not None:
            await socket.send_str(json.dumps({"type": "feature_flags", "data": dict(flags)}))
        status, heard.answer = await asyncio.to_thread(
            post, server, "/prompt", {"prompt": prompt, "client_id": client, **body}
        )
        assert status == 200, heard.answer
        await listen(socket, heard, react)
    return heard


def connected(session: aiohttp.ClientSession, server: Server, client: str) -> Any:
    return session.ws_connect(f"http://127.0.0.1:{server.port}/ws?clientId={client}")


async def listen(
    socket: aiohttp.ClientWebSocketResponse,
    heard: Heard,
    react: Callable[[str, dict[str, Any]], Awaitable[None]] | None = None,
) -> None:
    """Keep what is told until the client's prompt is done."""
    while True:
        message = await asyncio.wait_for(socket.receive(), _PATIENCE)
        if message.type is aiohttp.WSMsgType.BINARY:
            heard.frames.append(message.data)
            running = heard.of("executing")
            heard.at_work.append(running[-1]["node"] if running else None)
            continue
        assert message.type is aiohttp.WSMsgType.TEXT, message
        told = json.loads(message.data)
        heard.messages.append((told["type"], told["data"]))
        if react is not None:
            await react(told["type"], told["data"])
        if told["type"] == "executing" and told["data"]["node"] is None:
            return


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data
