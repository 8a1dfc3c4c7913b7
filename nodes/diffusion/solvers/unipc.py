"""UniPC: a predictor and a corrector of any order that share their evaluations."""

import math
from itertools import pairwise

import numpy as np
from torch import Tensor

from nodes.diffusion.solvers.exponential import phi_1
from nodes.diffusion.solvers.step import Denoise, Levels, Step, Steps

# A noise level and the estimate there.
Point = tuple[float, Tensor]


def uni_pc(
    denoise: Denoise, x: Tensor, sigmas: Levels, *, order: int = 3, variant: str = "bh1"
) -> Steps:
    """Predict with the last estimates, and correct with the one that the next step needs anyway.

    Zhao et al. 2023, UniPC, arXiv:2302.04867, multistep and in terms of the clean sample, with
    B(z) = z for `bh1` and e^z - 1 for `bh2`. One evaluation a step; orders are low at the start and
    at the end, as in the paper's code.
    """
    count = len(sigmas) - 1
    history: list[Point] = []
    base: tuple[Tensor, list[Point]] | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if base is not None:
            before, used = base
            # The step that led here once more, now that the estimate at its end is known.
            x = _advance(before, sigma, used[0], [*used[1:], (sigma, denoised)], variant)
        history = [(sigma, denoised), *history][:order]
        # Towards 0 log sigma runs away from any polynomial. Levels that stop above 0 are taken as
        # those whose step to 0 is still to come: leaving it off changes nothing before it.
        left = count - i if sigmas[-1] == 0 else count - i + 1
        used = history[: min(order, i + 1, left)]
        base = (x, used)
        x = denoised if sigma_next == 0 else _advance(x, sigma_next, used[0], used[1:], variant)
        yield Step(i, sigma, x, denoised)


def _advance(
    x: Tensor, sigma_next: float, start: Point, others: list[Point], variant: str
) -> Tensor:
    """Go from the level of `start` to `sigma_next`, bent by estimates at other levels.

    They are older ones to predict (UniP), and with the one at the end to correct (UniC).
    """
    sigma, denoised = start
    h = math.log(sigma / sigma_next)
    x = (sigma_next / sigma) * x - math.expm1(-h) * denoised
    # Where the estimates are, in steps from the start: the end is at 1.
    places = [math.log(sigma / level) / h for level, _ in others]
    for weight, place, (_, estimate) in zip(
        _weights(places, h, variant), places, others, strict=True
    ):
        x = x - weight * (estimate - denoised) / place
    return x


def _weights(places: list[float], h: float, variant: str) -> list[float]:
    """Solve the paper's system for the weights a of the differences, and give them times B.

    With z = -h and the places r it is, for k = 1, 2, ...,

        sum over j of a_j r_j^(k - 1) = k! z phi_(k + 1)(z) / B(z),

    by which the polynomial through all estimates is integrated exactly, and B cancels out. But one
    difference alone is given the weight 1/2 for every B, which is what tells the variants apart.
    """
    if not places:
        return []
    z = -h
    B = z if variant == "bh1" else math.expm1(z)
    if len(places) == 1:
        return [B / 2]
    phi = phi_1(z)
    factorial = 1.0
    right = []
    for k in range(1, len(places) + 1):
        factorial *= k
        # phi becomes phi_(k + 1)(z) by the recurrence of the phi functions.
        phi = (phi - 1 / factorial) / z
        right.append(phi * factorial * z / B)
    rows = [[place ** (k - 1) for place in places] for k in range(1, len(places) + 1)]
    return [B * float(value) for value in np.linalg.solve(rows, right)]
