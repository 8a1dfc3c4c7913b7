"""Schedulers: noise levels between two ends that are given, or as they were published."""

from typing import Annotated

from nodes.api import Choice, Range, node
from nodes.diffusion import fixed_schedules, schedules
from nodes.types import Sigmas

GROUP = "sampling"

Level = Annotated[float, Range(0, 5000, step=0.01)]
Steps = Annotated[int, Range(1, 10_000)]


@node("KarrasScheduler", title="Karras scheduler")
def karras_scheduler(
    steps: Steps = 20,
    sigma_max: Level = 14.614642,
    sigma_min: Level = 0.0291675,
    rho: Annotated[float, Range(0, 100, step=0.01)] = 7.0,
) -> Sigmas:
    """Space noise levels evenly in their root of degree rho.

    Args:
        steps: How many steps are made.
        sigma_max: The highest level.
        sigma_min: The lowest level above 0.
        rho: The more, the closer the levels are at the low end.

    References:
        Karras et al. 2022, arXiv:2206.00364, equation 5.
    """
    return Sigmas(schedules.karras_between(sigma_min, sigma_max, steps, rho))


@node("ExponentialScheduler", title="Exponential scheduler")
def exponential_scheduler(
    steps: Steps = 20, sigma_max: Level = 14.614642, sigma_min: Level = 0.0291675
) -> Sigmas:
    """Space noise levels evenly in their logarithm.

    Args:
        steps: How many steps are made.
        sigma_max: The highest level.
        sigma_min: The lowest level above 0.
    """
    return Sigmas(schedules.polyexponential_between(sigma_min, sigma_max, steps))


@node("PolyexponentialScheduler", title="Polyexponential scheduler")
def polyexponential_scheduler(
    steps: Steps = 20,
    sigma_max: Level = 14.614642,
    sigma_min: Level = 0.0291675,
    rho: Annotated[float, Range(0, 100, step=0.01)] = 1.0,
) -> Sigmas:
    """Space noise levels by a power of even steps in their logarithm.

    Args:
        steps: How many steps are made.
        sigma_max: The highest level.
        sigma_min: The lowest level above 0.
        rho: The power; 1 is the exponential schedule.
    """
    return Sigmas(schedules.polyexponential_between(sigma_min, sigma_max, steps, rho))


@node("KLOptimalScheduler", title="KL optimal scheduler")
def kl_optimal_scheduler(
    steps: Steps = 20, sigma_max: Level = 14.614642, sigma_min: Level = 0.0291675
) -> Sigmas:
    """Space noise levels evenly in their arctangent.

    Args:
        steps: How many steps are made.
        sigma_max: The highest level.
        sigma_min: The lowest level above 0.

    References:
        Sabour et al. 2024, Align Your Steps, arXiv:2404.14507, theorem 3.1.
    """
    return Sigmas(schedules.kl_optimal_between(sigma_min, sigma_max, steps))


@node("LaplaceScheduler", title="Laplace scheduler")
def laplace_scheduler(
    steps: Steps = 20,
    sigma_max: Level = 14.614642,
    sigma_min: Level = 0.0291675,
    mu: Annotated[float, Range(-10, 10, step=0.1)] = 0.0,
    beta: Annotated[float, Range(0, 10, step=0.1)] = 0.5,
) -> Sigmas:
    """Space noise levels by a Laplace distribution of their logarithm, dense in its middle.

    Args:
        steps: How many steps are made; fewer where levels fall together at the ends.
        sigma_max: The highest level.
        sigma_min: The lowest level above 0.
        mu: The logarithm around which levels are dense.
        beta: How far they spread.

    References:
        Hang et al. 2024, Improved Noise Schedule for Diffusion Training, arXiv:2407.03297.
    """
    return Sigmas(schedules.laplace_between(sigma_min, sigma_max, steps, mu, beta))


@node("VPScheduler", title="VP scheduler")
def vp_scheduler(
    steps: Steps = 20,
    beta_d: Annotated[float, Range(0, 5000, step=0.01)] = 19.9,
    beta_min: Annotated[float, Range(0, 5000, step=0.01)] = 0.1,
    eps_s: Annotated[float, Range(0, 1, step=0.0001)] = 0.001,
) -> Sigmas:
    """Space the time of a continuous variance-preserving process evenly.

    Args:
        steps: How many steps are made.
        beta_d: How much faster noise is added at the end than at the beginning.
        beta_min: How fast noise is added at the beginning.
        eps_s: The time of the last level above 0.

    References:
        Song et al. 2021, Score-Based Generative Modeling, arXiv:2011.13456.
    """
    return Sigmas(schedules.vp_between(steps, beta_d, beta_min, eps_s))


@node("AlignYourStepsScheduler", title="Align Your Steps scheduler", aliases=("AYS",))
def align_your_steps_scheduler(
    model_type: Annotated[str, Choice(tuple(fixed_schedules.ALIGN_YOUR_STEPS))] = "SD1",
    steps: Steps = 10,
    denoise: Annotated[float, Range(0, 1, step=0.01)] = 1.0,
) -> Sigmas:
    """Take noise levels that were searched for a family of models: good at about 10 steps.

    Args:
        model_type: The family.
        steps: How many steps the whole way has.
        denoise: The share of them that is made, the last ones.

    References:
        Sabour et al. 2024, Align Your Steps: Optimizing Sampling Schedules in Diffusion Models,
        arXiv:2404.14507.
    """
    levels = fixed_schedules.ALIGN_YOUR_STEPS[model_type]
    return Sigmas(fixed_schedules.fixed(levels, steps, denoise))


@node("OptimalStepsScheduler", title="Optimal Steps scheduler", aliases=("OSS",))
def optimal_steps_scheduler(
    model_type: Annotated[str, Choice(tuple(fixed_schedules.OPTIMAL_STEPS))] = "FLUX",
    steps: Annotated[int, Range(3, 1000)] = 20,
    denoise: Annotated[float, Range(0, 1, step=0.01)] = 1.0,
) -> Sigmas:
    """Take noise levels that were searched for a flow model, to follow a longer way in few steps.

    Args:
        model_type: The model.
        steps: How many steps the whole way has.
        denoise: The share of them that is made, the last ones.

    References:
        Pei et al. 2025, Optimal Stepsize for Diffusion Sampling, arXiv:2503.21774.
    """
    levels = fixed_schedules.OPTIMAL_STEPS[model_type]
    return Sigmas(fixed_schedules.fixed(levels, steps, denoise))
