"""Small versions of pictures, made when first asked for and kept on disk within a budget."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from server.atomic import replace_with
from server.pictures import MOST_PIXELS, small
from server.single_flight import SingleFlight

SIZES = (64, 128, 256, 512)
"""Sides that are made, so that the cache holds few variants; others are rounded up."""
BUDGET_BYTES = 256 * 2**20
"""About 20,000 thumbnails of 256 pixels."""

_TRIM_EVERY = 500


class Thumbnails:
    """The cache of thumbnails; close it when the server stops."""

    def __init__(
        self, folder: Path, most_pixels: int = MOST_PIXELS, budget_bytes: int = BUDGET_BYTES
    ) -> None:
        """Keep thumbnails in a folder, which may be deleted at any time."""
        self._folder = folder
        self._most_pixels = most_pixels
        self._budget_bytes = budget_bytes
        self._made = 0
        # Two at a time: each may hold a decoded picture of 400 MB.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="thumbnails")
        self._makings = SingleFlight[Path]()

    async def of(self, source: Path, size: int) -> Path:
        """Return the file of a picture's thumbnail, a WebP.

        Args:
            source: The picture; a changed file gets a new thumbnail.
            size: The side of the square that it is to fill, in pixels.

        Raises:
            FileProblem: when the picture cannot be read.
            FileNotFoundError: when it is not there.
        """
        side = next((known for known in SIZES if known >= size), SIZES[-1])
        key = await asyncio.to_thread(key_of, source, side)
        target = self._folder / key[:2] / f"{key}.webp"
        if await asyncio.to_thread(target.is_file):
            return target
        return await self._makings.do(target, lambda: self._make(source, side, target))

    def close(self) -> None:
        """Stop making thumbnails."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _make(self, source: Path, side: int, target: Path) -> Path:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, _make, source, side, self._most_pixels, target)
        self._made += 1
        if self._made % _TRIM_EVERY == 0:
            await loop.run_in_executor(self._threads, trim, self._folder, self._budget_bytes)
        return target


def key_of(source: Path, *more: int) -> str:
    """Name what is made of a file as it is now; a changed file gives another name. Blocks.

    Raises:
        FileNotFoundError: when it is not there.
    """
    state = source.stat()
    identity = "\n".join(map(str, (source, state.st_size, state.st_mtime_ns, *more)))
    encoded = identity.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()


def trim(folder: Path, budget_bytes: int) -> None:
    """Remove the oldest files under a folder until the rest fits the budget."""
    found = [(path, path.stat()) for path in folder.rglob("*") if path.is_file()]
    total = sum(state.st_size for _, state in found)
    for path, state in sorted(found, key=lambda item: item[1].st_mtime_ns):
        if total <= budget_bytes:
            return
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            # On Windows one that is being sent cannot go; the next time it can.
            continue
        total -= state.st_size


def _make(source: Path, side: int, most_pixels: int, target: Path) -> None:
    data = small(source, side, most_pixels)
    replace_with(target, lambda part: part.write_bytes(data))
