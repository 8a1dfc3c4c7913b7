"""A problem with a known answer: data from a diagonal Gaussian, whose ideal denoiser is linear.

Spreads of 64 dimensions lie from 0.05 to 2, evenly in their logarithm; means have variance 1. An
error is the root mean square over many starts, divided by the spread of the data.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.noise import noise_for
from nodes.diffusion.schedules import Schedule, karras
from nodes.diffusion.solvers import Path, Solver

SAMPLING = ModelSampling.from_betas("scaled_linear", 0.00085, 0.012, 1000)
SPREAD = torch.exp(torch.linspace(math.log(0.05), math.log(2), 64, dtype=torch.float64))
VARIANCE = SPREAD.square()
# Quantiles of the standard normal distribution, in an order that has nothing to do with SPREAD.
MEAN: Tensor = torch.special.ndtri((torch.arange(64, dtype=torch.float64) * 27 % 64 + 0.5) / 64)
DATA_SPREAD = float((SPREAD.square().mean() + MEAN.var(correction=0)).sqrt())
STARTS = torch.randn(32, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

Denoise = Callable[[Tensor, float], Tensor]


def denoise(x: Tensor, sigma: float) -> Tensor:
    """Give the mean of the data given `x` at `sigma`."""
    return (x * VARIANCE + MEAN * sigma**2) / (VARIANCE + sigma**2)


def start(sigma: float) -> Tensor:
    """Draw from the data with noise at `sigma`."""
    spread: Tensor = (VARIANCE + sigma**2).sqrt()
    return MEAN + STARTS * spread


def exact(x: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Solve the probability flow equation from one level to another."""
    return MEAN + (x - MEAN) * ((VARIANCE + sigma_next**2) / (VARIANCE + sigma**2)).sqrt()


def run(solver: Solver, ask: Denoise, x: Tensor, sigmas: list[float], **options: Any) -> Tensor:
    """Give the end of a solver's way, without noise being allowed to differ between runs."""
    chosen = {**solver.options, **options}
    if not solver.noise:
        steps = solver.run(ask, x, sigmas, **chosen)
    else:
        draw = noise_for(solver.noise, x, 0, sigmas)
        steps = solver.run(ask, x, sigmas, draw, Path(), **chosen)
    for step in steps:
        x = step.x
    return x


def error(solver: Solver, steps: int, schedule: Schedule = karras, **options: Any) -> float:
    """Measure the error at the lowest level above 0, after `steps` steps."""
    sigmas = schedule(SAMPLING, steps + 1)[:-1].tolist()
    x = start(sigmas[0])
    wrong = run(solver, denoise, x, sigmas, **options) - exact(x, sigmas[0], sigmas[-1])
    return float(wrong.square().mean().sqrt()) / DATA_SPREAD
