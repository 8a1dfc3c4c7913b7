"""How the noise levels of a sampling are spaced: each schedule gives N + 1 sigmas, ending in 0."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor

from nodes.diffusion.beta_distribution import beta_quantile
from nodes.errors import NodeError
from nodes.types import ModelSampling

Schedule = Callable[[ModelSampling, int], Tensor]

# Solvers that look back over a short last step lose by it: the field leaves the last sigma but one
# out for them.
_SKIP_PENULTIMATE = frozenset({"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"})

_MOST_LEVELS = 1_000_000
"""Of the grid whose end is a part of the way; a schedule of these is made in a second."""


def sigmas_for(
    sampling: ModelSampling,
    schedule: str,
    steps: int,
    denoise: float = 1.0,
    *,
    solver: str = "",
) -> Tensor:
    """Give the noise levels for `steps` steps that redo a part of the way.

    Args:
        sampling: The model's noise levels.
        schedule: A name in SCHEDULES.
        steps: How many steps are made, whatever `denoise` is.
        denoise: The part that is redone: the last steps of a grid of int(steps / denoise) ones.
            0 gives no steps.
        solver: What they are for; some have the last level above 0 left out.

    Returns:
        (steps + 1,) float64, descending, the last 0; some schedules give a few more or less.

    Raises:
        NodeError: when the part is so small that its grid could not be made.
    """
    if denoise <= 0:
        return torch.zeros(0, dtype=torch.float64)
    # Above this the grid would gain a step only by rounding.
    whole = steps if denoise > 0.9999 else int(min(steps / denoise, _MOST_LEVELS + 1))
    if whole > _MOST_LEVELS:
        raise NodeError(
            f"A denoise of {denoise:g} in {steps} steps is the end of more than"
            f" {_MOST_LEVELS:,} noise levels.",
            hint="Make it 0 to leave the latent as it is, or larger.",
            code="sampling.levels",
        )
    if solver in _SKIP_PENULTIMATE:
        sigmas = SCHEDULES[schedule](sampling, whole + 1)
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    else:
        sigmas = SCHEDULES[schedule](sampling, whole)
    return sigmas if whole == steps else sigmas[-(steps + 1) :]


def normal(sampling: ModelSampling, steps: int) -> Tensor:
    """Space timesteps evenly from the first to the last."""
    return _ended(sampling.sigma(torch.linspace(*_timesteps(sampling), steps, dtype=torch.float64)))


def sgm_uniform(sampling: ModelSampling, steps: int) -> Tensor:
    """Space timesteps evenly, the last being the 0 at the end, as in Stability's SGM code."""
    times = torch.linspace(*_timesteps(sampling), steps + 1, dtype=torch.float64)
    return _ended(sampling.sigma(times[:-1]))


def simple(sampling: ModelSampling, steps: int) -> Tensor:
    """Take every (N / steps)th of the model's own noise levels from the top."""
    count = len(sampling.sigmas)
    places = [count - 1 - int(i * count / steps) for i in range(steps)]
    return _ended(sampling.sigmas[places])


