"""Planes and tiles on disk: what is larger than memory, and what outlives the process."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from nodes.imaging.tiles import Piece, Tile, blended
from nodes.types import STORED

Folder: TypeAlias = Callable[[], Path]

# Planes up to this size are made in memory.
SMALL_BYTES = 64 * 2**20


def plane(shape: Sequence[int], path: Path) -> Tensor:
    """Make a plane of zeros, float32: in memory if it is small, or else mapped from a new file.

    What is mapped takes no memory that the system could not have back: it is written to the file
    instead. The file may be removed as soon as the plane is there, where the system allows that.
    """
    count = math.prod(shape)
    if count * 4 <= SMALL_BYTES:
        return torch.zeros(tuple(shape))
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(count * 4)
    return torch.from_file(str(path), shared=True, size=count, dtype=torch.float32).reshape(
        tuple(shape)
    )


class TileStore:
    """Finished tiles, each a file that is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Keep them in a folder."""
        self._folder = folder

    def has(self, name: str) -> bool:
        """Tell whether a tile is finished."""
        return (self._folder / name).exists()

    def put(self, name: str, tile: Tensor) -> None:
        """Keep a finished tile."""
        part = self._folder / f"{name}.part"
        STORED.dump(tile, part)
        os.replace(part, self._folder / name)

    def get(self, name: str) -> Tensor:
        """Read a finished tile; it is mapped."""
        tile: Tensor = STORED.load(self._folder / name)
        return tile


# Passes steps on, of which it is told how many there are.
Track: TypeAlias = Callable[[Iterator[Piece | None], int], Iterator[Piece | None]]
# Makes a tile of the plane of an index: yields None for each step on the way, at last (1, C, h, w).
Making = Callable[[int, Tile], Iterator[Tensor | None]]


@dataclass(frozen=True)
class TiledWork:
    """A batch of planes that is made tile by tile.

    Attributes:
        shape: (B, C, H, W) of what is made.
        places: The tiles of each plane, as `tiles` makes them.
        overlap: What neighbours share.
        steps: How many steps a tile takes before it is there.
        make: Makes a tile.
    """

    shape: tuple[int, ...]
    places: Sequence[Tile]
    overlap: int
    steps: int
    make: Making

    @property
    def total(self) -> int:
        """Count the steps of all tiles."""
        return self.shape[0] * len(self.places) * (self.steps + 1)

    def run(self, track: Track, folder: Folder) -> Tensor:
        """Make the whole; where tiles overlap, one fades into the other.

        Args:
            track: Passes steps on, of which it is told how many there are.
            folder: Gives the folder that finished tiles are kept in, and the whole if it is large;
                it is asked for only if there are several tiles.

        Returns:
            float32, of `shape`.
        """
        if len(self.places) == 1:
            made = track(self._pieces(None), self.total)
            return blended(only_pieces(made), self.shape, self.overlap)
        place = folder()
        made = track(self._pieces(TileStore(place)), self.total)
        whole = plane(self.shape, place / "whole")
        return blended(only_pieces(made), self.shape, self.overlap, whole)

    def _pieces(self, store: TileStore | None) -> Iterator[Piece | None]:
        for index in range(self.shape[0]):
            for place in self.places:
                name = f"{index}-{place.top}-{place.bottom}-{place.left}-{place.right}"
                if store is not None and store.has(name):
                    yield from [None] * self.steps
                    yield Piece(index, place, store.get(name))
                    continue
                for made in self.make(index, place):
                    if made is not None and store is not None:
                        store.put(name, made)
                    yield None if made is None else Piece(index, place, made)


def only_pieces(steps: Iterable[Piece | None]) -> Iterator[Piece]:
    """Leave out the steps on the way to a piece."""
    return (step for step in steps if step is not None)
