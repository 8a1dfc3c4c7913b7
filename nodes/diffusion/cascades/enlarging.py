"""Enlarging tile by tile, by diffusion models that see the small picture."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from nodes.diffusion.cascades.latent_work import LatentWork
from nodes.diffusion.cascades.noise_field import noise_at
from nodes.diffusion.cascades.small_pictures import (
    VIEWS,
    decoded,
    doubled,
    enlarged_by,
    shown,
    with_noise,
)
from nodes.diffusion.cascades.tiled_sampling import TilePass, guider_on_tile, in_cells
from nodes.diffusion.pixel_space import COLOURS
from nodes.diffusion.vae_tiles import with_statistics_of_copy
from nodes.imaging.colour import matched
from nodes.imaging.on_disk import TiledWork
from nodes.imaging.tiles import Tile, tiles
from nodes.types import DiffusionUpscaler


def upscaling_by_diffusion(
    tile_pass: TilePass,
    upscaler: DiffusionUpscaler,
    small: Tensor,
    level: int,
    *,
    encoded: bool = False,
) -> TiledWork | LatentWork:
    """Enlarge pictures by a diffusion model that sees the small one.

    Args:
        tile_pass: Its model is the upscaler's.
        upscaler: On the device.
        small: (B, 3, h, w) in [0, 1]: the small pictures, sides multiples of `small_unit`.
        level: Of the noise that is added to them, up to the upscaler's `most_noise`.
        encoded: `small` is latents (B, C, h, w) in the model's space, for one that sees latents.
    """
    form, unit = upscaler.model.latent_format, VIEWS[upscaler.kind].unit(upscaler)
    # How many pixels of what is made stand for one cell of what is given.
    step = unit if encoded else upscaler.scale
    height, width = (side * step for side in small.shape[-2:])
    size, overlap = in_cells(tile_pass, unit)
    places = tiles(height // unit, width // unit, size, overlap)

    @lru_cache(maxsize=1)
    def settled(index: int) -> DiffusionUpscaler:
        # Only this kind sees anything that a VAE coded.
        if upscaler.vae is None or upscaler.kind != "latent" or len(places) == 1:
            return upscaler
        side, space = size * unit // form.downscale, form if encoded else None
        vae = with_statistics_of_copy(upscaler.vae, small[index : index + 1], side, space)
        return replace(upscaler, vae=vae)

    enlarging = _Enlarging(tile_pass, settled, small, level, encoded, step)
    # Pixels of a side of a cell of the work's.
    cell = 1 if upscaler.vae is None else form.downscale
    work = TiledWork(
        shape=(
            len(small),
            COLOURS if upscaler.vae is None else form.channels,
            height // cell,
            width // cell,
        ),
        places=[one.scaled(unit // cell) for one in places],
        overlap=overlap * (unit // cell),
        steps=tile_pass.steps,
        make=enlarging.pixels if upscaler.vae is None else enlarging.latents,
    )
    if upscaler.vae is None:
        return work
    return LatentWork(work, form, upscaler.vae, enlarging.finished)


@dataclass(frozen=True, eq=False)
class _Enlarging:
    """What becomes of a tile.

    Attributes:
        tile_pass: See `upscaling_by_diffusion`.
        settled: Gives the upscaler for a picture of the batch, whose VAE has its statistics.
        small: See there, as what follows.
        level: Of the noise.
        encoded: Whether `small` is latents.
        step: Pixels of what is made for a cell of `small`.
    """

    tile_pass: TilePass
    settled: Callable[[int], DiffusionUpscaler]
    small: Tensor
    level: int
    encoded: bool
    step: int

    def pixels(self, index: int, place: Tile) -> Iterator[Tensor | None]:
        """Make the pixels of a tile."""
        upscaler, seen = self.settled(index), self._seen(index, place)
        for made in self._sampled(index, place, seen):
            if made is None:
                yield None
            else:
                yield self._coloured(enlarged_by(upscaler, made, seen), index, place)

    def latents(self, index: int, cells: Tile) -> Iterator[Tensor | None]:
        """Make the latents of a tile."""
        place = cells.scaled(self._downscale)
        return self._sampled(index, place, self._seen(index, place))

    def finished(self, pixels: Tensor, index: int, cells: Tile) -> Tensor:
        """Give decoded pixels their colours."""
        return self._coloured(pixels, index, cells.scaled(self._downscale))

    @property
    def _downscale(self) -> int:
        return self.tile_pass.guider.model.latent_format.downscale

    def _source(self, index: int, place: Tile) -> Tensor:
        return place.scaled(1, self.step).of(self.small[index : index + 1])

    def _seen(self, index: int, place: Tile) -> Tensor:
        upscaler = self.settled(index)
        if self.encoded:
            seen = doubled(upscaler, self._source(index, place))
        else:
            seen = VIEWS[upscaler.kind].seen(upscaler, self.small[index : index + 1], place)
        # Another plane than the one that sampling starts from.
        cells = place.scaled(1, self._downscale)
        noise = noise_at(cells, seen.shape[1], self.tile_pass.seed + 1, index)
        return with_noise(upscaler, seen, noise, self.level)

    def _sampled(self, index: int, place: Tile, seen: Tensor) -> Iterator[Tensor | None]:
        upscaler, form = self.settled(index), self.tile_pass.guider.model.latent_format
        height, width = (side * self.step for side in self.small.shape[-2:])
        here = guider_on_tile(self.tile_pass.guider, place, height, width)
        told = tuple(shown(upscaler, each, seen, self.level) for each in here.conditionings)
        latent = torch.zeros(1, form.channels, *seen.shape[-2:])
        guider, cells = replace(here, conditionings=told), place.scaled(1, form.downscale)
        return self.tile_pass.sampled(latent, guider, cells, index)

    def _coloured(self, pixels: Tensor, index: int, place: Tile) -> Tensor:
        colours, like = self.tile_pass.colours, self._source(index, place)
        if self.encoded and colours != "none":
            like = decoded(self.settled(index), like)
        return matched(pixels, like, colours)
