"""SEEDS: singlestep exponential integrators with noise that is exact for the linear part.

Gonzalez et al. 2023, arXiv:2305.14267. The noise at a stage is part of the noise of the step: what
has been drawn is carried on and damped, so that stages lie on one path of the process.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from nodes.diffusion.noise import Draw
from nodes.diffusion.solvers.exponential import phi_1, phi_2
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Step, Steps


def seeds_2(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
    solver_type: str = "phi_1",
) -> Steps:
    """Estimate again at a fraction `r` of the step: SEEDS-2. Two evaluations.

    The mean of the estimates over the step is taken to be that at its middle ("phi_1", the paper's
    method), or the line through both is integrated exactly ("phi_2": Hochbruck and Ostermann 2010,
    Exponential Integrators, Acta Numerica 19, section 2.3). With "phi_2" and r = 1 it is Heun's
    method for exponential integrators, on estimates of the clean sample.
    """
    sigmas = path.within(sigmas)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            step = _Walk(path, x, sigma, sigma_next, draw, eta, s_noise)
            x_middle = step.to(r, step.weight(r) * denoised)
            later = denoise(x_middle, step.level(r))
            change = step.weight(1) / 2 if solver_type == "phi_1" else step.slope(1)
            x = step.to(1, step.weight(1) * denoised + change * (later - denoised) / r)
        yield Step(i, sigma, x, denoised)


def seeds_3(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r_1: float = 1 / 3,
    r_2: float = 2 / 3,
) -> Steps:
    """Estimate again at two points of the step: SEEDS-3. Three evaluations."""
    sigmas = path.within(sigmas)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            step = _Walk(path, x, sigma, sigma_next, draw, eta, s_noise)
            first = denoise(step.to(r_1, step.weight(r_1) * denoised), step.level(r_1))
            drive = step.weight(r_2) * denoised + step.slope(r_2) * (first - denoised) * (r_2 / r_1)
            second = denoise(step.to(r_2, drive), step.level(r_2))
            drive = step.weight(1) * denoised + step.slope(1) * (second - denoised) / r_2
            x = step.to(1, drive)
        yield Step(i, sigma, x, denoised)


class _Walk:
    """One step, whose points are given as fractions of its length in log SNR, ascending."""

    def __init__(
        self,
        path: Path,
        x: Tensor,
        sigma: float,
        sigma_next: float,
        draw: Draw,
        eta: float,
        s_noise: float,
    ) -> None:
        self._path, self._x, self._sigma, self._draw = path, x, sigma, draw
        self._start = path.log_snr(sigma)
        self._h = path.log_snr(sigma_next) - self._start
        self._eta, self._s_noise = eta, s_noise
        self._at, self._noise = 0.0, torch.zeros_like(x)

    def level(self, fraction: float) -> float:
        """Give the noise level of a point."""
        return self._path.sigma(self._start + fraction * self._h)

    def weight(self, fraction: float) -> float:
        """Give the weight of a constant estimate up to a point."""
        H = fraction * (1 + self._eta) * self._h
        return H * phi_1(-H)

    def slope(self, fraction: float) -> float:
        """Give the weight of an estimate that grows from 0 to 1 up to a point."""
        H = fraction * (1 + self._eta) * self._h
        return H * phi_2(-H)

    def to(self, fraction: float, drive: Tensor) -> Tensor:
        """Go from the start to a point, with the noise of all that lies between."""
        sigma = self.level(fraction)
        damping = self._eta * (fraction - self._at) * self._h
        if self._eta > 0 and self._s_noise > 0:
            # Also for a way of no length, as everywhere in the field: later noise hangs on it.
            fresh = self._draw(self.level(self._at), sigma) * (
                self._s_noise * math.sqrt(-math.expm1(-2 * damping))
            )
            self._noise = math.exp(-damping) * self._noise + fresh
        self._at = fraction
        kept = (sigma / self._sigma) * math.exp(-self._eta * fraction * self._h) * self._x
        return kept + self._path.alpha(sigma) * drive + sigma * self._noise