def ddim_uniform(sampling: ModelSampling, steps: int) -> Tensor:
    """Take every (N // steps)th of the model's own noise levels from the second lowest.

    Song et al. 2021, Denoising Diffusion Implicit Models, arXiv:2010.02502, D.2. Where `steps` does
    not divide N the grid has more steps than asked for, as everywhere in the field.
    """
    count = len(sampling.sigmas)
    places = range(1, count, max(count // steps, 1))
    return _ended(sampling.sigmas[list(reversed(places))])


def karras(sampling: ModelSampling, steps: int, rho: float = 7.0) -> Tensor:
    """Space sigma^(1/rho) evenly between the model's lowest and highest level."""
    return karras_between(sampling.sigma_min, sampling.sigma_max, steps, rho)


def karras_between(sigma_min: float, sigma_max: float, steps: int, rho: float = 7.0) -> Tensor:
    """Space sigma^(1/rho) evenly between two levels.

    Karras et al. 2022, arXiv:2206.00364, equation 5: for i = 0 ... N - 1

        sigma_i = (max^(1/rho) + i / (N - 1) * (min^(1/rho) - max^(1/rho)))^rho

    Raises:
        NodeError: When rho is so small that there are no such powers.
    """
    try:
        high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    except ArithmeticError:
        raise NodeError(
            f"A rho of {rho:g} spaces no noise levels.",
            "The paper's is 7; 1 spaces them evenly.",
            "sampling.levels",
        ) from None
    root = torch.lerp(_number(high), _number(low), _unit(steps))
    return _ended(root**rho)


def exponential(sampling: ModelSampling, steps: int) -> Tensor:
    """Space log sigma evenly."""
    return polyexponential_between(sampling.sigma_min, sampling.sigma_max, steps)


def polyexponential_between(
    sigma_min: float, sigma_max: float, steps: int, rho: float = 1.0
) -> Tensor:
    """Space log sigma by a power between two levels; rho = 1 spaces it evenly.

    For i = 0 ... N - 1, with u = (1 - i / (N - 1))^rho: sigma_i = max^u * min^(1 - u).

    Raises:
        NodeError: When a level is 0, which has no logarithm.
    """
    if min(sigma_min, sigma_max) <= 0:
        raise NodeError(
            "Noise levels that are spaced by their logarithms end above 0.",
            "Make sigma_min and sigma_max larger than 0.",
            "sampling.levels",
        )
    ramp = (1 - _unit(steps)) ** rho
    return _ended(
        torch.lerp(_number(math.log(sigma_min)), _number(math.log(sigma_max)), ramp).exp()
    )


def beta(sampling: ModelSampling, steps: int, alpha: float = 0.6, beta: float = 0.6) -> Tensor:
    """Space timesteps by quantiles of a beta distribution, dense at both ends.

    Lee et al. 2024, Beta Sampling is All You Need, arXiv:2407.12173. Timesteps are whole; one that
    falls on its neighbour is left out.
    """
    last = len(sampling.sigmas) - 1
    exact = [beta_quantile(1 - i / steps, alpha, beta) * last for i in range(steps)]
    # A quantile is right to 1e-12: the median of a symmetric one must not fall to either side.
    places = [round(round(place, 6)) for place in exact]
    kept = places[:1] + [place for before, place in pairwise(places) if place != before]
    return _ended(sampling.sigmas[kept])


def linear_quadratic(
    sampling: ModelSampling, steps: int, threshold: float = 0.025, linear_steps: int | None = None
) -> Tensor:
    """Go down linearly by `threshold` in the first half, then along a parabola to 0.

    The parabola goes on with the line's slope. Of Genmo's Mochi 1 (2024), in its published code.
    """
    if steps == 1:
        return _ended(_number(sampling.sigma_max).reshape(1))
    linear = steps // 2 if linear_steps is None else linear_steps
    rest = steps - linear
    slope = threshold / linear
    curve = (1 - threshold - slope * rest) / rest**2
    i = torch.arange(steps + 1, dtype=torch.float64)
    beyond = (i - linear).clamp(min=0)
    done = slope * i + curve * beyond**2
    done[-1] = 1
    return (1 - done) * sampling.sigma_max


def kl_optimal(sampling: ModelSampling, steps: int) -> Tensor:
    """Space arctan(sigma) evenly between the model's lowest and highest level."""
    return kl_optimal_between(sampling.sigma_min, sampling.sigma_max, steps)


def kl_optimal_between(sigma_min: float, sigma_max: float, steps: int) -> Tensor:
    """Space arctan(sigma) evenly between two levels.

    Sabour et al. 2024, Align Your Steps, arXiv:2404.14507, theorem 3.1 with c = 1: the best
    for Euler's steps where the data are a Gaussian of unit variance.
    """
    angles = torch.lerp(_number(math.atan(sigma_max)), _number(math.atan(sigma_min)), _unit(steps))
    return _ended(angles.tan())


def laplace_between(
    sigma_min: float, sigma_max: float, steps: int, mu: float = 0.0, spread: float = 0.5
) -> Tensor:
    """Space log sigma by quantiles of a Laplace distribution, cut to the two levels.

    Hang et al. 2024, Improved Noise Schedule for Diffusion Training, arXiv:2407.03297.
    """
    offset = 0.5 - _unit(steps)
    # Quantiles 0 and 1 are infinite: a small margin at both ends.
    log_sigma = mu - spread * offset.sign() * (1 - 2 * offset.abs() + 1e-5).log()
    # What is cut falls on the ends; a level is gone through once.
    sigmas = log_sigma.exp().clamp(sigma_min, sigma_max)
    return _ended(sigmas[torch.cat([torch.ones(1, dtype=torch.bool), sigmas.diff() < 0])])


def vp_between(
    steps: int, beta_d: float = 19.9, beta_min: float = 0.1, last_time: float = 1e-3
) -> Tensor:
    """Space the time of a continuous variance-preserving process evenly.

    Song et al. 2021, arXiv:2011.13456, in the form of Karras et al. 2022, arXiv:2206.00364, table
    1: sigma(t)^2 = exp(beta_d t^2 / 2 + beta_min t) - 1, for t from 1 down to `last_time`.
    """
    t = torch.lerp(_number(1.0), _number(last_time), _unit(steps))
    return _ended((beta_d * t**2 / 2 + beta_min * t).expm1().sqrt())


def sd_turbo(sampling: ModelSampling, steps: int, denoise: float = 1.0) -> Tensor:
    """Take the first of ten even timesteps, which Turbo models are distilled for.

    Sauer et al. 2023, Adversarial Diffusion Distillation, arXiv:2311.17042. `denoise` leaves out
    the first ones.
    """
    tenths = torch.arange(10, 0, -1, dtype=torch.float64) * len(sampling.sigmas) / 10 - 1
    skipped = 10 - int(10 * denoise)
    return _ended(sampling.sigma(tenths[skipped : skipped + steps]))


# How points between two levels are spaced: evenly, or closer to the end or to the beginning.
SPACINGS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "linear": lambda unit: unit,
        "cosine": lambda unit: (unit * (math.pi / 2)).sin(),
        "sine": lambda unit: 1 - (unit * (math.pi / 2)).cos(),
    }
)


