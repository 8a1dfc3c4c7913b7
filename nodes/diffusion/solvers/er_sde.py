"""ER-SDE: extended reverse-time equations, whose noise follows a function of one's choice."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from torch import Tensor

from nodes.diffusion.noise import Draw
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Step, Steps

# How the share of `x` that is kept shrinks with sigma: the paper's fifth and best (equation 22),
# that of the reverse-time SDE, and that of the ODE.
SCALERS: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "ER-SDE": lambda level: level * (math.exp(level**0.3) + 10),
        "Reverse-time SDE": lambda level: level**2,
        "ODE": lambda level: level,
    }
)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


def er_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    solver_type: str = "ER-SDE",
    max_stage: int = 3,
    s_noise: float = 1.0,
) -> Steps:
    """Follow the parabola through the last three estimates, exactly in the linear part.

    Cui et al. 2023, arXiv:2309.06169, algorithms 1 to 3 (`max_stage`), for data prediction. In the
    paper's lambda = sigma / alpha; integrals by quadrature.
    """
    phi = SCALERS[solver_type]
    sigmas = path.within(sigmas)
    # (level, estimate), and the slopes between them, newest first.
    points: list[tuple[float, Tensor]] = []
    slopes: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        alpha, alpha_next = path.alpha(sigma), path.alpha(sigma_next)
        level, level_next = sigma / alpha, sigma_next / alpha_next
        points = [(level, denoised), *points][:3]
        if len(points) > 1:
            gap = level - points[1][0]
            slopes = [(denoised - points[1][1]) / gap, *slopes][:2]
        if sigma_next == 0:
            x = denoised
        else:
            ratio = phi(level_next) / phi(level)
            x = ratio * (alpha_next / alpha) * x + (1 - ratio) * alpha_next * denoised
            weights = _integrals(phi, level, level_next)
            if max_stage > 1 and slopes:
                x = x + alpha_next * weights[0] * slopes[0]
            if max_stage > 2 and len(slopes) > 1:
                bend = (slopes[0] - slopes[1]) * (2 / (level - points[2][0]))
                x = x + alpha_next * weights[1] * bend
            variance = level_next**2 - (level * ratio) ** 2
            if variance > 0 and s_noise > 0:
                x = x + draw(sigma, sigma_next) * (alpha_next * s_noise * math.sqrt(variance))
        yield Step(i, sigma, x, denoised)


def _integrals(
    phi: Callable[[float], float], level: float, level_next: float
) -> tuple[float, float]:
    """Weigh the slope and the curvature of the estimate over lambda."""
    h = level_next - level
    middle, half = (level + level_next) / 2, (level - level_next) / 2
    at = [middle + half * float(node) for node in _NODES]
    flat = half * float(np.dot(_WEIGHTS, [1 / phi(p) for p in at]))
    tilted = half * float(np.dot(_WEIGHTS, [(p - level) / phi(p) for p in at]))
    scale = phi(level_next)
    return h + scale * flat, h**2 / 2 + scale * tilted
