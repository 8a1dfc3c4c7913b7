"""Noise that is the same on every device: drawn on the CPU from generators seeded with the seed."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Draws noise of unit variance for the step from one noise level to another.
Draw = Callable[[float, float], Tensor]

# torch's generator takes any 64-bit pattern; a seed + 1 must stay in it.
_SEEDS = 2**64


def initial_noise(
    shape: Sequence[int], seed: int, batch_index: Sequence[int] | None = None
) -> Tensor:
    """Draw the noise a sampling starts from, for the whole batch at once: float32 on the CPU.

    Args:
        shape: (B, C, ...) of the latent.
        seed: Below 2^64.
        batch_index: For latents cut out of a batch, each element's place there: an element gets
            the noise it would have had in the whole.
    """
    generator = torch.Generator().manual_seed(seed % _SEEDS)
    if batch_index is None:
        return torch.randn(tuple(shape), generator=generator)
    one = (1, *shape[1:])
    drawn = [torch.randn(one, generator=generator) for _ in range(max(batch_index) + 1)]
    return torch.cat([drawn[place] for place in batch_index])


def step_noise(x: Tensor, seed: int) -> Draw:
    """Make a source of independent noise like `x`, for solvers that add noise at each step.

    Its seed is one above that of the initial noise, by the field's convention: the two must differ.
    """
    generator = torch.Generator().manual_seed((seed + 1) % _SEEDS)

    def draw(sigma: float, sigma_next: float) -> Tensor:
        return torch.randn(x.shape, generator=generator).to(x.device, x.dtype)

    return draw


def brownian_noise(x: Tensor, seed: int) -> Draw:
    """Make a source of noise like `x` from one Brownian path over sigma.

    What is drawn for a step is the path's increment over it, divided by its standard deviation:
    steps that overlap get the correlation that a stochastic differential equation asks for. Levels
    must come in descending order of where steps begin.
    """
    generator = torch.Generator().manual_seed((seed + 1) % _SEEDS)
    # Places on the path that are known, by ascending -sigma.
    times: list[float] = []
    values: list[Tensor] = []

    def value_at(time: float) -> Tensor:
        place = bisect_left(times, time)
        if place < len(times) and times[place] == time:
            return values[place]
        drawn = torch.randn(x.shape, generator=generator).to(x.device, x.dtype)
        if not times:
            value = torch.zeros_like(x)
        elif place == len(times):
            value = values[-1] + drawn * math.sqrt(time - times[-1])
        else:
            before, after = times[place - 1], times[place]
            share = (time - before) / (after - before)
            spread = math.sqrt((time - before) * (after - time) / (after - before))
            value = torch.lerp(values[place - 1], values[place], share) + drawn * spread
        times.insert(place, time)
        values.insert(place, value)
        return value

    def draw(sigma: float, sigma_next: float) -> Tensor:
        first = value_at(-sigma)
        last = value_at(-sigma_next)
        # Nothing asks for a level above the one that a step has begun at.
        behind = bisect_left(times, -sigma)
        del times[:behind], values[:behind]
        return (last - first) / math.sqrt(sigma - sigma_next)

    return draw
