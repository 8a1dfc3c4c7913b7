"""Tiles that cover a plane and overlap, and how what was made of them is put together."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tile:
    """A rectangle of a plane: rows [top, bottom), columns [left, right)."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, plane: Tensor) -> Tensor:
        """Cut the tile out of the last two dimensions of a tensor."""
        return plane[..., self.top : self.bottom, self.left : self.right]

    def scaled(self, times: int, over: int = 1) -> "Tile":
        """Give the same place in a plane `times / over` as large."""
        sides = (self.top, self.bottom, self.left, self.right)
        return Tile(*(side * times // over for side in sides))


def tiles(height: int, width: int, size: int, overlap: int) -> tuple[Tile, ...]:
    """Cover a plane with tiles of one size, each sharing at least `overlap` with its neighbours.

    A plane smaller than a tile is one tile of the plane's size.

    Raises:
        ValueError: If the overlap leaves no step from one tile to the next.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"an overlap of {overlap} does not fit into tiles of {size}")
    rows, columns = _spans(height, size, overlap), _spans(width, size, overlap)
    return tuple(Tile(*row, *column) for row in rows for column in columns)


def strided_tiles(height: int, width: int, tall: int, wide: int, overlap: int) -> tuple[Tile, ...]:
    """Cover a plane as the field's lists of tiles do: evenly, the last one moved back to the end.

    Neighbours begin at least a quarter of a tile apart, whatever the overlap.
    """
    rows, columns = _strides(height, tall, overlap), _strides(width, wide, overlap)
    return tuple(Tile(*row, *column) for row in rows for column in columns)


@dataclass(frozen=True, eq=False)
class Piece:
    """What was made of a tile of one element of a batch.

    Attributes:
        index: Which element.
        tile: Its place in the whole.
        plane: (1, C, h, w).
    """

    index: int
    tile: Tile
    plane: Tensor


Fade = Callable[[int, int, int, int], Tensor]
"""Gives a piece's weights along one side, from its start, its end, the whole's length and the
overlap."""


def linear_fade(start: int, end: int, length: int, overlap: int) -> Tensor:
    """Rise evenly, but for the outermost quarter of what is shared.

    There a network has seen the tile's end, and not what lies beyond it.
    """
    margin = overlap // 4
    ramp = torch.arange(1, end - start + 1, dtype=torch.float32) - margin
    return _faded(start, end, length, (ramp / (overlap + 1 - 2 * margin)).clamp(min=0))


def sine_fade(start: int, end: int, length: int, overlap: int) -> Tensor:
    """Rise as a quarter of a sine, over all that is shared."""
    ramp = torch.arange(end - start, dtype=torch.float32) / max(overlap - 1, 1)
    ramp = (ramp.clamp(max=1) * math.pi / 2).sin().clamp(min=1e-4)
    return _faded(start, end, length, ramp if overlap > 0 else torch.ones_like(ramp))


def blended(
    pieces: Iterable[Piece],
    shape: tuple[int, ...],
    overlap: int,
    whole: Tensor | None = None,
    fade: Fade = linear_fade,
) -> Tensor:
    """Put pieces together; where they overlap, one fades into the other.

    Args:
        pieces: Of tiles that stand in rows and columns, as `tiles` makes them, and cover the whole.
        shape: (B, C, H, W) of the whole.
        overlap: Over how many cells a piece fades in from a side that is inside the whole.
        whole: Zeros of that shape to write to, such as a plane on disk; new ones if None.
        fade: How it does.

    Returns:
        The whole, float32: the weighted mean of the pieces at each cell.
    """
    whole = torch.zeros(shape) if whole is None else whole
    height, width = shape[-2:]
    rows: dict[tuple[int, int], Tensor] = {}
    columns: dict[tuple[int, int], Tensor] = {}
    for piece in pieces:
        tile = piece.tile
        down, across = (tile.top, tile.bottom), (tile.left, tile.right)
        rows[down] = fade(*down, height, overlap)
        columns[across] = fade(*across, width, overlap)
        weight = rows[down][:, None] * columns[across]
        tile.of(whole[piece.index : piece.index + 1]).add_(piece.plane.float() * weight)
    # Tiles stand in rows and columns, so that their weights together are a product as well.
    beside = _together(columns, width)
    for top in range(0, height, STRIPE):
        weight = _together(rows, height)[top : top + STRIPE, None] * beside
        whole[..., top : top + STRIPE, :].div_(weight)
    return whole


# Rows of a plane that are looked at together where a whole plane may be larger than memory.
STRIPE = 256


def _together(fades: Mapping[tuple[int, int], Tensor], length: int) -> Tensor:
    total = torch.zeros(length)
    for (start, end), fade in fades.items():
        total[start:end] += fade
    return total


def _spans(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    if length <= size:
        return [(0, length)]
    steps = -(-(length - size) // (size - overlap))
    starts = [index * (length - size) // steps for index in range(steps + 1)]
    return [(start, start + size) for start in starts]


def _strides(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    if length <= size:
        return [(0, length)]
    starts = [*range(0, length - size, max(size - overlap, size // 4, 1)), length - size]
    return [(start, start + size) for start in starts]


def _faded(start: int, end: int, length: int, ramp: Tensor) -> Tensor:
    """Let a piece rise along a ramp from each of its sides that is inside the whole."""
    fade = torch.ones(end - start)
    if start > 0:
        fade = torch.minimum(fade, ramp)
    if end < length:
        fade = torch.minimum(fade, ramp.flip(0))
    return fade
