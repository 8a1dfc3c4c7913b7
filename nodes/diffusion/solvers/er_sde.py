"""ER-SDE: extended reverse-time equations, whose noise follows a function of one's choice."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

from torch import Tensor

from nodes.diffusion.noise import Draw
from nodes.diffusion.solvers.quadrature import integral
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Step, Steps

# The noise scale functions phi, by which the share of `x` that is kept shrinks: the paper's fifth
# and best (ER SDE 5), that of a reverse-time SDE with eta times its noise, and that of the ODE.
SCALERS: Mapping[str, Callable[[float, float], float]] = MappingProxyType(
    {
        "ER-SDE": lambda level, eta: level * (math.exp(level**0.3) + 10),
        "Reverse-time SDE": lambda level, eta: level ** (1 + eta),
        "ODE": lambda level, eta: level,
    }
)


def er_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    solver_type: str = "ER-SDE",
    max_stage: int = 3,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Steps:
    """Follow the parabola through the last three estimates, exactly in the linear part.

    Cui et al. 2023, arXiv:2309.06169, ER-SDE-Solver-1 to -3 (`max_stage`), for data prediction. In
    the paper's lambda, which is sigma / alpha, and with r = phi(lambda') / phi(lambda),

        x <- (alpha' / alpha) r x + alpha' (1 - r) denoised + alpha' (weights of slope and bend)
             + alpha' sqrt(lambda'^2 - r^2 lambda^2) noise;

    the weights are integrals over lambda of 1 / phi, by quadrature.
    """

    def phi(level: float) -> float:
        return SCALERS[solver_type](level, eta)

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
    h, scale = level_next - level, phi(level_next)
    flat = integral(lambda place: 1 / phi(place), level_next, level)
    tilted = integral(lambda place: (place - level) / phi(place), level_next, level)
    return h + scale * flat, h**2 / 2 + scale * tilted
