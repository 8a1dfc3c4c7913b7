"""Runge-Kutta methods on dx/d sigma: each step is made anew, from slopes within it or beyond."""

import math
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.solvers.step import Denoise, Levels, Step, Steps


def euler(denoise: Denoise, x: Tensor, sigmas: Levels) -> Steps:
    """Follow the slope. First order; the same as DDIM without noise.

    Karras et al. 2022, arXiv:2206.00364, algorithm 1 without its correction.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        d = (x - denoised) / sigma
        x = x + d * (sigma_next - sigma)
        yield Step(i, sigma, x, denoised)


def heun(denoise: Denoise, x: Tensor, sigmas: Levels) -> Steps:
    """Follow the mean of the slopes at both ends. Second order, two evaluations.

    Karras et al. 2022, arXiv:2206.00364, algorithm 1.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        d = (x - denoised) / sigma
        x_next = x + d * (sigma_next - sigma)
        if sigma_next > 0:
            d_next = (x_next - denoise(x_next, sigma_next)) / sigma_next
            x_next = x + (d + d_next) / 2 * (sigma_next - sigma)
        x = x_next
        yield Step(i, sigma, x, denoised)


def heunpp2(denoise: Denoise, x: Tensor, sigmas: Levels) -> Steps:
    """Mix the slopes here and up to two levels ahead, those ahead by their levels.

    Carzit 2023 (sd-webui-samplers-scheduler): the slope at a level ahead weighs that level over the
    first one and over how many slopes there are; the slope here has the rest. That is no quadrature
    rule, so it is of first order for all its three evaluations.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        d = (x - denoised) / sigma
        ahead = [level for level in sigmas[i + 1 : i + 3] if level > 0]
        weights = [level / ((len(ahead) + 1) * sigmas[0]) for level in ahead]
        mixed = d * (1 - sum(weights))
        x_ahead = x
        for level, weight in zip(ahead, weights, strict=True):
            x_ahead = x_ahead + d * (level - sigma)
            d = (x_ahead - denoise(x_ahead, level)) / level
            mixed = mixed + d * weight
            sigma = level
        x = x + mixed * (sigma_next - sigmas[i])
        yield Step(i, sigmas[i], x, denoised)


def dpm_2(denoise: Denoise, x: Tensor, sigmas: Levels) -> Steps:
    """Follow the slope at the geometric middle. Second order, two evaluations.

    The midpoint rule, its middle taken in log sigma as DPM-Solver-2 does: Lu et al. 2022,
    arXiv:2206.00927, algorithm 1.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        d = (x - denoised) / sigma
        if sigma_next == 0:
            x = denoised
        else:
            middle = math.sqrt(sigma * sigma_next)
            x_middle = x + d * (middle - sigma)
            d_middle = (x_middle - denoise(x_middle, middle)) / middle
            x = x + d_middle * (sigma_next - sigma)
        yield Step(i, sigma, x, denoised)
