"""Events over the WebSocket: each once, in order, also after a break."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from server.feed import FeedEvent
from server.http.events import preview_frame
from tests.server.http.serving import V1, Client, workflow

Socket = aiohttp.ClientWebSocketResponse


def listen(server: Client, act: Callable[[Socket], Awaitable[Any]], query: str = "") -> Any:
    async def connected() -> Any:
        url = f"http://127.0.0.1:{server.port}{V1}/events{query}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            return await asyncio.wait_for(act(socket), 20)

    return asyncio.run(connected())


async def submit(server: Client, title: str) -> str:
    body = {"workflow": workflow(), "title": title, "client": "me"}
    answer = await asyncio.to_thread(server.post, f"{V1}/jobs", body)
    return str(answer.json()["id"])


async def numbered(socket: Socket, count: int) -> list[dict[str, Any]]:
    """The next events that have a number."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        event = await socket.receive_json()
        if "seq" in event:
            found.append(event)
    return found


def test_who_listens_is_greeted_and_told(server: Client) -> None:
    async def act(socket: Socket) -> None:
        hello = await socket.receive_json()
        assert (hello["type"], isinstance(hello["seq"], int)) == ("hello", True)
        assert hello["session"]
        job = await submit(server, "Told")
        (event,) = await numbered(socket, 1)
        assert event["seq"] > hello["seq"]
        assert (event["type"], event["job"], event["client"]) == ("job.queued", job, "me")
        assert event["data"]["title"] == "Told"

    listen(server, act)


def test_who_comes_back_gets_what_they_missed_once_and_in_order(server: Client) -> None:
    async def first(socket: Socket) -> int:
        return int((await socket.receive_json())["seq"])

    seen = listen(server, first)
    jobs = [asyncio.run(submit(server, f"{n}")) for n in range(5)]

    async def again(socket: Socket) -> list[dict[str, Any]]:
        await socket.receive_json()
        late = asyncio.create_task(submit(server, "late"))
        found = await numbered(socket, 6)
        jobs.append(await late)
        return found

    found = listen(server, again, f"?after={seen}&client=me")
    assert [event["job"] for event in found] == jobs
    numbers = [event["seq"] for event in found]
    assert numbers == sorted(set(numbers))


def test_a_number_from_another_history_is_answered_with_a_reset(server: Client) -> None:
    async def act(socket: Socket) -> str:
        await socket.receive_json()
        return str((await socket.receive_json())["type"])

    assert listen(server, act, "?after=999999999") == "reset"


def test_what_a_client_says_is_left_and_too_much_of_it_ends_the_connection(server: Client) -> None:
    async def chatter(socket: Socket) -> None:
        await socket.receive_json()
        for message in ("x", "{", '{"type": "hello"}'):
            await socket.send_str(message)
        await socket.send_bytes(b"\0" * 100)
        await submit(server, "still")
        await numbered(socket, 1)

    async def flood(socket: Socket) -> int | None:
        await socket.receive_json()
        await socket.send_bytes(b"\0" * 100_000)
        while not socket.closed:
            await socket.receive()
        return socket.close_code

    listen(server, chatter)
    assert listen(server, flood) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert server.get("/healthz").status == 200


def test_a_preview_is_a_binary_frame_with_its_header(server: Client) -> None:
    event = FeedEvent(
        "node.preview", {"mime": "image/jpeg"}, job="j", node="n", document="d", blob=b"\xff\xd8"
    )

    async def act(socket: Socket) -> bytes:
        await socket.receive_json()
        # As the dispatcher does it: on the server's own loop.
        loop = server.loop
        for _ in range(100):
            loop.call_soon_threadsafe(server.services.feed.pass_on, event)
            message = await socket.receive(timeout=5)
            if message.type is aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
        raise AssertionError("no preview came")

    data = listen(server, act)
    (length,) = struct.unpack(">I", data[:4])
    assert data == preview_frame(event)
    assert json.loads(data[4 : 4 + length]) == {
        "type": "node.preview",
        "job": "j",
        "node": "n",
        "document": "d",
        "mime": "image/jpeg",
    }
    assert data[4 + length :] == b"\xff\xd8"


def test_listeners_come_and_go_without_leaving_anything(server: Client) -> None:
    async def leave(socket: Socket) -> None:
        await socket.receive_json()

    for _ in range(5):
        listen(server, leave)
    for _ in range(200):
        if not server.services.feed.watched:
            return
        asyncio.run(asyncio.sleep(0.01))
    raise AssertionError("somebody is still listening")


@pytest.mark.parametrize("query", ["?after=x", "?after=-1", "?after=1&after=2", "?since=1"])
def test_a_wrong_query_is_refused_before_the_socket_opens(server: Client, query: str) -> None:
    assert server.get(f"{V1}/events{query}").status in (400, 422)


def test_a_plain_request_for_events_is_told_what_they_are(server: Client) -> None:
    refused = server.get(f"{V1}/events")
    assert refused.status == 400
    assert refused.code
