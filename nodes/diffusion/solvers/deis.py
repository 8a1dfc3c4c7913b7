"""DEIS: exponential integration with a polynomial in the time of the process, not in sigma."""

import math
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.solvers.quadrature import integral, lagrange
from nodes.diffusion.solvers.step import Denoise, Levels, Step, Steps

# The continuous variance-preserving process whose time the polynomials are in: linear betas that
# reach these levels at these times, the range of Karras et al. 2022, arXiv:2206.00364, table 1.
SIGMA_RANGE = (0.002, 80.0)
LAST_TIME = 1e-3


def deis(denoise: Denoise, x: Tensor, sigmas: Levels, *, order: int = 3) -> Steps:
    """Integrate the polynomial through the last slopes, taken in time, over sigma.

    Zhang and Chen 2023, arXiv:2204.13902, tAB-DEIS: equations 14 and 15, in the coordinates
    where the linear part of the equation is gone.
    """
    times: list[float] = []
    slopes: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slopes = [(x - denoised) / sigma, *slopes][:order]
        times = [_time(sigma), *times][:order]
        if sigma_next == 0:
            x = denoised
        else:
            for weight, slope in zip(_integrals(times, sigma, sigma_next), slopes, strict=True):
                x = x + weight * slope
        yield Step(i, sigma, x, denoised)


def _integrals(times: list[float], sigma: float, sigma_next: float) -> list[float]:
    """Integrate over sigma each polynomial in time that is 1 at one time, 0 at the others."""

    def over_sigma(polynomial: Callable[[float], float]) -> float:
        return integral(lambda level: polynomial(_time(level)), sigma, sigma_next)

    return [over_sigma(polynomial) for polynomial in lagrange(times)]


def _time(sigma: float) -> float:
    """Solve sigma^2 + 1 = exp(beta_d t^2 / 2 + beta_min t) for the time."""
    low, high = (math.log1p(level**2) for level in SIGMA_RANGE)
    beta_d = 2 * (low / LAST_TIME - high) / (LAST_TIME - 1)
    beta_min = high - beta_d / 2
    return (math.sqrt(beta_min**2 + 2 * beta_d * math.log1p(sigma**2)) - beta_min) / beta_d
