"""CFG++: solvers that take the noise from the estimate that guidance leads away from.

Chung et al. 2024, CFG++, arXiv:2406.08070: with guidance, `x - denoised` is not the noise in `x`;
`x - uncond` nearly is. A step goes to the guided estimate and puts that noise back. `estimate`
gives both: the guided one and the other. Scales from 1 to 2 suit them. DDIM's step becomes

    x <- denoised + sigma' / sigma * (x - uncond).
"""

import math
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.noise import Draw
from nodes.diffusion.solvers.exponential import phi_1, phi_2
from nodes.diffusion.solvers.step import Levels, Path, Step, Steps

Estimate = Callable[[Tensor, float], tuple[Tensor, Tensor]]


def euler_ancestral_cfg_pp(
    estimate: Estimate,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    alternative: bool = False,
) -> Steps:
    """Make DDIM's step, or DDPM's, with the noise of the other estimate: the paper's method.

    Or, as an `alternative`, make an Euler step with twice the guidance.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, uncond = estimate(x, sigma)
        now, then = path.alpha(sigma), path.alpha(sigma_next)
        # In the coordinates of x / alpha every path is variance exploding.
        level = sigma / now if now > 0 else math.inf
        down, _, up = Path().ancestral(level, sigma_next / then, eta)
        left = then * down / sigma
        if alternative:
            further = 2 * denoised - uncond
            x = further + left * (x - further)
        else:
            x = then * denoised + left * (x - now * uncond)
        if up > 0:
            x = x + draw(sigma, sigma_next) * (s_noise * then * up)
        yield Step(i, sigma, x, denoised)


def dpmpp_2s_ancestral_cfg_pp(
    estimate: Estimate,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Steps:
    """Make the step down with the guided estimate at its middle, from a point moved by guidance.

    How far guidance moves it, the last estimate without guidance says, as everywhere in the field:
    on the way to the middle that of the beginning, on the whole way that of the middle.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, uncond = estimate(x, sigma)
        down, scale, up = path.ancestral(sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            middle = math.sqrt(sigma * down)
            x_middle = denoised + (middle / sigma) * (x - uncond)
            better, uncond = estimate(x_middle, middle)
            x = better + (down / sigma) * (x + denoised - uncond - better)
        if up > 0:
            x = scale * x + draw(sigma, sigma_next) * (s_noise * up)
        yield Step(i, sigma, x, denoised)


def dpmpp_2m_cfg_pp(estimate: Estimate, x: Tensor, sigmas: Levels) -> Steps:
    """Lean forward by the change since the last estimate without guidance."""
    before: Tensor | None = None
    h_before = 0.0
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, uncond = estimate(x, sigma)
        x = denoised + (sigma_next / sigma) * (x - uncond)
        if sigma_next > 0:
            h = math.log(sigma / sigma_next)
            if before is not None:
                x = x - math.expm1(-h) * (h / (2 * h_before)) * (denoised - before)
            h_before = h
        before = uncond
        yield Step(i, sigma, x, denoised)


def res_multistep_ancestral_cfg_pp(
    estimate: Estimate,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Steps:
    """Integrate the line through the last two estimates without guidance, from a moved point."""
    before: Tensor | None = None
    reach = 0.0
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, uncond = estimate(x, sigma)
        down, scale, up = path.ancestral(sigma, sigma_next, eta)
        if down == 0 or before is None:
            x = denoised + (down / sigma) * (x - uncond)
        else:
            h = math.log(sigma / down)
            drive = phi_1(-h) * uncond + phi_2(-h) * (h / reach) * (uncond - before)
            x = math.exp(-h) * (x + denoised - uncond) + h * drive
        reach = math.log(sigma / down) if down > 0 else 0.0
        if up > 0:
            x = scale * x + draw(sigma, sigma_next) * (s_noise * up)
        before = uncond
        yield Step(i, sigma, x, denoised)


def gradient_estimation_cfg_pp(
    estimate: Estimate, x: Tensor, sigmas: Levels, *, gamma: float = 2.0
) -> Steps:
    """Lean forward along the change of the slope, which is that of the noise put back.

    Permenter and Yuan 2024, arXiv:2306.04848, algorithm 2.
    """
    before: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, uncond = estimate(x, sigma)
        d = (x - uncond) / sigma
        x = denoised + sigma_next * d
        if before is not None and sigma_next > 0:
            x = x + (gamma - 1) * (d - before) * (sigma_next - sigma)
        before = d
        yield Step(i, sigma, x, denoised)
