"""Noise levels: which ones a sampling goes through."""

import math
from typing import Annotated, NamedTuple

import torch

from nodes.api import Choice, Range, node
from nodes.diffusion import fixed_schedules, schedules
from nodes.diffusion.model_sampling import sigma_at
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


@node("PolyexponentialScheduler", title="Polyexponential Scheduler")
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


@node("LaplaceScheduler", title="Laplace Scheduler")
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


@node("VPScheduler", title="VP Scheduler")
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


@node("BetaSamplingScheduler", title="Beta Scheduler")
def beta_sampling_scheduler(
    model: Model,
    steps: Steps = 20,
    alpha: Annotated[float, Range(0.01, 50, step=0.01)] = 0.6,
    beta: Annotated[float, Range(0.01, 50, step=0.01)] = 0.6,
) -> Sigmas:
    """Space a model's timesteps by a beta distribution.

    Args:
        model: The model whose levels are used.
        steps: How many steps are made; fewer where timesteps fall together.
        alpha: The less, the denser the levels are at the noisy end.
        beta: The less, the denser the levels are at the clean end.

    References:
        Lee et al. 2024, Beta Sampling is All You Need, arXiv:2407.12173.
    """
    return Sigmas(schedules.beta(model.sampling, steps, alpha, beta))


@node("SDTurboScheduler", title="SD Turbo Scheduler")
def sd_turbo_scheduler(
    model: Model,
    steps: Annotated[int, Range(1, 10)] = 1,
    denoise: Annotated[float, Range(0, 1, step=0.01)] = 1.0,
) -> Sigmas:
    """Take the noise levels that Turbo models are distilled for.

    Args:
        model: The model whose levels are used.
        steps: How many steps are made.
        denoise: The part of the way that is redone.

    References:
        Sauer et al. 2023, Adversarial Diffusion Distillation, arXiv:2311.17042.
    """
    return Sigmas(schedules.sd_turbo(model.sampling, steps, denoise))


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


@node("SplitSigmasDenoise", title="Split Sigmas by Denoise")
def split_sigmas_denoise(
    sigmas: Sigmas, denoise: Annotated[float, Range(0, 1, step=0.01)] = 1.0
) -> SplitLevels:
    """Part noise levels in two, the second with a share of the steps.

    Args:
        sigmas: The levels.
        denoise: The share of the second part.

    Returns:
        high_sigmas: The levels of the first steps.
        low_sigmas: The levels of the rest, starting where the first part ends.
    """
    steps = max(len(sigmas.values) - 1, 0)
    place = steps - round(steps * denoise)
    return SplitLevels(Sigmas(sigmas.values[: place + 1]), Sigmas(sigmas.values[place:]))


@node("FlipSigmas", title="Flip Sigmas", aliases=("unsample", "invert"))
def flip_sigmas(sigmas: Sigmas) -> Sigmas:
    """Turn noise levels around, to go from a picture to the noise that it comes from.

    Args:
        sigmas: The levels; a 0 becomes a level just above it, where a sampling can start.
    """
    values = sigmas.values.flip(0)
    if len(values) and values[0] == 0:
        values = torch.cat([values.new_full((1,), 1e-4), values[1:]])
    return Sigmas(values)


@node("SetFirstSigma", title="Set First Sigma")
def set_first_sigma(
    sigmas: Sigmas, sigma: Annotated[float, Range(0, 20_000, step=0.001)] = 136.0
) -> Sigmas:
    """Replace the first noise level.

    Args:
        sigmas: The levels.
        sigma: The first one.
    """
    return Sigmas(torch.cat([sigmas.values.new_full((1,), sigma), sigmas.values[1:]]))


@node("AlignYourStepsScheduler", title="Align Your Steps Scheduler", aliases=("AYS",))
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


@node("OptimalStepsScheduler", title="Optimal Steps Scheduler", aliases=("OSS",))
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


@node("ExtendIntermediateSigmas", title="Extend Intermediate Sigmas")
def extend_intermediate_sigmas(
    sigmas: Sigmas,
    steps: Annotated[int, Range(1, 100)] = 2,
    start_at_sigma: Annotated[float, Range(-1, 20_000, step=0.01)] = -1.0,
    end_at_sigma: Annotated[float, Range(0, 20_000, step=0.01)] = 12.0,
    spacing: Annotated[str, Choice(tuple(schedules.SPACINGS))] = "linear",
) -> Sigmas:
    """Part some of the steps into several, for more work at some noise levels.

    Args:
        sigmas: The levels.
        steps: Into how many each step is parted.
        start_at_sigma: The highest level that a parted step begins at; less than 0 for any.
        end_at_sigma: The lowest.
        spacing: How the parts are spaced: evenly, closer to the end, or closer to the beginning.
    """
    if len(sigmas.values) == 0:
        return sigmas
    first = math.inf if start_at_sigma < 0 else start_at_sigma
    return Sigmas(schedules.extended(sigmas.values, steps, first, end_at_sigma, spacing))


@node("SamplingPercentToSigma", title="Sampling Percent to Sigma")
def sampling_percent_to_sigma(
    model: Model,
    sampling_percent: Annotated[float, Range(0, 1, step=0.0001)] = 0.0,
    return_actual_sigma: bool = False,
) -> float:
    """Tell the noise level at a part of the sampling, as start and end percents mean it.

    Args:
        model: The model whose levels are used.
        sampling_percent: The part, 0 being pure noise and 1 the finished picture.
        return_actual_sigma: Give the model's highest and lowest levels at the ends, rather than
            numbers that hold everything between them.

    Returns:
        sigma_value: The noise level.
    """
    if return_actual_sigma and sampling_percent in (0, 1):
        sampling = model.sampling
        return sampling.sigma_max if sampling_percent == 0 else sampling.sigma_min
    # Infinity cannot be written to a file; this is above every level.
    return min(sigma_at(model.sampling, sampling_percent), _ABOVE_ALL)


_ABOVE_ALL = 999_999_999.9
