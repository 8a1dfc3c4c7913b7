"""Large pictures in tiles at several sizes, for a browser that shows a part of one.

Level 0 is the picture as it is, each further level half as wide and high, up to the one that is a
single tile. All tiles of a picture are cut when the first is asked for.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, ImageOps

from nodes.errors import FileProblem
from server.atomic import PART_PREFIX
from server.pictures import MOST_PIXELS, in_bytes, measure, opened
from server.single_flight import SingleFlight
from server.thumbnails import key_of, trim

SIDE = 512
"""Of a tile, in pixels; those at the right and lower edge may be smaller."""
BUDGET_BYTES = 512 * 2**20
"""About ten pictures of 8192 × 8192 pixels."""

# WebP, which alone of the two knows transparency, takes six times as long.
_JPEG: dict[str, Any] = {"quality": 92, "subsampling": "4:4:4"}
_WEBP: dict[str, Any] = {"quality": 92, "method": 0}
_SUFFIXES = (".jpg", ".webp")


class Tiles:
    """The cache of tiles; close it when the server stops."""

    def __init__(
        self, folder: Path, most_pixels: int = MOST_PIXELS, budget_bytes: int = BUDGET_BYTES
    ) -> None:
        """Keep tiles in a folder, which may be deleted at any time."""
        self._folder = folder
        self._most_pixels = most_pixels
        self._budget_bytes = budget_bytes
        # One at a time: it holds a decoded picture of up to 800 MB.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tiles")
        self._cuttings = SingleFlight[None]()

    async def of(self, source: Path, level: int, column: int, row: int) -> Path:
        """Return the file of a tile: JPEG, or WebP where the picture is transparent.

        Args:
            source: The picture; a changed file gets new tiles.
            level: How often it is halved.
            column: Of the tile, from the left.
            row: Of the tile, from the top.

        Raises:
            FileProblem: when the picture cannot be read, or has no such tile.
            FileNotFoundError: when it is not there.
        """
        key = await asyncio.to_thread(key_of, source)
        folder, name = self._folder / key[:2] / key, f"{level}_{column}_{row}"
        found = await asyncio.to_thread(_find, folder, name)
        if found is None:
            await asyncio.to_thread(_check, source, self._most_pixels, level, column, row)
            await self._cuttings.do(folder, lambda: self._cut(source, folder))
            found = await asyncio.to_thread(_find, folder, name)
        if found is None:
            # The budget is smaller than one picture.
            raise _no_tile(level, column, row)
        return found

    def close(self) -> None:
        """Stop cutting tiles."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _cut(self, source: Path, folder: Path) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, trim, self._folder, self._budget_bytes)
        await loop.run_in_executor(self._thread, _cut, source, self._most_pixels, folder)


def sizes(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Give the sizes of a picture's levels in pixels, the largest first."""
    yield width, height
    while max(width, height) > SIDE:
        width, height = -(-width // 2), -(-height // 2)
        yield width, height


def _check(source: Path, most_pixels: int, level: int, column: int, row: int) -> None:
    picture = measure(source, most_pixels)
    known = dict(enumerate(sizes(picture.width, picture.height)))
    width, height = known.get(level, (0, 0))
    if not (0 <= column * SIDE < width and 0 <= row * SIDE < height):
        raise _no_tile(level, column, row)


def _no_tile(level: int, column: int, row: int) -> FileProblem:
    return FileProblem(
        f"The picture has no tile {column}, {row} at level {level}.",
        hint=f"Tiles have {SIDE} pixels a side; each level halves the picture, up to one tile.",
        code="file.missing",
    )


def _find(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}{suffix}" for suffix in _SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def _cut(source: Path, most_pixels: int, folder: Path) -> None:
    """Cut a picture's tiles aside, then give them their folder: it holds all of them or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=folder.parent, prefix=PART_PREFIX) as aside,
        opened(source, most_pixels) as image,
    ):
        picture = ImageOps.exif_transpose(in_bytes(image))
        levels = list(sizes(*picture.size))
        for level, size in enumerate(levels):
            _cut_level(picture, Path(aside) / "tiles", level)
            if size != levels[-1]:
                # It rounds up, as `sizes` does.
                picture = picture.reduce(2)
        # What is left of an earlier cutting has lost tiles to the budget.
        shutil.rmtree(folder, ignore_errors=True)
        (Path(aside) / "tiles").replace(folder)


def _cut_level(picture: Image.Image, folder: Path, level: int) -> None:
    folder.mkdir(exist_ok=True)
    width, height = picture.size
    suffix, options = (".jpg", _JPEG) if picture.mode == "RGB" else (".webp", _WEBP)
    for top, left in product(range(0, height, SIDE), range(0, width, SIDE)):
        box = (left, top, min(left + SIDE, width), min(top + SIDE, height))
        name = f"{level}_{left // SIDE}_{top // SIDE}{suffix}"
        picture.crop(box).save(folder / name, **options)