def extended(sigmas: Tensor, parts: int, first: float, last: float, spacing: str) -> Tensor:
    """Part each step that begins between two noise levels into several.

    Args:
        sigmas: (N + 1,).
        parts: Into how many.
        first: The highest level that a parted step begins at.
        last: The lowest.
        spacing: One of SPACINGS.
    """
    between = SPACINGS[spacing](torch.linspace(0, 1, parts + 1, dtype=torch.float64)[1:-1])
    made: list[Tensor] = []
    for high, low in zip(sigmas[:-1].double(), sigmas[1:].double(), strict=True):
        made.append(high.reshape(1))
        if last <= high <= first:
            made.append(torch.lerp(high, low, between))
    return torch.cat([*made, sigmas[-1:].double()])


SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        "simple": simple,
        "sgm_uniform": sgm_uniform,
        "karras": karras,
        "exponential": exponential,
        "ddim_uniform": ddim_uniform,
        "beta": beta,
        "normal": normal,
        "linear_quadratic": linear_quadratic,
        "kl_optimal": kl_optimal,
    }
)


def _timesteps(sampling: ModelSampling) -> tuple[float, float]:
    ends = torch.tensor([sampling.sigma_max, sampling.sigma_min], dtype=torch.float64)
    first, last = sampling.timestep(ends).tolist()
    return first, last


def _unit(steps: int) -> Tensor:
    return torch.linspace(0, 1, steps, dtype=torch.float64)


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _ended(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])
