"""Text chunks of PNG files come back whole, and damage is no disaster."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from server.formats.png import read_text


def picture(info: PngInfo) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def test_the_three_kinds_of_text_chunk_are_read(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("prompt", '{"1": {}}')
    info.add_text("packed", "z" * 5000, zip=True)
    info.add_itxt("weft", "Prüfung — 試験", zip=True)
    path = tmp_path / "picture.png"
    path.write_bytes(picture(info))
    expected = {"prompt": '{"1": {}}', "packed": "z" * 5000, "weft": "Prüfung — 試験"}
    assert read_text(path) == expected
    assert read_text(path.read_bytes()) == expected


def test_the_first_text_of_a_keyword_counts() -> None:
    info = PngInfo()
    info.add_text("weft", "first")
    info.add_text("weft", "second")
    assert read_text(picture(info)) == {"weft": "first"}


def test_what_is_no_png_has_no_text() -> None:
    assert read_text(b"GIF89a") == {}
    assert read_text(b"") == {}


def test_a_cut_file_yields_the_texts_before_the_cut() -> None:
    info = PngInfo()
    info.add_text("weft", "whole")
    data = picture(info)
    assert read_text(data[: data.index(b"IDAT") + 2]) == {"weft": "whole"}


def test_a_bomb_in_a_text_chunk_is_left_alone() -> None:
    packed = b"bomb\0\0" + zlib.compress(b"\0" * (65 * 2**20), 9)
    chunk = struct.pack(">I4s", len(packed), b"zTXt") + packed
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    data = picture(PngInfo())
    assert read_text(data[:33] + chunk + data[33:]) == {}
