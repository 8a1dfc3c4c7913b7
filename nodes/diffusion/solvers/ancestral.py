"""Solvers that step a little too far down and come back up with fresh noise."""

import math
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.noise import Draw
from nodes.diffusion.solvers.exponential import phi_1, phi_2
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Step, Steps


def euler_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Steps:
    """Sample each step from the posterior: DDPM for eta = 1, DDIM for eta = 0.

    Ho et al. 2020, arXiv:2006.11239, algorithm 2; Song et al. 2021, arXiv:2010.02502, equation 12;
    in the coordinates of Karras et al. 2022 both are an Euler step and noise.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, scale, up = path.ancestral(sigma, sigma_next, eta)
        x = denoised + (down / sigma) * (x - denoised)
        if up > 0:
            x = scale * x + draw(sigma, sigma_next) * (s_noise * up)
        yield Step(i, sigma, x, denoised)


def dpm_2_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Steps:
    """Make the step down with the slope at its geometric middle, as `dpm_2`, then add noise."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, scale, up = path.ancestral(sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            middle = math.sqrt(sigma * down)
            d = (x - denoised) / sigma
            x_middle = x + d * (middle - sigma)
            d_middle = (x_middle - denoise(x_middle, middle)) / middle
            x = x + d_middle * (down - sigma)
        if up > 0:
            x = scale * x + draw(sigma, sigma_next) * (s_noise * up)
        yield Step(i, sigma, x, denoised)


_NEARLY_NOISE = 0.9999


def dpmpp_2s_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Steps:
    """Make the step down with the estimate at its middle in log SNR, then add noise.

    Lu et al. 2022, DPM-Solver++(2S), arXiv:2211.01095, algorithm 1 with r = 1/2. From pure noise,
    whose log SNR is infinite, a flow's middle is `_NEARLY_NOISE`, by the field's convention.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, scale, up = path.ancestral(sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            if path.alpha(sigma) > 0:
                middle = path.sigma((path.log_snr(sigma) + path.log_snr(down)) / 2)
            else:
                middle = _NEARLY_NOISE
            x_middle = denoised + (middle / sigma) * (x - denoised)
            better = denoise(x_middle, middle)
            x = better + (down / sigma) * (x - better)
        if up > 0:
            x = scale * x + draw(sigma, sigma_next) * (s_noise * up)
        yield Step(i, sigma, x, denoised)


def lcm(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    s_noise: float = 1.0,
    s_noise_end: float | None = None,
    clip: float = 0.0,
) -> Steps:
    """Jump to the clean sample and noise it again: for consistency models only.

    Song et al. 2023, arXiv:2303.01469, algorithm 1; Luo et al. 2023, arXiv:2310.04378.

    Args:
        denoise: See `step`.
        x: The sample at the first level.
        sigmas: The levels.
        draw: Gives noise.
        path: How sample and noise mix.
        s_noise: Factor on the noise of the first step.
        s_noise_end: On that of the last one, with even steps between; as the first if None.
        clip: How many standard deviations noise may be away from 0; 0 for any.
    """
    count = max(len(sigmas) - 2, 1)
    end = s_noise if s_noise_end is None else s_noise_end
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = denoised
        if sigma_next > 0:
            noise = draw(sigma, sigma_next)
            if clip > 0:
                reach = clip * noise.std()
                noise = noise.clamp(-reach, reach)
            factor = s_noise + (end - s_noise) * i / count
            x = path.alpha(sigma_next) * denoised + sigma_next * factor * noise
        yield Step(i, sigma, x, denoised)


def res_multistep_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Steps:
    """Integrate the line through the last two estimates on the way down, then add noise.

    Zhang et al. 2023, arXiv:2308.02157. As everywhere in the field, the distance of the estimates
    is taken to where the last step went down to, which damps the lean.
    """
    before: Tensor | None = None
    reach = 0.0
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, scale, up = path.ancestral(sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            h = math.log(sigma / down)
            drive = phi_1(-h) * denoised
            if before is not None:
                drive = drive + phi_2(-h) * (h / reach) * (denoised - before)
            x = math.exp(-h) * x + h * drive
            reach = h
        if up > 0:
            x = scale * x + draw(sigma, sigma_next) * (s_noise * up)
        before = denoised
        yield Step(i, sigma, x, denoised)
