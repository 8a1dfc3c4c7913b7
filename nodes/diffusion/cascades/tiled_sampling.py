"""Sampling tile by tile, over pictures of any size; `refining` and `enlarging` are such passes.

Each tile is sampled to its end with its part of one plane of noise, and tiles fade into each other.
A tile that is as large as the picture gives what is sampled without tiles.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from nodes.diffusion.cascades.noise_field import noise_at
from nodes.diffusion.cascades.tile_conditions import model_on_tile, on_tile
from nodes.diffusion.memory.cost import denoiser_cost
from nodes.diffusion.sampling import Sampling
from nodes.diffusion.solvers import SOLVERS
from nodes.imaging.tiles import Tile
from nodes.types import (
    CascadeStage,
    Cost,
    Guider,
    Image,
    Latent,
    Noise,
    Sampler,
)

# A solver that adds noise at its steps would give every tile its own.
NOISELESS = tuple(name for name, solver in SOLVERS.items() if not solver.noise)
# Latents that a tile and its solver hold while the network works: noise, what it began with, what
# was denoised, and what steps make of them; measured.
_HELD = 10


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
        held = _HELD * model.latent_format.channels * side**2 * torch.float32.itemsize
        return Cost(step.operations * self.steps, step.peak_bytes + held)

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
    *,
    from_latent: bool = False,
) -> CascadeStage:
    """Describe a pass as a stage of a cascade.

    Args:
        tile_pass: How each tile is sampled.
        title: What the stage is, in a few words.
        scale: Factor on the sides.
        run: Takes the pass, and as `image` and `ctx` what a stage takes.
        cost: Gives what one tile of a size costs.
        from_latent: Whether `run` takes a latent as well.
    """

    def tiled(size: int) -> CascadeStage:
        other = replace(tile_pass, size=size)
        return staged(other, title, scale, run, cost, from_latent=from_latent)

    return CascadeStage(
        title=title,
        scale=scale,
        run=partial(run, tile_pass),
        from_latent=from_latent,
        tile=tile_pass.size,
        overlap=tile_pass.overlap,
        tiled=tiled,
        cost=cost,
    )


def guider_on_tile(guider: Guider, place: Tile, height: int, width: int) -> Guider:
    """Cut what holds for the whole picture to a tile, all in pixels."""
    return replace(
        guider,
        model=model_on_tile(guider.model, place, height, width),
        conditionings=on_tile(guider.conditionings, place, height, width),
    )


def in_cells(tile_pass: TilePass, scale: int) -> tuple[int, int]:
    """Give tile and overlap in cells of so many pixels; an overlap is at most half a tile."""
    size = max(1, tile_pass.size // scale)
    return size, min(tile_pass.overlap // scale, size // 2)
