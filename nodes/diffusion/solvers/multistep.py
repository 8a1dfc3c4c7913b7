"""Solvers that remember slopes: Adams-Bashforth methods on dx/d sigma, one evaluation a step."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.solvers.quadrature import integral, lagrange
from nodes.diffusion.solvers.step import Denoise, Levels, Step, Steps

# Factors of the remembered slopes, given the levels they were taken at, newest first, and the next
# level.
Weights = Callable[[Sequence[float], float], Sequence[float]]

# Adams-Bashforth for even steps (Hairer, Norsett and Wanner 1993, Solving Ordinary Differential
# Equations I, III.1), newest slope first.
EVEN_STEPS = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


def lms(denoise: Denoise, x: Tensor, sigmas: Levels, *, order: int = 4) -> Steps:
    """Integrate the polynomial through the last slopes, exactly for uneven levels.

    Linear multistep (variable-step Adams-Bashforth), as Katherine Crowson's k-diffusion has it
    beside Karras et al. 2022, arXiv:2206.00364. The order is reached after as many steps.
    """
    return _adams(denoise, x, sigmas, order, _exact_weights)


def ipndm(denoise: Denoise, x: Tensor, sigmas: Levels, *, order: int = 4) -> Steps:
    """Take the weights of even steps, whatever the steps are; `order` is at most 4.

    iPNDM of Zhang and Chen 2023, arXiv:2204.13902, after Liu et al. 2022, arXiv:2202.09778, with
    lower orders at the start. On uneven levels it is of second order at best.
    """
    return _adams(denoise, x, sigmas, order, _even_weights)


def ipndm_v(denoise: Denoise, x: Tensor, sigmas: Levels, *, order: int = 4) -> Steps:
    """Adapt the weights of iPNDM to uneven steps, as is common in the field; `order` is at most 4.

    They are exact for two slopes; with more, they are exact for even steps only, which makes it
    second order on others. `lms` has the exact ones.
    """
    return _adams(denoise, x, sigmas, order, _uneven_weights)


def gradient_estimation(
    denoise: Denoise, x: Tensor, sigmas: Levels, *, gamma: float = 2.0
) -> Steps:
    """Lean forward along the change of the slope by a fixed factor.

    Permenter and Yuan 2024, arXiv:2306.04848, algorithm 2, which finds gamma = 2 best at few steps.
    As the factor ignores the spacing, it stays of first order.
    """
    before: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        d = (x - denoised) / sigma
        slope = d if before is None else gamma * d + (1 - gamma) * before
        x = denoised if sigma_next == 0 else x + slope * (sigma_next - sigma)
        before = d
        yield Step(i, sigma, x, denoised)


def _adams(denoise: Denoise, x: Tensor, sigmas: Levels, order: int, weights: Weights) -> Steps:
    levels: list[float] = []
    slopes: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slopes = [(x - denoised) / sigma, *slopes][:order]
        levels = [sigma, *levels][:order]
        if sigma_next == 0:
            x = denoised
        else:
            for weight, slope in zip(weights(levels, sigma_next), slopes, strict=True):
                x = x + weight * slope
        yield Step(i, sigma, x, denoised)


def _exact_weights(levels: Sequence[float], sigma_next: float) -> Sequence[float]:
    return [integral(one, levels[0], sigma_next) for one in lagrange(levels)]


def _even_weights(levels: Sequence[float], sigma_next: float) -> Sequence[float]:
    h = sigma_next - levels[0]
    return [h * weight for weight in EVEN_STEPS[len(levels) - 1]]


def _uneven_weights(levels: Sequence[float], sigma_next: float) -> Sequence[float]:
    h = sigma_next - levels[0]
    steps = [newer - older for newer, older in pairwise(levels)]
    weights = [1.0, 0.0, 0.0, 0.0]
    if len(levels) > 1:
        first = h / steps[0] / 2
        weights = [1 + first, -first, 0.0, 0.0]
    if len(levels) > 2:
        h1, h2 = steps[:2]
        second = (1 - h**2 / (3 * h1 * (h1 + h2))) / 2
        difference = (1.0, -1 - h1 / h2, h1 / h2, 0.0)
        weights = [w + second * c for w, c in zip(weights, difference, strict=True)]
    if len(levels) > 3:
        h3 = steps[2]
        two, three = h + h1, h + h1 + h2
        third = (1 - h / (3 * two)) / 2 + (1 - h / (2 * two)) * h / (6 * three)
        third *= h * two * three / (h1 * (h1 + h2) * (h1 + h2 + h3))
        ratio = h1 * (h1 + h2) / (h2 * (h2 + h3))
        difference = (
            1.0,
            -1 - h1 / h2 - ratio,
            h1 / h2 + ratio * (1 + h2 / h3),
            -ratio * h1 / h2,
        )
        weights = [w + third * c for w, c in zip(weights, difference, strict=True)]
    return [h * weight for weight in weights[: len(levels)]]
