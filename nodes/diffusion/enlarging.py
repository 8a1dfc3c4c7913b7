"""Enlarging tile by tile, by diffusion models that see the small picture."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from nodes.diffusion.noise_field import noise_at
from nodes.diffusion.small_pictures import VIEWS, enlarged_by, shown, with_noise
from nodes.diffusion.tiled_sampling import TilePass, guider_on_tile, in_cells
from nodes.imaging.colour import matched
from nodes.imaging.on_disk import TiledWork
from nodes.imaging.tiles import Tile, tiles
from nodes.types import DiffusionUpscaler


def upscaling_by_diffusion(
    tile_pass: TilePass, upscaler: DiffusionUpscaler, pixels: Tensor, level: int
) -> TiledWork:
    """Enlarge pictures by a diffusion model that sees the small one.

    Args:
        tile_pass: Its model is the upscaler's.
        upscaler: On the device.
        pixels: (B, 3, h, w) in [0, 1]: the small pictures, sides multiples of `small_unit`.
        level: Of the noise that is added to them, up to the upscaler's `most_noise`.

    What is sampled is decoded tile by tile with statistics of its own: nothing is known before of
    the latents of the whole.
    """
    scale, form = upscaler.scale, upscaler.model.latent_format
    view = VIEWS[upscaler.kind]
    unit = view.unit(upscaler)
    batch, channels, height, width = pixels.shape
    height, width = height * scale, width * scale
    size, overlap = in_cells(tile_pass, unit)
    places = tiles(height // unit, width // unit, size, overlap)

    def make(index: int, place: Tile) -> Iterator[Tensor | None]:
        small, cells = pixels[index : index + 1], place.scaled(1, form.downscale)
        seen = view.seen(upscaler, small, place)
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
                source = place.scaled(1, scale).of(small)
                yield matched(enlarged, source, tile_pass.colours)

    return TiledWork(
        shape=(batch, channels, height, width),
        places=[one.scaled(unit) for one in places],
        overlap=overlap * unit,
        steps=tile_pass.steps,
        make=make,
    )
