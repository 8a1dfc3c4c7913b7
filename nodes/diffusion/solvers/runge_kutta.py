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
    """Look two levels ahead and integrate the parabola through the three slopes.

    Second order, three evaluations, a method of Heun's kind with one more point; the last step but
    one is Heun's, the last Euler's, since there is less to look ahead to. Elsewhere in the field
    the slopes are weighed by their levels (Carzit 2023, sd-webui-samplers-scheduler), which is of
    first order: this is the one solver whose pictures differ from there.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        d = (x - denoised) / sigma
        h = sigma_next - sigma
        x_next = x + d * h
        if sigma_next > 0:
            d_next = (x_next - denoise(x_next, sigma_next)) / sigma_next
            after = sigmas[i + 2] if i + 2 < len(sigmas) else 0
            if after > 0:
                k = after - sigma_next
                x_after = x_next + d_next * k
                d_after = (x_after - denoise(x_after, after)) / after
                # The integral of the Lagrange parabola over the first of its two intervals.
                bend = h**2 / (6 * k * (h + k))
                slope = (0.5 - bend * k / h) * d + (0.5 + bend * (h + k) / h) * d_next
                x_next = x + h * (slope - bend * d_after)
            else:
                x_next = x + h * (d + d_next) / 2
        x = x_next
        yield Step(i, sigma, x, denoised)


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
