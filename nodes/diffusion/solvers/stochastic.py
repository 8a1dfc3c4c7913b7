"""Exponential integrators of the reverse-time equation with noise, in terms of the clean sample.

With lambda = log(alpha / sigma), which grows as noise falls, and in the coordinates of x / alpha,

    d(x / alpha) = (1 + eta) (denoised - x / alpha) d lambda + sqrt(2 eta) e^-lambda dW

has the same distributions at every level for every eta; eta = 0 is the probability flow equation,
1 the reverse-time equation of Song et al. 2021, arXiv:2011.13456. Over a step of length h in lambda
to a level sigma', and for an estimate that stays the same, it is solved exactly by

    x <- (sigma' / sigma) e^(-eta h) x + alpha' (1 - e^(-(1 + eta) h)) denoised
         + sigma' sqrt(1 - e^(-2 eta h)) noise

(with eta = 1 the SDE-DPM-Solver++ of Lu et al. 2022, arXiv:2211.01095). The solvers differ in how
they let the estimate change within a step. Capital H is (1 + eta) h.
"""

import math
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.noise import Draw
from nodes.diffusion.solvers.exponential import phi_1, phi_2
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Step, Steps


def dpmpp_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
) -> Steps:
    """Estimate again at a fraction `r` of the step, reached with its own share of the noise.

    Lu et al. 2022, arXiv:2211.01095, SDE-DPM-Solver++ in the singlestep form of k-diffusion, where
    noise is that of an ancestral step. Two evaluations.
    """
    sigmas = path.within(sigmas)

    def advance(x: Tensor, estimate: Tensor, start: float, end: float) -> Tensor:
        # In the coordinates of x / alpha every path is variance exploding.
        low, high = start / path.alpha(start), end / path.alpha(end)
        down, _, up = Path().ancestral(low, high, eta)
        moved = estimate + (down / low) * (x / path.alpha(start) - estimate)
        if up > 0:
            moved = moved + draw(start, end) * (s_noise * up)
        return path.alpha(end) * moved

    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            start, end = path.log_snr(sigma), path.log_snr(sigma_next)
            middle = path.sigma(start + r * (end - start))
            later = denoise(advance(x, denoised, sigma, middle), middle)
            x = advance(x, denoised + (later - denoised) / (2 * r), sigma, sigma_next)
        yield Step(i, sigma, x, denoised)


def dpmpp_2m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    solver_type: str = "midpoint",
) -> Steps:
    """Lean the estimate forward by its last change, to the middle of the step or along it.

    Lu et al. 2022, arXiv:2211.01095, SDE-DPM-Solver++(2M): `midpoint` holds the value of the middle
    all along, `heun` integrates the line.
    """
    sigmas = path.within(sigmas)
    before: Tensor | None = None
    h_before = 0.0
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = path.log_snr(sigma_next) - path.log_snr(sigma)
            H = (1 + eta) * h
            drive = phi_1(-H) * H * denoised
            if before is not None:
                weight = phi_1(-H) * H / 2 if solver_type == "midpoint" else phi_2(-H) * H
                drive = drive + weight * (h / h_before) * (denoised - before)
            x = (sigma_next / sigma) * math.exp(-eta * h) * x + path.alpha(sigma_next) * drive
            x = _with_noise(x, sigma, sigma_next, draw, eta * h, s_noise)
            h_before = h
        before = denoised
        yield Step(i, sigma, x, denoised)


def dpmpp_3m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Steps:
    """Let the estimate follow the slope of the last three, and a part of their bend.

    Lu et al. 2022, arXiv:2211.01095, the multistep solver that is meant to be of third order, with
    noise, as k-diffusion has it: half of the bend's exact weight leaves it of second order.
    """
    sigmas = path.within(sigmas)
    # The last estimates with the steps that followed them, newest first.
    history: list[tuple[Tensor, float]] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = path.log_snr(sigma_next) - path.log_snr(sigma)
            H = (1 + eta) * h
            drive = phi_1(-H) * H * denoised
            if history:
                slope, bend = _derivatives(denoised, history, h)
                drive = drive + phi_2(-H) * H * slope
                if bend is not None:
                    # H phi_3(-H); for the parabola itself it would be twice that.
                    drive = drive + (0.5 - phi_2(-H)) * bend
            x = (sigma_next / sigma) * math.exp(-eta * h) * x + path.alpha(sigma_next) * drive
            x = _with_noise(x, sigma, sigma_next, draw, eta * h, s_noise)
            history = [(denoised, h), *history][:2]
        yield Step(i, sigma, x, denoised)


def _derivatives(
    denoised: Tensor, history: list[tuple[Tensor, float]], h: float
) -> tuple[Tensor, Tensor | None]:
    """Estimate h times the slope, and with two earlier points h^2 times half the curvature."""
    first, h_first = history[0]
    newer = (denoised - first) * (h / h_first)
    if len(history) == 1:
        return newer, None
    second, h_second = history[1]
    older = (first - second) * (h / h_second)
    bend = (newer - older) * (h / (h_first + h_second))
    return newer + bend * (h_first / h), bend


def _with_noise(
    x: Tensor, sigma: float, sigma_next: float, draw: Draw, damping: float, s_noise: float
) -> Tensor:
    if damping <= 0 or s_noise <= 0:
        return x
    spread = sigma_next * math.sqrt(-math.expm1(-2 * damping))
    return x + draw(sigma, sigma_next) * (spread * s_noise)
