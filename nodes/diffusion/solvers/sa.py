"""SA-Solver: a stochastic Adams method with a predictor and a corrector."""

import math
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.noise import Draw, rounded
from nodes.diffusion.solvers.quadrature import integral, lagrange
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Step, Steps


def sa_solver(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noisy_from: float = math.inf,
    noisy_to: float = 0.0,
    predictor: int = 3,
    corrector: int = 4,
    evaluate_again: bool = False,
    simple: bool = False,
) -> Steps:
    """Predict by the polynomial through the last estimates, correct with the newest.

    Xue et al. 2023, arXiv:2309.05019, algorithm 1. Noise is added at levels from `noisy_from` down
    to `noisy_to`, of strength `eta` (the paper's tau); `evaluate_again` corrects the estimate too
    (PECE, two evaluations). A corrector of no estimates is left out. `simple` weighs the line
    through two estimates as the paper's published code does for few steps.
    """
    sigmas = path.within(sigmas)
    count = len(sigmas) - 1
    # (log SNR, estimate), newest first.
    history: list[tuple[float, Tensor]] = []
    base = x
    tau, noise = 0.0, 0.0 * x
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        history = [(path.log_snr(sigma), denoised), *history][: max(predictor, corrector)]
        # The last step goes to 0, where polynomials in log SNR end: orders fall towards it, even if
        # it is still to come.
        left = count - i if sigmas[-1] == 0 else count - i + 1
        if corrector > 0 and i > 0 and (sigma_next > 0 or evaluate_again):
            used = history[: min(corrector, left)]
            x = _adams(path, base, sigmas[i - 1], sigma, used, tau, simple) + noise
            if evaluate_again:
                denoised = denoise(x, sigma)
                history[0] = (history[0][0], denoised)
        base = x
        if sigma_next == 0:
            x = denoised
        else:
            tau = eta if noisy_to <= rounded(sigma_next) <= noisy_from else 0.0
            used = history[: min(predictor, max(left - 1, 1))]
            damping = tau**2 * (path.log_snr(sigma_next) - path.log_snr(sigma))
            noise = 0.0 * x
            if damping > 0 and s_noise > 0:
                spread = s_noise * sigma_next * math.sqrt(-math.expm1(-2 * damping))
                noise = draw(sigma, sigma_next) * spread
            x = _adams(path, base, sigma, sigma_next, used, tau, simple) + noise
        yield Step(i, sigma, x, denoised)


def _adams(
    path: Path,
    x: Tensor,
    sigma: float,
    sigma_next: float,
    history: list[tuple[float, Tensor]],
    tau: float,
    simple: bool,
) -> Tensor:
    """Integrate exactly the polynomial through the estimates, damped at the rate 1 + tau^2.

    With lambda the log SNR and h its change, the estimate of place j has the weight

        (1 + tau^2) integral of e^(-(1 + tau^2) (lambda_end - lambda)) l_j(lambda) d lambda,

    l_j being Lagrange's polynomial; what is left of x is (sigma' / sigma) e^(-tau^2 h) of it. The
    `simple` weight of the slope of a line leaves the exponential out: (1 + tau^2) h^2 / 2.
    """
    start, end = path.log_snr(sigma), path.log_snr(sigma_next)
    rate = 1 + tau**2

    def weight(polynomial: Callable[[float], float]) -> float:
        return integral(
            lambda place: rate * math.exp(-rate * (end - place)) * polynomial(place), start, end
        )

    x = (sigma_next / sigma) * math.exp(-(tau**2) * (end - start)) * x
    if simple and len(history) == 2:
        (place, estimate), (other_place, other) = history
        slope = (estimate - other) / (place - other_place)
        at_start = estimate + slope * (start - place)
        constant = -math.expm1(-rate * (end - start))
        growing = rate * (end - start) ** 2 / 2
        return x + path.alpha(sigma_next) * (constant * at_start + growing * slope)
    polynomials = lagrange([place for place, _ in history])
    for polynomial, (_, estimate) in zip(polynomials, history, strict=True):
        x = x + path.alpha(sigma_next) * weight(polynomial) * estimate
    return x
