"""PNG files that are written stripe by stripe are read by others as they were meant."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nodes.imaging import png


def drawn(height: int, width: int, channels: int) -> png.Bytes:
    """A picture of flat parts, slopes and noise, so that every filter is best somewhere."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x * 3 + y * (c + 1) for c in range(channels)], axis=-1).astype(np.uint8)
    picture[: height // 4] = 200
    picture[height // 2 :, : width // 2] = rng.integers(0, 256, 1, dtype=np.uint8)
    picture[-height // 5 :] = rng.integers(0, 256, (height // 5, width, channels), dtype=np.uint8)
    return picture


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("rows", [1, 7, 50])
def test_what_is_written_in_stripes_is_read_whole(tmp_path: Path, channels: int, rows: int) -> None:
    picture = drawn(50, 33, channels)
    stripes = (picture[top : top + rows] for top in range(0, 50, rows))
    png.write(tmp_path / "a.png", 50, 33, stripes, [(b"tEXt", b"key\x00value")])
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        read = np.asarray(image)
        assert image.info["key"] == "value"
    assert np.array_equal(read.reshape(picture.shape), picture)


@pytest.mark.parametrize("rows", [3, 20])
def test_sixteen_bits_of_a_channel_are_all_kept(tmp_path: Path, rows: int) -> None:
    grey = np.random.default_rng(0).integers(0, 65536, (20, 9, 1), dtype=np.uint16)
    png.write(tmp_path / "a.png", 20, 9, (grey[top : top + rows] for top in range(0, 20, rows)), [])
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(image), grey[:, :, 0])


def test_a_coloured_picture_may_have_sixteen_bits(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 65536, (8, 5, 3), dtype=np.uint16)
    png.write(tmp_path / "a.png", 8, 5, [colours], [])
    with Image.open(tmp_path / "a.png") as image:  # whose reader keeps the high bytes of colours
        assert np.array_equal(np.asarray(image), colours >> 8)


def test_a_picture_takes_no_more_room_than_by_another_writer(tmp_path: Path) -> None:
    picture = drawn(200, 200, 3)
    png.write(tmp_path / "ours.png", 200, 200, [picture], [])
    Image.fromarray(picture).save(tmp_path / "theirs.png", compress_level=4)
    ours, theirs = ((tmp_path / f"{name}.png").stat().st_size for name in ("ours", "theirs"))
    assert ours <= 1.05 * theirs
