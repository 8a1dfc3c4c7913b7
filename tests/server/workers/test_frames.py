"""Frames: what goes in comes out, and what is no frame is refused."""

from __future__ import annotations

import asyncio
import io

import pytest

from server.workers.frames import Broken, Frame, pack, read_frame, receive

FRAMES: tuple[Frame, ...] = (
    ({"is": "ready"}, b""),
    ({"text": "Grüße \ud800", "seed": 2**64 - 1}, b"\x00\xff" * 1000),
    ({}, b"{}"),
)


def test_frames_come_out_as_they_went_in() -> None:
    stream = io.BytesIO(b"".join(pack(*frame) for frame in FRAMES))
    assert [read_frame(stream) for _ in FRAMES] == list(FRAMES)
    assert read_frame(stream) is None


def test_frames_come_out_of_a_stream_that_brings_them_in_pieces() -> None:
    async def test() -> None:
        stream = asyncio.StreamReader()
        data = b"".join(pack(*frame) for frame in FRAMES)

        async def feed() -> None:
            for start in range(0, len(data), 7):
                stream.feed_data(data[start : start + 7])
                await asyncio.sleep(0)
            stream.feed_eof()

        feeding = asyncio.create_task(feed())
        assert [await receive(stream) for _ in FRAMES] == list(FRAMES)
        assert await receive(stream) is None
        await feeding

    asyncio.run(test())


def test_a_frame_that_is_cut_off_is_the_end() -> None:
    assert read_frame(io.BytesIO(pack(*FRAMES[1])[:-1])) is None


@pytest.mark.parametrize("data", [b"print out\n" * 10, b"\x00\x00\x00\x02\x00\x00\x00\x00[]"])
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(Broken):
        read_frame(io.BytesIO(data))
