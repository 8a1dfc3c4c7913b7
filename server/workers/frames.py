"""What goes through a channel: a JSON header and raw bytes, each after its length."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import IO, Any

from server.compact_json import packed

_LENGTHS = struct.Struct(">II")
_LARGEST = 2**30
"""A header or blob beyond this is no message of ours: the stream is out of step."""

Frame = tuple[dict[str, Any], bytes]


class Broken(Exception):
    """The other side sent what is no frame."""


def pack(header: dict[str, Any], blob: bytes = b"") -> bytes:
    """Return the bytes of a frame."""
    text = packed(header).encode("utf-8", "surrogatepass")
    return _LENGTHS.pack(len(text), len(blob)) + text + blob


def read_frame(stream: IO[bytes]) -> Frame | None:
    """Wait for the next frame; None at the end of the stream."""
    lengths = _exactly(stream, _LENGTHS.size)
    if lengths is None:
        return None
    header_length, blob_length = _checked(lengths)
    text = _exactly(stream, header_length)
    blob = _exactly(stream, blob_length)
    return None if text is None or blob is None else (_header(text), blob)


async def receive(stream: asyncio.StreamReader) -> Frame | None:
    """Wait for the next frame; None at the end of the stream.

    Raises:
        Broken: when what comes is no frame.
    """
    try:
        header_length, blob_length = _checked(await stream.readexactly(_LENGTHS.size))
        text = await stream.readexactly(header_length)
        blob = await stream.readexactly(blob_length) if blob_length else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return _header(text), blob


def _checked(lengths: bytes) -> tuple[int, int]:
    header_length, blob_length = _LENGTHS.unpack(lengths)
    if header_length > _LARGEST or blob_length > _LARGEST:
        raise Broken
    return header_length, blob_length


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8", "surrogatepass"))
    except ValueError as problem:
        raise Broken from problem
    if not isinstance(header, dict):
        raise Broken
    return header


def _exactly(stream: IO[bytes], count: int) -> bytes | None:
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
