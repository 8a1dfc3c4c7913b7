"""Exponential integrators: exact in the linear part, on log sigma, in terms of the clean sample."""

import math
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.solvers.step import Denoise, Levels, Step, Steps


def phi_1(z: float) -> float:
    """Give (e^z - 1) / z, the weight of a constant; Hochbruck and Ostermann 2010, equation 2.10."""
    return math.expm1(z) / z


def phi_2(z: float) -> float:
    """Give (phi_1(z) - 1) / z, the weight of a linear change."""
    # Below this, rounding outweighs the terms that the series leaves out.
    if abs(z) < 1e-2:
        return 1 / 2 + z / 6 + z**2 / 24 + z**3 / 120 + z**4 / 720 + z**5 / 5040
    return (phi_1(z) - 1) / z


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Levels) -> Steps:
    """Lean the estimate forward by the last change. Second order, one evaluation.

    Lu et al. 2022, DPM-Solver++, arXiv:2211.01095, algorithm 2.
    """
    before: Tensor | None = None
    h_before = 0.0
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = math.log(sigma / sigma_next)
            lean = denoised
            if before is not None:
                lean = denoised + (denoised - before) * (h / (2 * h_before))
            x = (sigma_next / sigma) * x - math.expm1(-h) * lean
            h_before = h
        before = denoised
        yield Step(i, sigma, x, denoised)


def res_multistep(denoise: Denoise, x: Tensor, sigmas: Levels) -> Steps:
    """Integrate the line through the last two estimates exactly. Second order, one evaluation.

    Zhang et al. 2023, Refined Exponential Solver, arXiv:2308.02157, multistep with two stages.
    """
    before: Tensor | None = None
    h_before = 0.0
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = math.log(sigma / sigma_next)
            drive = phi_1(-h) * denoised
            if before is not None:
                drive = drive + phi_2(-h) * (h / h_before) * (denoised - before)
            x = math.exp(-h) * x + h * drive
            h_before = h
        before = denoised
        yield Step(i, sigma, x, denoised)
