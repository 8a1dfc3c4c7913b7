"""Noise levels: which ones a sampling goes through."""

from typing import Annotated, NamedTuple

from nodes.api import Choice, Range, node
from nodes.diffusion import schedules
from nodes.types import Model, Sigmas

Level = Annotated[float, Range(0, 5000, step=0.01)]
Steps = Annotated[int, Range(1, 10_000)]


class SplitLevels(NamedTuple):
    """Two parts that share a level."""

    high_sigmas: Sigmas
    low_sigmas: Sigmas


@node("BasicScheduler", title="Basic Scheduler")
def basic_scheduler(
    model: Model,
    scheduler: Annotated[str, Choice(tuple(schedules.SCHEDULES))] = "simple",
    steps: Steps = 20,
    denoise: Annotated[float, Range(0, 1, step=0.01)] = 1.0,
) -> Sigmas:
    """Space a model's own noise levels by a schedule.

    Args:
        model: The model whose range of levels is used.
        scheduler: How the levels are spaced.
        steps: How many steps are made.
        denoise: The part of the way that is redone.
    """
    return Sigmas(schedules.sigmas_for(model.sampling, scheduler, steps, denoise))


@node("KarrasScheduler", title="Karras Scheduler")
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


@node("ExponentialScheduler", title="Exponential Scheduler")
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


@node("SplitSigmas", title="Split Sigmas")
def split_sigmas(sigmas: Sigmas, step: Annotated[int, Range(0, 10_000)] = 0) -> SplitLevels:
    """Part noise levels in two at a step, for two samplers that share the way.

    Args:
        sigmas: The levels.
        step: How many steps the first part has.

    Returns:
        high_sigmas: The levels of the first steps.
        low_sigmas: The levels of the rest, starting where the first part ends.
    """
    return SplitLevels(Sigmas(sigmas.values[: step + 1]), Sigmas(sigmas.values[step:]))
