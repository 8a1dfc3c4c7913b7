"""The contract of solvers: a generator of steps over a denoiser and noise levels.

A solver is a function of `denoise`, `x` and `sigmas`. It knows no model, no guidance and no
device: `denoise(x, sigma)` estimates the clean sample, and the probability flow equation

    dx / d sigma = (x - denoise(x, sigma)) / sigma

holds both for x = x0 + sigma * noise (Karras et al. 2022, arXiv:2206.00364, equations 1 and 3) and
for rectified flow, x = (1 - sigma) * x0 + sigma * noise, where it is the velocity noise - x0.
Solvers that add noise also take `draw`, and a `Path`, which says how much of the sample is in `x`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]
Levels = Sequence[float]
Steps = Iterator["Step"]


@dataclass(frozen=True, eq=False)
class Step:
    """One step that a solver has made.

    Attributes:
        index: Its number, from 0.
        sigma: The noise level at its start.
        x: The sample at its end.
        denoised: The clean sample as estimated at its start.
    """

    index: int
    sigma: float
    x: Tensor
    denoised: Tensor


@dataclass(frozen=True)
class Path:
    """How sample and noise mix: x = alpha(sigma) * x0 + sigma * noise.

    Attributes:
        flow: alpha is 1 - sigma; otherwise it is 1.
        top: Of a flow, the level that stands for pure noise where its lambda is asked for.
    """

    flow: bool = False
    top: float = 1 - 1e-4

    def alpha(self, sigma: float) -> float:
        """Give the share of the sample in `x`."""
        return 1 - sigma if self.flow else 1.0

    def log_snr(self, sigma: float) -> float:
        """Give lambda = log(alpha / sigma), half the logarithm of the signal-to-noise ratio."""
        return math.log(self.alpha(sigma)) - math.log(sigma)

    def sigma(self, log_snr: float) -> float:
        """Give the noise level of a lambda."""
        return 1 / (1 + math.exp(log_snr)) if self.flow else math.exp(-log_snr)

    def within(self, sigmas: Levels) -> list[float]:
        """Move a first level of pure noise, whose lambda is infinite, to the top."""
        levels = list(sigmas)
        if self.flow and levels and levels[0] >= 1:
            levels[0] = self.top
        return levels

    def ancestral(self, sigma: float, sigma_next: float, eta: float) -> tuple[float, float, float]:
        """Split a step into one further down and noise that leads back up.

        Returns:
            The level to go down to, the factor on the sample there, and the noise to add then, so
            that what results is at `sigma_next`. With eta = 0 no noise is added, and with 1 the
            step is the posterior of Ho et al. 2020: Song et al. 2021, arXiv:2010.02502, equation
            16. A flow goes down to sigma_next^2 / sigma with eta = 1, by the field's convention;
            but elsewhere `ddpm`, `res_multistep_ancestral` and `dpmpp_2s_ancestral_cfg_pp` split
            its steps as if alpha were 1, which gives the sample another level than is then told.
        """
        if sigma_next == 0 or eta == 0:
            return sigma_next, 1.0, 0.0
        if self.flow:
            down = sigma_next * (1 + (sigma_next / sigma - 1) * eta)
            scale = self.alpha(sigma_next) / self.alpha(down)
            return down, scale, math.sqrt(max(sigma_next**2 - (scale * down) ** 2, 0))
        up = min(sigma_next, eta * sigma_next * math.sqrt(1 - (sigma_next / sigma) ** 2))
        return math.sqrt(sigma_next**2 - up**2), 1.0, up


@dataclass(frozen=True)
class Solver:
    """A solver as the registry lists it.

    Attributes:
        run: The generator function: run(denoise, x, sigmas, **options), with `draw` and `path`
            before the options if it is stochastic.
        noise: What it draws: "" nothing, "steps" independent noise, "brownian" a Brownian path.
        options: Options that the name stands for, such as eta.
        guided: It takes a function that gives two estimates (see guided.py) in place of `denoise`.
        counted: It makes one step from each level to the next.
        noisy: Fractions of the sampling between which it adds noise, if it is told: it then takes
            the levels as `noisy_from` and `noisy_to`.
    """

    run: Callable[..., Steps]
    noise: str = ""
    options: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    guided: bool = False
    counted: bool = True
    noisy: tuple[float, float] | None = None
