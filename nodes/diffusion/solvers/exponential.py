"""Exponential integrators: exact in the linear part, on log sigma, in terms of the clean sample.

With t = -log sigma the equation of `step` is dx / dt = denoised - x. Over a step of length h,

    x(t + h) = e^-h x(t) + integral over s from 0 to h of e^(s - h) denoised(t + s) ds

holds exactly (Lu et al. 2022, DPM-Solver++, arXiv:2211.01095, proposition 4.1). Solvers differ in
what they take for the estimate within the step; the integrals of its powers are phi functions.
"""

import math
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.solvers.step import Denoise, Levels, Step, Steps


def phi_1(z: float) -> float:
    """Give (e^z - 1) / z, the weight of a constant.

    Hochbruck and Ostermann 2010, Exponential Integrators, Acta Numerica 19, section 2.
    """
    return math.expm1(z) / z


def phi_2(z: float) -> float:
    """Give (phi_1(z) - 1) / z, the weight of a change that grows evenly from 0 to 1."""
    # Below this, rounding outweighs the terms that the series leaves out.
    if abs(z) < 1e-2:
        return 1 / 2 + z / 6 + z**2 / 24 + z**3 / 120 + z**4 / 720 + z**5 / 5040
    return (phi_1(z) - 1) / z


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Levels) -> Steps:
    """Lean the estimate forward to the middle of the step. Second order, one evaluation.

    Lu et al. 2022, DPM-Solver++(2M), arXiv:2211.01095, algorithm 2.
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

    Zhang et al. 2023, Improved Order Analysis and Design of Exponential Integrator for Diffusion
    Models Sampling (RES), arXiv:2308.02157: the multistep solver of two estimates.
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
