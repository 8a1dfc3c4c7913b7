"""One endless plane of noise, of which every tile cuts its own part.

What is drawn at a place depends on the seed and the place alone, not on how the plane is cut: tiles
of any size have the same grain, and neighbours agree where they overlap.
"""

import hashlib

import torch
from torch import Tensor

from nodes.imaging.tiles import Tile

# Sides of the squares that the plane is drawn in.
BLOCK = 64


def noise_at(tile: Tile, channels: int, seed: int, index: int = 0) -> Tensor:
    """Cut noise of unit variance out of the plane.

    Args:
        tile: Where.
        channels: How many there are.
        seed: Which plane.
        index: Which element of a batch: each has a plane of its own.

    Returns:
        float32 (1, channels, h, w), on the CPU.
    """
    top, left = tile.top // BLOCK, tile.left // BLOCK
    rows = [
        torch.cat(
            [
                _block(seed, index, row, column, channels)
                for column in range(left, -(-tile.right // BLOCK))
            ],
            dim=-1,
        )
        for row in range(top, -(-tile.bottom // BLOCK))
    ]
    drawn = torch.cat(rows, dim=-2)
    offset = Tile(
        tile.top - top * BLOCK,
        tile.bottom - top * BLOCK,
        tile.left - left * BLOCK,
        tile.right - left * BLOCK,
    )
    return offset.of(drawn)[None]


def _block(seed: int, index: int, row: int, column: int, channels: int) -> Tensor:
    name = f"{seed} {index} {row} {column}".encode()
    own = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")
    generator = torch.Generator().manual_seed(own)
    return torch.randn(channels, BLOCK, BLOCK, generator=generator)
