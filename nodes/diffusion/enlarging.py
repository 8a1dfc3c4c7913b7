"""Enlarging tile by tile, by diffusion models that see the small picture."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from nodes.diffusion.noise_field import noise_at
from nodes.diffusion.small_pictures import VIEWS, decoded, doubled, enlarged_by, shown, with_noise
from nodes.diffusion.tiled_sampling import TilePass, guider_on_tile, in_cells
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
) -> TiledWork:
    """Enlarge pictures by a diffusion model that sees the small one.

    Args:
        tile_pass: Its model is the upscaler's.
        upscaler: On the device.
        small: (B, 3, h, w) in [0, 1]: the small pictures, sides multiples of `small_unit`.
        level: Of the noise that is added to them, up to the upscaler's `most_noise`.
        encoded: `small` is latents (B, C, h, w) in the model's space, for one that sees latents.

    What is sampled is decoded tile by tile with statistics of its own: nothing is known before of
    the latents of the whole.
    """
    scale, form = upscaler.scale, upscaler.model.latent_format
    view = VIEWS[upscaler.kind]
    unit = view.unit(upscaler)
    # How many pixels of what is made stand for one cell of what is given.
    step = unit if encoded else scale
    height, width = (side * step for side in small.shape[-2:])
    size, overlap = in_cells(tile_pass, unit)
    places = tiles(height // unit, width // unit, size, overlap)

    def make(index: int, place: Tile) -> Iterator[Tensor | None]:
        whole, cells = small[index : index + 1], place.scaled(1, form.downscale)
        source = place.scaled(1, step).of(whole)
        seen = doubled(upscaler, source) if encoded else view.seen(upscaler, whole, place)
        # Another plane than the one that sampling starts from.
        noise = noise_at(cells, seen.shape[1], tile_pass.seed + 1, index)
        seen = with_noise(upscaler, seen, noise, level)
        here = guider_on_tile(tile_pass.guider, place, height, width)
        told = tuple(shown(upscaler, each, seen, level) for each in here.conditionings)
        latent = torch.zeros(1, form.channels, *seen.shape[-2:])
        for made in tile_pass.sampled(latent, replace(here, conditionings=told), cells, index):
            if made is None:
                yield None
            else:
                enlarged = enlarged_by(upscaler, made, seen)
                like = decoded(upscaler, source) if encoded else source
                yield matched(enlarged, like, tile_pass.colours)

    return TiledWork(
        shape=(len(small), 3, height, width),
        places=[one.scaled(unit) for one in places],
        overlap=overlap * unit,
        steps=tile_pass.steps,
        make=make,
    )
