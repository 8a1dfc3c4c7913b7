"""Noise that is the same on every device: drawn on the CPU from generators seeded with the seed."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torchsde import BrownianTree

# Draws noise of unit variance for the step from one noise level to another.
Draw = Callable[[float, float], Tensor]

# torch's generator takes any 64-bit pattern; a seed + 1 must stay in it.
_SEEDS = 2**64


def seeded(seed: int) -> torch.Generator:
    """Make a generator on the CPU from a seed of any size."""
    return torch.Generator().manual_seed(seed % _SEEDS)


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
    generator = seeded(seed)
    if batch_index is None:
        return torch.randn(tuple(shape), generator=generator)
    one = (1, *shape[1:])
    drawn = [torch.randn(one, generator=generator) for _ in range(max(batch_index) + 1)]
    return torch.cat([drawn[place] for place in batch_index])


def step_noise(x: Tensor, seed: int) -> Draw:
    """Make a source of independent noise like `x`, for solvers that add noise at each step.

    Its seed is one above that of the initial noise, by the field's convention: the two must differ.
    """
    generator = seeded(seed + 1)

    def draw(sigma: float, sigma_next: float) -> Tensor:
        return torch.randn(x.shape, generator=generator).to(x.device, x.dtype)

    return draw


def noise_for(kind: str, x: Tensor, seed: int, levels: Sequence[float]) -> Draw:
    """Make the source of noise that a solver asks for.

    Args:
        kind: "steps" or "brownian".
        x: What is sampled.
        seed: Of the sampling.
        levels: The noise levels that it goes through.
    """
    if kind != "brownian":
        return step_noise(x, seed)
    above = [level for level in levels if level > 0]
    return brownian_noise(x, seed, min(above), max(above))


def brownian_noise(x: Tensor, seed: int, low: float, high: float) -> Draw:
    """Make a source of noise like `x` from one Brownian path over noise levels.

    What is drawn for a step is the path's increment over it, divided by its standard deviation:
    steps that overlap get the correlation that a stochastic differential equation asks for. The
    path is a tree of halvings, Li et al. 2020, Scalable Gradients for Stochastic Differential
    Equations, arXiv:2001.01328, section 4, whose values follow from the seed alone; it is
    torchsde's, which the field uses, so that a seed gives the noise that it gives elsewhere.

    Args:
        x: Gives shape, dtype and device; the path itself is on the CPU.
        seed: Below 2^64.
        low: The lowest noise level above 0 that steps end at.
        high: The highest.
    """
    # Its ends are kept to six digits; what lies a little beyond them is moved to them.
    first, last = (round(rounded(level), 6) for level in (low, high))
    # A path has a length, even if no step is made along it.
    last = max(last, first + 1e-6)
    start = torch.zeros(x.shape, dtype=x.dtype)
    path = BrownianTree(t0=first, w0=start, t1=last, entropy=seed % _SEEDS)

    def draw(sigma: float, sigma_next: float) -> Tensor:
        one, other = (min(max(rounded(level), first), last) for level in (sigma, sigma_next))
        # Levels fall, and the path runs from the lowest.
        increment: Tensor = path(min(one, other), max(one, other))
        sign = 1 if one < other else -1
        return (increment * (sign / math.sqrt(abs(one - other)))).to(x.device)

    return draw


def rounded(level: float) -> float:
    """Round to float32, in which the field keeps noise levels: paths and bounds depend on them."""
    return float(np.float32(level))
