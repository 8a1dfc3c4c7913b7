"""Sampling: from noise to latents."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any, NamedTuple

from torch import Tensor

from nodes.api import QUIET, Choice, Context, Range, Seed, Shape, node
from nodes.diffusion.finite import HINT, broken
from nodes.diffusion.memory.residence import on_device
from nodes.diffusion.patches.patch import one_by_one
from nodes.diffusion.preview import preview_jpeg
from nodes.diffusion.sampling import Sampling, inflation, noised
from nodes.diffusion.schedules import SCHEDULES, sigmas_for
from nodes.diffusion.solvers import SOLVERS
from nodes.types import Conditioning, Guider, Latent, Model, Noise, Sampler, Sigmas

SAMPLERS = tuple(SOLVERS)
SCHEDULERS = tuple(SCHEDULES)
SAME_SHAPE = Shape.like("latent_image")


class Sampled(NamedTuple):
    """What a custom sampler gives."""

    output: Annotated[Latent, SAME_SHAPE]
    denoised_output: Annotated[Latent, SAME_SHAPE]


def k_sampler_sparing(model: Model, **given: Any) -> Latent:
    """Compute one picture in each call: what KSampler does when memory runs out."""
    return k_sampler(one_by_one(model), **given)


@node(
    "KSampler",
    title="KSampler",
    aliases=("sample", "denoise", "generate"),
    thriftier=(k_sampler_sparing,),
)
def k_sampler(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    seed: Annotated[int, Seed()] = 0,
    steps: Annotated[int, Range(1, 10_000)] = 20,
    cfg: Annotated[float, Range(0, 100, step=0.1)] = 8.0,
    sampler_name: Annotated[str, Choice(SAMPLERS)] = "euler",
    scheduler: Annotated[str, Choice(SCHEDULERS)] = "normal",
    denoise: Annotated[float, Range(0, 1, step=0.01)] = 1.0,
    *,
    ctx: Context = QUIET,
) -> Annotated[Latent, SAME_SHAPE]:
    """Denoise a latent, step by step, towards the prompt.

    The same seed, settings and model give the same latent on any device, up to rounding. When
    memory does not suffice, one picture at a time is computed instead.

    Args:
        model: The denoiser to sample from.
        positive: What the picture should show.
        negative: What it should not show.
        latent_image: The latent to start from; an empty one for a new picture.
        seed: Fixes the noise; the same seed gives the same picture.
        steps: How many steps are made; more are finer and slower.
        cfg: How strongly the prompt is followed; at 1 the negative prompt has no part.
        sampler_name: The solver that makes the steps.
        scheduler: How the noise levels of the steps are spaced.
        denoise: The part of the way that is redone; less keeps more of the latent.

    Returns:
        latent: The denoised latent, of the shape that came in.

    References:
        Karras et al. 2022, Elucidating the Design Space of Diffusion-Based Generative Models,
        arXiv:2206.00364.
    """
    _warn_of_inflation(sampler_name, scheduler, steps, ctx)
    sigmas = sigmas_for(model.sampling, scheduler, steps, denoise, solver=sampler_name)
    guider = Guider(model, "cfg", (positive, negative), {"scale": cfg})
    sampling = Sampling(guider, Sampler(sampler_name), sigmas, Noise(seed), latent_image)
    return _run(sampling, ctx).output


def k_sampler_advanced_sparing(model: Model, **given: Any) -> Latent:
    """Compute one picture in each call: what KSamplerAdvanced does when memory runs out."""
    return k_sampler_advanced(one_by_one(model), **given)


@node(
    "KSamplerAdvanced",
    title="KSampler (advanced)",
    aliases=("refiner", "split sampling"),
    thriftier=(k_sampler_advanced_sparing,),
)
def k_sampler_advanced(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    add_noise: Annotated[str, Choice(("enable", "disable"))] = "enable",
    noise_seed: Annotated[int, Seed()] = 0,
    steps: Annotated[int, Range(1, 10_000)] = 20,
    cfg: Annotated[float, Range(0, 100, step=0.1)] = 8.0,
    sampler_name: Annotated[str, Choice(SAMPLERS)] = "euler",
    scheduler: Annotated[str, Choice(SCHEDULERS)] = "normal",
    start_at_step: Annotated[int, Range(0, 10_000)] = 0,
    end_at_step: Annotated[int, Range(0, 10_000)] = 10_000,
    return_with_leftover_noise: Annotated[str, Choice(("disable", "enable"))] = "disable",
    *,
    ctx: Context = QUIET,
) -> Annotated[Latent, SAME_SHAPE]:
    """Make some of the steps of a sampling, so that several samplers can share it.

    The first of two adds noise and returns it; the second adds none and starts where the first
    ended. Together they do what one sampler does.

    Args:
        model: The denoiser to sample from.
        positive: What the picture should show.
        negative: What it should not show.
        latent_image: The latent to start from.
        add_noise: Whether noise is added first; not to a latent that still has some.
        noise_seed: Fixes the noise.
        steps: How many steps the whole sampling has.
        cfg: How strongly the prompt is followed; at 1 the negative prompt has no part.
        sampler_name: The solver that makes the steps.
        scheduler: How the noise levels of the steps are spaced.
        start_at_step: The first step that is made.
        end_at_step: The step before which to stop; beyond the last one for all.
        return_with_leftover_noise: Whether a sampling that stops early keeps its noise; otherwise
            its last step goes all the way down.

    Returns:
        latent: The latent after the steps.
    """
    _warn_of_inflation(sampler_name, scheduler, steps, ctx)
    sigmas = sigmas_for(model.sampling, scheduler, steps, solver=sampler_name)
    if end_at_step < len(sigmas) - 1:
        sigmas = sigmas[: end_at_step + 1].clone()
        if return_with_leftover_noise == "disable":
            sigmas[-1] = 0
    sigmas = sigmas[start_at_step:]
    guider = Guider(model, "cfg", (positive, negative), {"scale": cfg})
    noise = Noise(noise_seed if add_noise == "enable" else None)
    sampler = Sampler(sampler_name)
    sampling = Sampling(guider, sampler, sigmas, noise, latent_image, step_seed=noise_seed)
    return _run(sampling, ctx).output


def sampler_custom_sparing(model: Model, **given: Any) -> Sampled:
    """Compute one picture in each call: what SamplerCustom does when memory runs out."""
    return sampler_custom(one_by_one(model), **given)


@node("SamplerCustom", title="Sampler (custom)", thriftier=(sampler_custom_sparing,))
def sampler_custom(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
    add_noise: bool = True,
    noise_seed: Annotated[int, Seed()] = 0,
    cfg: Annotated[float, Range(0, 100, step=0.1)] = 8.0,
    *,
    ctx: Context = QUIET,
) -> Sampled:
    """Sample with a solver and noise levels of your own.

    Args:
        model: The denoiser to sample from.
        positive: What the picture should show.
        negative: What it should not show.
        sampler: The solver that makes the steps.
        sigmas: The noise levels to go through.
        latent_image: The latent to start from.
        add_noise: Whether noise is added first.
        noise_seed: Fixes the noise.
        cfg: How strongly the prompt is followed; at 1 the negative prompt has no part.

    Returns:
        output: The latent at the last noise level.
        denoised_output: The clean latent as estimated at the last step.
    """
    guider = Guider(model, "cfg", (positive, negative), {"scale": cfg})
    noise = Noise(noise_seed if add_noise else None)
    return _run(
        Sampling(guider, sampler, sigmas.values, noise, latent_image, step_seed=noise_seed), ctx
    )


def sampler_custom_advanced_sparing(guider: Guider, **given: Any) -> Sampled:
    """Compute one picture in each call: what SamplerCustomAdvanced does when memory runs out."""
    sparing = replace(guider, model=one_by_one(guider.model))
    return sampler_custom_advanced(guider=sparing, **given)


@node(
    "SamplerCustomAdvanced",
    title="Sampler (custom, advanced)",
    thriftier=(sampler_custom_advanced_sparing,),
)
def sampler_custom_advanced(
    noise: Noise,
    guider: Guider,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
    *,
    ctx: Context = QUIET,
) -> Sampled:
    """Sample with noise, guidance, solver and noise levels of your own.

    Args:
        noise: What the latent is covered with first.
        guider: The model, and how it follows the prompts.
        sampler: The solver that makes the steps.
        sigmas: The noise levels to go through.
        latent_image: The latent to start from.

    Returns:
        output: The latent at the last noise level.
        denoised_output: The clean latent as estimated at the last step.
    """
    return _run(Sampling(guider, sampler, sigmas.values, noise, latent_image), ctx)


@node("RandomNoise", title="Random noise")
def random_noise(noise_seed: Annotated[int, Seed()] = 0) -> Noise:
    """Cover the latent with random noise.

    Args:
        noise_seed: Fixes the noise.
    """
    return Noise(noise_seed)


@node("DisableNoise", title="No noise")
def disable_noise() -> Noise:
    """Add no noise: for a latent that still has some from a sampling that stopped early."""
    return Noise(None)


@node("AddNoise", title="Add noise", aliases=("img2img", "variation"))
def add_noise(
    model: Model, noise: Noise, sigmas: Sigmas, latent_image: Latent
) -> Annotated[Latent, SAME_SHAPE]:
    """Cover a latent with the noise of a sampler's first level, for one that adds none.

    Args:
        model: The model whose noise levels are used.
        noise: What the latent is covered with.
        sigmas: The levels: it gets the noise that lies between the first and the last.
        latent_image: The latent.
    """
    if len(sigmas.values) == 0:
        return latent_image
    return noised(model, noise, sigmas.values, latent_image)


@node("KSamplerSelect", title="Select sampler")
def k_sampler_select(sampler_name: Annotated[str, Choice(SAMPLERS)] = "euler") -> Sampler:
    """Choose a solver with its usual options.

    Args:
        sampler_name: The solver.
    """
    return Sampler(sampler_name)


def _run(sampling: Sampling, ctx: Context) -> Sampled:
    x: Tensor | None = None
    form = sampling.guider.model.latent_format
    with on_device(sampling.guider, ctx.resident) as guider:
        sampling = replace(sampling, guider=guider)
        for step in ctx.track(sampling.steps(), total=sampling.count):
            if form.rgb:
                ctx.preview(partial(preview_jpeg, step.denoised, form))
            x, denoised = step.x, step.denoised
        if x is None:
            return Sampled(sampling.latent, sampling.latent)
        if message := broken(x, "The model"):
            ctx.warn(message, HINT)
        last = float(sampling.sigmas[-1])
        return Sampled(sampling.latent_of(x, last), sampling.latent_of(denoised, 0.0))


def _warn_of_inflation(solver: str, schedule: str, steps: int, ctx: Context) -> None:
    message = inflation(solver, schedule, steps)
    if message:
        ctx.warn(message, "Take the karras or exponential schedule, or more steps.")
