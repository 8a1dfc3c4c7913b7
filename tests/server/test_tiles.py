"""Tiles of pictures: they make up the picture at every level, and are cut once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from PIL import Image

from nodes.errors import FileProblem
from server.tiles import SIDE, Tiles, sizes


@pytest.fixture
def tiles(tmp_path: Path) -> Iterator[Tiles]:
    cache = Tiles(tmp_path / "tiles")
    yield cache
    cache.close()


def picture(folder: Path, width: int, height: int, mode: str = "RGB") -> Path:
    """Write a picture of smooth colours, which JPEG hardly changes."""
    across, down = numpy.meshgrid(numpy.linspace(0, 255, width), numpy.linspace(0, 255, height))
    planes = {"RGB": (across, down, across), "RGBA": (across, down, across, down)}[mode]
    path = folder / f"{mode}.png"
    Image.fromarray(numpy.stack(planes, -1).astype("uint8")).save(path)
    return path


def joined(tiles: Tiles, source: Path, level: int, size: tuple[int, int]) -> Image.Image:
    """Put the tiles of a level side by side."""

    async def fetch() -> Image.Image:
        whole = Image.new("RGB", size)
        for column in range(-(-size[0] // SIDE)):
            for row in range(-(-size[1] // SIDE)):
                path = await tiles.of(source, level, column, row)
                with Image.open(path) as tile:
                    whole.paste(tile, (column * SIDE, row * SIDE))
        return whole

    return asyncio.run(fetch())


def test_the_last_level_of_a_picture_is_one_tile() -> None:
    assert list(sizes(8192, 8192))[-1] == (512, 512)
    assert list(sizes(1025, 300)) == [(1025, 300), (513, 150), (257, 75)]
    assert list(sizes(40, 30)) == [(40, 30)]


def test_the_tiles_of_each_level_make_up_the_picture(tiles: Tiles, tmp_path: Path) -> None:
    source = picture(tmp_path, 1025, 700)
    with Image.open(source) as whole:
        for level, size in enumerate(sizes(1025, 700)):
            expected = numpy.asarray(whole.resize(size, Image.Resampling.BOX), dtype=int)
            found = numpy.asarray(joined(tiles, source, level, size), dtype=int)
            assert abs(expected - found).max() <= 4


def test_a_transparent_picture_keeps_its_transparency(tiles: Tiles, tmp_path: Path) -> None:
    path = asyncio.run(tiles.of(picture(tmp_path, 64, 32, "RGBA"), 0, 0, 0))
    with Image.open(path) as tile:
        assert (tile.format, tile.mode) == ("WEBP", "RGBA")


def test_tiles_are_cut_once_for_many_who_ask_and_again_when_they_are_gone(
    tiles: Tiles, tmp_path: Path
) -> None:
    source = picture(tmp_path, 600, 600)

    async def ask() -> list[Path]:
        places = [(0, 0), (1, 0), (0, 1), (1, 1)]
        return await asyncio.gather(*(tiles.of(source, 0, *place) for place in places))

    paths = asyncio.run(ask())
    written = [path.stat().st_mtime_ns for path in paths]
    assert [path.stat().st_mtime_ns for path in asyncio.run(ask())] == written
    paths[0].unlink()
    assert asyncio.run(ask()) == paths
    assert paths[0].is_file()


def test_a_changed_picture_has_new_tiles(tiles: Tiles, tmp_path: Path) -> None:
    first = asyncio.run(tiles.of(picture(tmp_path, 64, 32), 0, 0, 0))
    second = asyncio.run(tiles.of(picture(tmp_path, 80, 32), 0, 0, 0))
    with Image.open(first) as old, Image.open(second) as new:
        assert (old.width, new.width) == (64, 80)


@pytest.mark.parametrize("place", [(0, 2, 0), (0, 0, 1), (2, 0, 0)])
def test_a_tile_outside_of_the_picture_is_refused(
    tiles: Tiles, tmp_path: Path, place: tuple[int, int, int]
) -> None:
    with pytest.raises(FileProblem, match="no tile"):
        asyncio.run(tiles.of(picture(tmp_path, 700, 400), *place))


def test_old_tiles_make_room_for_new_ones(tmp_path: Path) -> None:
    cache = Tiles(tmp_path / "tiles", budget_bytes=1)
    try:
        first = asyncio.run(cache.of(picture(tmp_path, 64, 32), 0, 0, 0))
        asyncio.run(cache.of(picture(tmp_path, 80, 32), 0, 0, 0))
        assert not first.exists()
    finally:
        cache.close()
