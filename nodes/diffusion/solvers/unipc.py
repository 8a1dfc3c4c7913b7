"""UniPC: a predictor and a corrector of any order that share their evaluations."""

import math
from itertools import pairwise

import numpy as np
from torch import Tensor

from nodes.diffusion.solvers.exponential import phi_1
from nodes.diffusion.solvers.step import Denoise, Levels, Step, Steps


def uni_pc(
    denoise: Denoise, x: Tensor, sigmas: Levels, *, order: int = 3, variant: str = "bh1"
) -> Steps:
    """Predict with the last estimates, and correct with the one that the next step needs anyway.

    Zhao et al. 2023, arXiv:2302.04867, algorithms 5 and 6 (multistep, in terms of the clean
    sample), with B(h) = h for `bh1` and e^h - 1 for `bh2`. One evaluation a step; orders are low at
    the start and at the end, as in the paper's code.
    """
    count = len(sigmas) - 1
    history: list[tuple[float, Tensor]] = []
    base: tuple[Tensor, float, int] | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if base is not None:
            before, sigma_before, steps_back = base
            x = _correct(before, sigma_before, sigma, denoised, history[:steps_back], variant)
        history = [(sigma, denoised), *history][:order]
        # Towards 0 log sigma runs away from any polynomial. Levels that stop above 0 are taken as
        # those whose step to 0 is still to come: leaving it off changes nothing before it.
        left = count - i if sigmas[-1] == 0 else count - i + 1
        steps_back = min(order, i + 1, left)
        base = (x, sigma, steps_back)
        x = denoised if sigma_next == 0 else _predict(x, sigma_next, history[:steps_back], variant)
        yield Step(i, sigma, x, denoised)


def _predict(
    x: Tensor, sigma_next: float, history: list[tuple[float, Tensor]], variant: str
) -> Tensor:
    """Go to `sigma_next` by the newest estimate and its differences to the older ones."""
    sigma, denoised = history[0]
    h = math.log(sigma / sigma_next)
    x = (sigma_next / sigma) * x - math.expm1(-h) * denoised
    older = history[1:]
    places = [math.log(sigma / level) / h for level, _ in older]
    for weight, place, (_, estimate) in zip(
        _weights(places, h, variant), places, older, strict=True
    ):
        x = x - weight * (estimate - denoised) / place
    return x


def _correct(
    x: Tensor,
    sigma: float,
    sigma_next: float,
    arrived: Tensor,
    history: list[tuple[float, Tensor]],
    variant: str,
) -> Tensor:
    """Make the step from `sigma` again, knowing the estimate at its end."""
    _, denoised = history[0]
    h = math.log(sigma / sigma_next)
    x = (sigma_next / sigma) * x - math.expm1(-h) * denoised
    others = [*history[1:], (sigma_next, arrived)]
    places = [math.log(sigma / level) / h for level, _ in others]
    for weight, place, (_, estimate) in zip(
        _weights(places, h, variant), places, others, strict=True
    ):
        x = x - weight * (estimate - denoised) / place
    return x


def _weights(places: list[float], h: float, variant: str) -> list[float]:
    """Solve for the weights of the differences, times B(h): equation 10 with R_p and phi_p.

    One difference alone has the weight 1/2 for every B, which is what tells the variants apart.
    """
    if not places:
        return []
    size = -h if variant == "bh1" else math.expm1(-h)
    if len(places) == 1:
        return [size / 2]
    phi = phi_1(-h)
    factorial = 1.0
    right = []
    for k in range(1, len(places) + 1):
        factorial *= k
        # phi becomes phi_(k + 1)(-h) by the recurrence of the phi functions.
        phi = (phi - 1 / factorial) / -h
        right.append(phi * factorial * -h / size)
    rows = [[place ** (k - 1) for place in places] for k in range(1, len(places) + 1)]
    return [size * float(value) for value in np.linalg.solve(rows, right)]
