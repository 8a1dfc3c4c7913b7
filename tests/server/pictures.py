"""Pictures for tests, good and hostile."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def encoded(
    width: int = 8, height: int = 6, form: str = "PNG", mode: str = "RGB", **text: str
) -> bytes:
    image = Image.new(mode, (width, height), (200, 30, 60, 128)[: len(mode)])
    info = PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    made = io.BytesIO()
    image.save(made, form, **({"pnginfo": info} if form == "PNG" else {}))
    return made.getvalue()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG whose header claims more pixels than fit anywhere."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 100_000))
        + _chunk(b"IEND", b"")
    )


def text_bomb() -> bytes:
    """A PNG with a compressed text of 200 MB."""
    packed = b"workflow\0\0" + zlib.compress(b"[" * 200_000_000, 1)
    whole = encoded()
    return whole[:33] + _chunk(b"zTXt", packed) + whole[33:]


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check
