"""Schedulers: a model's own noise levels, spaced by one rule or another."""

from typing import Annotated

from nodes.api import Choice, Range, node
from nodes.diffusion import schedules
from nodes.types import Model, Sigmas

GROUP = "sampling"

Steps = Annotated[int, Range(1, 10_000)]
Part = Annotated[float, Range(0, 1, step=0.01)]


@node("BasicScheduler", title="Basic scheduler")
def basic_scheduler(
    model: Model,
    scheduler: Annotated[str, Choice(tuple(schedules.SCHEDULES))] = "simple",
    steps: Steps = 20,
    denoise: Part = 1.0,
) -> Sigmas:
    """Space a model's own noise levels by a schedule.

    Args:
        model: The model whose range of levels is used.
        scheduler: How the levels are spaced.
        steps: How many steps are made.
        denoise: The part of the way that is redone.
    """
    return Sigmas(schedules.sigmas_for(model.sampling, scheduler, steps, denoise))


@node("NormalScheduler", title="Normal scheduler")
def normal_scheduler(model: Model, steps: Steps = 20, denoise: Part = 1.0) -> Sigmas:
    """Space timesteps evenly from the first to the last.

    Args:
        model: The model whose levels are used.
        steps: How many steps are made.
        denoise: The part of the way that is redone.
    """
    return Sigmas(schedules.sigmas_for(model.sampling, "normal", steps, denoise))


@node("SGMUniformScheduler", title="SGM uniform scheduler")
def sgm_uniform_scheduler(model: Model, steps: Steps = 20, denoise: Part = 1.0) -> Sigmas:
    """Space timesteps evenly, the last being the end: of models that were distilled that way.

    Args:
        model: The model whose levels are used.
        steps: How many steps are made.
        denoise: The part of the way that is redone.
    """
    return Sigmas(schedules.sigmas_for(model.sampling, "sgm_uniform", steps, denoise))


@node("SimpleScheduler", title="Simple scheduler")
def simple_scheduler(model: Model, steps: Steps = 20, denoise: Part = 1.0) -> Sigmas:
    """Take every so manyth of a model's own levels, from the highest.

    Args:
        model: The model whose levels are used.
        steps: How many steps are made.
        denoise: The part of the way that is redone.
    """
    return Sigmas(schedules.sigmas_for(model.sampling, "simple", steps, denoise))


@node("DDIMUniformScheduler", title="DDIM uniform scheduler")
def ddim_uniform_scheduler(model: Model, steps: Steps = 20, denoise: Part = 1.0) -> Sigmas:
    """Take every so manyth of a model's own levels, from the second lowest.

    Args:
        model: The model whose levels are used.
        steps: How many steps are made; more where their number does not divide the model's.
        denoise: The part of the way that is redone.
    """
    return Sigmas(schedules.sigmas_for(model.sampling, "ddim_uniform", steps, denoise))


@node("LinearQuadraticScheduler", title="Linear quadratic scheduler")
def linear_quadratic_scheduler(
    model: Model,
    steps: Steps = 20,
    threshold_noise: Annotated[float, Range(0.001, 0.5, step=0.001)] = 0.025,
) -> Sigmas:
    """Go down along a line in the first half of the steps, then along a parabola.

    Args:
        model: The model whose highest level is used.
        steps: How many steps are made.
        threshold_noise: How much of the way is done along the line.

    References:
        Genmo 2024, Mochi 1.
    """
    return Sigmas(schedules.linear_quadratic(model.sampling, steps, threshold_noise))


@node("BetaSamplingScheduler", title="Beta scheduler")
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


@node("SDTurboScheduler", title="SD Turbo scheduler")
def sd_turbo_scheduler(
    model: Model,
    steps: Annotated[int, Range(1, 10)] = 1,
    denoise: Part = 1.0,
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
