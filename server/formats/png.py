"""Text chunks of PNG files: where pictures carry the workflow that made them.

Only chunk headers and text chunks are read, so a large picture costs no more than a small one.
Source: W3C, Portable Network Graphics (PNG) Specification, third edition, section 11.3.3.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_TEXT = 64 * 2**20  # bytes of one text, unpacked; a 20,000-node workflow is a tenth of it
MOST_CHUNKS = 100_000


def read_text(source: bytes | Path) -> dict[str, str]:
    """Read the text chunks (tEXt, zTXt, iTXt) of a PNG; the first of a keyword counts.

    Returns:
        Text by keyword; empty where the file is no PNG. A damaged end yields what stands before it.
    """
    if isinstance(source, bytes):
        return _texts(io.BytesIO(source))
    with source.open("rb") as file:
        return _texts(file)


def _texts(file: BinaryIO) -> dict[str, str]:
    found: dict[str, str] = {}
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return found
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            break
        if kind in _PARSERS and length <= MOST_TEXT:
            parsed = _PARSERS[kind](file.read(length))
            if parsed is not None:
                found.setdefault(*parsed)
            file.seek(4, io.SEEK_CUR)
        else:
            file.seek(length + 4, io.SEEK_CUR)
    return found


def _inflate(packed: bytes) -> bytes | None:
    """Unpack a zlib stream, or None where it is damaged or larger than a text may be."""
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(packed, MOST_TEXT)
    except zlib.error:
        return None
    return None if unpacker.unconsumed_tail else plain


def _plain(data: bytes) -> tuple[str, str] | None:
    keyword, separator, text = data.partition(b"\0")
    return (keyword.decode("latin-1"), text.decode("latin-1")) if separator else None


def _packed(data: bytes) -> tuple[str, str] | None:
    keyword, separator, rest = data.partition(b"\0")
    if not separator or rest[:1] != b"\0":  # 0 is the only compression method there is
        return None
    text = _inflate(rest[1:])
    return None if text is None else (keyword.decode("latin-1"), text.decode("latin-1"))


def _international(data: bytes) -> tuple[str, str] | None:
    keyword, separator, rest = data.partition(b"\0")
    if not separator or len(rest) < 2:
        return None
    packed = rest[0] == 1
    _language, first, rest = rest[2:].partition(b"\0")
    _translated, second, text = rest.partition(b"\0")
    if not first or not second:
        return None
    plain = _inflate(text) if packed else text
    if plain is None:
        return None
    return keyword.decode("latin-1"), plain.decode("utf-8", errors="replace")


_PARSERS = {b"tEXt": _plain, b"zTXt": _packed, b"iTXt": _international}
