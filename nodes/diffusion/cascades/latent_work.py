"""Latents that are sampled tile by tile, and decoded tile by tile when all of them are there.

Only then is it known what the whole has: a VAE's normalisations look at all that they are given, so
that tiles which are decoded by themselves have contrasts and colours of their own; see `vae_tiles`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from torch import Tensor

from nodes.diffusion.latent_space import moved
from nodes.diffusion.vae_tiles import decode_places, rounds
from nodes.imaging.on_disk import Folder, TiledWork, Track, only_pieces, plane
from nodes.imaging.tiles import Piece, Tile, blended
from nodes.types import LatentFormat, Vae


@dataclass(frozen=True)
class LatentWork:
    """A batch of pictures that is made tile by tile, by way of latents.

    Attributes:
        sampled: Makes the latents, (B, C, h, w).
        space: What they are in.
        vae: On the device; its latents may differ in scale.
        finished: Takes pixels (1, 3, H, W) in [0, 1] that were decoded, the index of their picture
            and their place in cells; gives what becomes of them.
    """

    sampled: TiledWork
    space: LatentFormat
    vae: Vae
    finished: Callable[[Tensor, int, Tile], Tensor]

    def run(self, track: Track, folder: Folder) -> Tensor:
        """Make the pictures, as `TiledWork.run` does; finished latents are kept.

        Returns:
            (B, 3, H, W) float32.
        """
        batch, _, *sides = self.sampled.shape
        scale, count = self.vae.latent_format.downscale, len(self.sampled.places)
        total = self.sampled.total + batch * rounds(count)
        ticks = track(repeat(None, total), total)

        def ticking(steps: Iterator[Piece | None], _: int) -> Iterator[Piece | None]:
            for step in steps:
                next(ticks, None)
                yield step

        latents = self.sampled.run(ticking, lambda: _made(folder() / "latents"))
        shape = (batch, 3, *(side * scale for side in sides))
        whole = plane(shape, folder() / "whole") if count > 1 else None
        pieces = only_pieces(ticking(self._decoded(latents), 0))
        made = blended(pieces, shape, self.sampled.overlap * scale, whole)
        next(ticks, None)
        return made

    def _decoded(self, latents: Tensor) -> Iterator[Piece | None]:
        form = self.vae.latent_format
        samples = moved(latents, self.space, form)
        for piece in decode_places(self.vae, samples, self.sampled.places):
            if piece is None:
                yield None
                continue
            pixels = self.finished(piece.plane, piece.index, piece.tile)
            yield Piece(piece.index, piece.tile.scaled(form.downscale), pixels)


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
