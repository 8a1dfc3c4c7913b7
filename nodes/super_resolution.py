"""Super-resolution by diffusion: enlarge pictures by models that see the small one."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from nodes.api import QUIET, Choice, Context, File, Range, Seed, node
from nodes.diffusion.residence import on_device
from nodes.diffusion.schedules import SCHEDULES, SKIP_PENULTIMATE, sigmas_for
from nodes.diffusion.super_resolution import load_diffusion_upscaler, unconditioned
from nodes.diffusion.tiled_sampling import NOISELESS, TilePass, staged, upscaling_by_diffusion
from nodes.errors import NodeError
from nodes.imaging.colour import METHODS
from nodes.types import CascadeStage, DiffusionUpscaler, Guider, Image, Sampler

GROUP = "upscale"


@node("LoadDiffusionUpscaler", title="Load diffusion upscaler", aliases=("super-resolution", "sr3"))
def load_upscaler(
    model_name: Annotated[str, File("upscale_models")], *, ctx: Context = QUIET
) -> DiffusionUpscaler:
    """Load a diffusion model that enlarges pictures.

    Args:
        model_name: The file.

    Returns:
        diffusion_upscaler: The model.
    """
    path = ctx.files.path("upscale_models", model_name)
    return load_diffusion_upscaler(path, ctx.dtype)


@node("CascadeStageDiffusion", title="Stage: upscale by diffusion", aliases=("cascade", "sr3"))
def cascade_stage_diffusion(
    upscaler: DiffusionUpscaler,
    seed: Annotated[int, Seed()] = 0,
    steps: Annotated[int, Range(1, 1000)] = 8,
    sampler_name: Annotated[str, Choice(NOISELESS)] = "euler",
    scheduler: Annotated[str, Choice(list(SCHEDULES))] = "normal",
    noise_level: Annotated[int, Range(0, 999)] = 0,
    tile_size: Annotated[int, Range(64, 8192, step=8)] = 512,
    overlap: Annotated[int, Range(0, 2048, step=8)] = 64,
    colours: Annotated[str, Choice(METHODS)] = "none",
) -> CascadeStage:
    """Enlarge pictures by a diffusion model, tile by tile, in the memory of one tile.

    All tiles cut their noise from one plane, so that the grain does not depend on their size. A run
    that was broken off goes on after the last finished tile.

    Args:
        upscaler: The model; it says how many times larger the pictures become.
        seed: Fixes the noise.
        steps: How many steps are made for each tile.
        sampler_name: The solver that makes the steps.
        scheduler: How the noise levels of the steps are spaced.
        noise_level: Of the noise that hides flaws of the small picture, so that they are not
            enlarged; 0 trusts it in all.
        tile_size: Side of a tile in pixels of the enlarged picture.
        overlap: What neighbouring tiles share, in pixels of the enlarged picture.
        colours: How the colours of the small picture are kept: all that is coarse, the mean and
            spread of each tile, or not at all.

    Returns:
        cascade_stage: The stage, for a cascade.

    References:
        Ho et al. 2021, Cascaded Diffusion Models for High Fidelity Image Generation,
        arXiv:2106.15282.
    """
    if noise_level > upscaler.most_noise:
        raise NodeError(
            f"This upscaler knows noise levels up to {upscaler.most_noise}, not {noise_level}.",
            "Lower `noise_level`.",
            "upscaler.noise",
        )
    sigmas = sigmas_for(
        upscaler.model.sampling,
        scheduler,
        steps,
        skip_penultimate=sampler_name in SKIP_PENULTIMATE,
    )
    tile_pass = TilePass(
        guider=Guider(upscaler.model, "basic", (unconditioned(),)),
        sampler=Sampler(sampler_name),
        sigmas=sigmas,
        seed=seed,
        size=tile_size,
        overlap=overlap,
        colours=colours,
    )
    return staged(
        tile_pass,
        f"diffusion ×{upscaler.scale}",
        upscaler.scale,
        partial(_enlarged, upscaler, noise_level),
        lambda size: tile_pass.cost(size, upscaler.scale),
    )


def _enlarged(
    upscaler: DiffusionUpscaler, level: int, tile_pass: TilePass, *, image: Image, ctx: Context
) -> Image:
    with on_device(tile_pass.guider, ctx.resident) as guider:
        here = replace(tile_pass, guider=guider)
        work = upscaling_by_diffusion(here, upscaler, image.pixels[:, :3], level)
        return Image(work.run(ctx.track, ctx.workspace))
