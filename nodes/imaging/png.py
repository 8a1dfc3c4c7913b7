"""PNG files of any size, written stripe by stripe.

The format is that of ISO/IEC 15948 (PNG, second edition). Filters are chosen row by row by the
least sum of absolute differences, as its section 12.8 advises.
"""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Samples = NDArray[np.uint8] | NDArray[np.uint16]
Chunk = tuple[bytes, bytes]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
# How hard zlib tries: beyond this, files shrink by a few percent and take twice as long.
_COMPRESSION = 4


def write(
    path: Path, height: int, width: int, stripes: Iterable[Samples], chunks: Iterable[Chunk]
) -> None:
    """Write a PNG of 8 or 16 bits a channel, as the stripes have.

    Args:
        path: Where to.
        height: Rows.
        width: Pixels of a row.
        stripes: (rows, width, 1|3|4) each, from the top; together `height` rows.
        chunks: What to put before the pixels, by type and content, such as texts.
    """
    with path.open("wb") as file:
        file.write(_SIGNATURE)
        compressor = zlib.compressobj(_COMPRESSION)
        above: Bytes | None = None
        for stripe in stripes:
            # The format has the high byte first, and its filters take each byte by itself.
            rows: Bytes = stripe.astype(stripe.dtype.newbyteorder(">")).view(np.uint8)
            if above is None:
                above = np.zeros((1, *rows.shape[1:]), np.uint8)
                depth, colour = 8 * stripe.itemsize, _COLOUR_TYPES[stripe.shape[2]]
                kind = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
                for chunk in ((b"IHDR", kind), *chunks):
                    _put(file, *chunk)
            if data := compressor.compress(_filtered(rows, above).data):
                _put(file, b"IDAT", data)
            above = rows[-1:]
        _put(file, b"IDAT", compressor.flush())
        _put(file, b"IEND", b"")


def _filtered(rows: Bytes, above: Bytes) -> Bytes:
    """Give each row (width, bytes of a pixel) as its filter's number and the filtered bytes."""
    count, width, channels = rows.shape
    up = np.concatenate([above, rows[:-1]])
    left, corner = np.zeros_like(rows), np.zeros_like(rows)
    left[:, 1:], corner[:, 1:] = rows[:, :-1], up[:, :-1]
    # Sums of bytes need more than eight bits; what is written is their low eight.
    average = ((left.astype(np.uint16) + up) >> 1).astype(np.uint8)
    predictions = (np.zeros_like(rows), left, up, average, _paeth(left, up, corner))
    best = np.zeros((count, 1 + width * channels), np.uint8)
    least = np.full(count, np.iinfo(np.int64).max)
    for number, prediction in enumerate(predictions):
        made = (rows - prediction).reshape(count, -1)
        cost = np.abs(made.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64)
        better = cost < least
        least[better] = cost[better]
        best[better, 0] = number
        best[better, 1:] = made[better]
    return best


def _paeth(left: Bytes, up: Bytes, corner: Bytes) -> Bytes:
    a, b, c = (plane.astype(np.int16) for plane in (left, up, corner))
    near_left, near_up, near_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    from_left = (near_left <= near_up) & (near_left <= near_corner)
    return np.where(from_left, left, np.where(near_up <= near_corner, up, corner))


def _put(file: IO[bytes], kind: bytes, content: bytes) -> None:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum))
