"""Sampling tile by tile: an image-to-image pass, or an upscaler's, over pictures of any size.

Each tile is sampled to its end with its part of one plane of noise, and tiles fade into each other.
A tile that is as large as the picture gives what is sampled without tiles.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from nodes.diffusion.cost import denoiser_cost, repeated
from nodes.diffusion.latent_space import moved
from nodes.diffusion.noise_field import noise_at
from nodes.diffusion.sampling import Sampling
from nodes.diffusion.small_pictures import VIEWS, enlarged_by, shown, with_noise
from nodes.diffusion.solvers import SOLVERS
from nodes.diffusion.tile_conditions import model_on_tile, on_tile
from nodes.diffusion.vae import decode_once, encode_once
from nodes.imaging.colour import matched
from nodes.imaging.on_disk import TiledWork
from nodes.imaging.tiles import Tile, tiles
from nodes.types import (
    CascadeStage,
    Cost,
    DiffusionUpscaler,
    Guider,
    Image,
    Latent,
    Noise,
    Sampler,
    Vae,
)

# A solver that adds noise at its steps would give every tile its own.
NOISELESS = tuple(name for name, solver in SOLVERS.items() if not solver.noise)


@dataclass(frozen=True, eq=False)
class TilePass:
    """How each tile is sampled.

    Attributes:
        guider: On the device; its conditionings are for the whole picture.
        sampler: A solver that adds no noise of its own.
        sigmas: (N + 1,) descending.
        seed: Of the plane of noise.
        size: Side of a tile, in pixels of what is made.
        overlap: What neighbours share, in pixels of what is made.
        colours: How the colours of the source are kept; see `imaging.colour`.
    """

    guider: Guider
    sampler: Sampler
    sigmas: Tensor
    seed: int
    size: int
    overlap: int
    colours: str

    @property
    def steps(self) -> int:
        """Count the steps of one tile."""
        return max(len(self.sigmas) - 1, 0)

    def cost(self, size: int, downscale: int) -> Cost:
        """Find what the steps of a tile cost, given its side in pixels and the pixels of a cell."""
        side = size // downscale
        model, conditionings = self.guider.model, self.guider.conditionings
        alone = len(conditionings) == 1 or self.guider.options.get("scale") == 1
        batch = 1 if alone else len(conditionings)
        step = denoiser_cost(model, side, side, batch, conditionings[0].parts[0])
        return repeated(step, self.steps)

    def sampled(
        self, latent: Tensor, guider: Guider, tile: Tile, index: int
    ) -> Iterator[Tensor | None]:
        """Sample one tile, at its place in cells; yields None for each step, at last the latent."""
        sampling = Sampling(
            guider=guider,
            sampler=self.sampler,
            sigmas=self.sigmas,
            noise=Noise(self.seed),
            latent=Latent(latent),
            drawn=noise_at(tile, latent.shape[1], self.seed, index),
        )
        x = latent
        for step in sampling.steps():
            x = step.x
            yield None
        yield sampling.latent_of(x, float(self.sigmas[-1])).samples if self.steps else latent


def staged(
    tile_pass: TilePass,
    title: str,
    scale: float,
    run: Callable[..., Image],
    cost: Callable[[int], Cost],
) -> CascadeStage:
    """Describe a pass as a stage of a cascade.

    Args:
        tile_pass: How each tile is sampled.
        title: What the stage is, in a few words.
        scale: Factor on the sides.
        run: Takes the pass, and as `image` and `ctx` what a stage takes.
        cost: Gives what one tile of a size costs.
    """
    return CascadeStage(
        title=title,
        scale=scale,
        run=partial(run, tile_pass),
        tile=tile_pass.size,
        overlap=tile_pass.overlap,
        tiled=lambda size: staged(replace(tile_pass, size=size), title, scale, run, cost),
        cost=cost,
    )


def refining(tile_pass: TilePass, vae: Vae, pixels: Tensor) -> TiledWork:
    """Redo pictures in part, as image-to-image does: encode, add noise, sample, decode.

    Args:
        tile_pass: Its model works in the VAE's latents.
        vae: On the device; its latents may differ in scale from the model's.
        pixels: (B, 3, H, W) in [0, 1], sides multiples of the VAE's downscale.
    """
    scale, own = vae.latent_format.downscale, tile_pass.guider.model.latent_format
    height, width = pixels.shape[-2:]
    size, overlap = _in_cells(tile_pass, scale)
    cells = tiles(height // scale, width // scale, size, overlap)

    def make(index: int, place: Tile) -> Iterator[Tensor | None]:
        source = place.of(pixels[index : index + 1])
        here = _guider_on_tile(tile_pass.guider, place, height, width)
        latent = moved(encode_once(vae, source), vae.latent_format, own)
        for made in tile_pass.sampled(latent, here, place.scaled(1, scale), index):
            if made is None:
                yield None
            else:
                decoded = decode_once(vae, moved(made, own, vae.latent_format))
                yield matched(decoded, source, tile_pass.colours)

    return TiledWork(
        shape=tuple(pixels.shape),
        places=[cell.scaled(scale) for cell in cells],
        overlap=overlap * scale,
        steps=tile_pass.steps,
        make=make,
    )


def upscaling_by_diffusion(
    tile_pass: TilePass, upscaler: DiffusionUpscaler, pixels: Tensor, level: int
) -> TiledWork:
    """Enlarge pictures by a diffusion model that sees the small one.

    Args:
        tile_pass: Its model is the upscaler's.
        upscaler: On the device.
        pixels: (B, 3, h, w) in [0, 1]: the small pictures, sides multiples of `small_unit`.
        level: Of the noise that is added to them, up to the upscaler's `most_noise`.
    """
    scale, form = upscaler.scale, upscaler.model.latent_format
    view = VIEWS[upscaler.kind]
    unit = view.unit(upscaler)
    batch, channels, height, width = pixels.shape
    height, width = height * scale, width * scale
    size, overlap = _in_cells(tile_pass, unit)
    places = tiles(height // unit, width // unit, size, overlap)

    def make(index: int, place: Tile) -> Iterator[Tensor | None]:
        small, cells = pixels[index : index + 1], place.scaled(1, form.downscale)
        seen = view.seen(upscaler, small, place)
        # Another plane than the one that sampling starts from.
        noise = noise_at(cells, seen.shape[1], tile_pass.seed + 1, index)
        seen = with_noise(upscaler, seen, noise, level)
        here = _guider_on_tile(tile_pass.guider, place, height, width)
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


def _guider_on_tile(guider: Guider, place: Tile, height: int, width: int) -> Guider:
    """Cut what holds for the whole picture to a tile, all in pixels."""
    return replace(
        guider,
        model=model_on_tile(guider.model, place, height, width),
        conditionings=on_tile(guider.conditionings, place, height, width),
    )


def _in_cells(tile_pass: TilePass, scale: int) -> tuple[int, int]:
    """Give tile and overlap in cells; an overlap is at most half a tile."""
    size = max(1, tile_pass.size // scale)
    return size, min(tile_pass.overlap // scale, size // 2)
