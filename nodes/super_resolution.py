"""Super-resolution by diffusion: enlarge pictures by models that see the small one."""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from nodes.api import QUIET, Choice, Context, File, Range, Seed, node
from nodes.diffusion.cascades.enlarging import upscaling_by_diffusion
from nodes.diffusion.cascades.small_pictures import diffused, small_unit, unconditioned
from nodes.diffusion.cascades.super_resolution import MOST_NOISE, UpscalerParts, load_upscaler_parts
from nodes.diffusion.cascades.tiled_sampling import NOISELESS, TilePass, staged
from nodes.diffusion.files.checkpoint_networks import model_sampling
from nodes.diffusion.files.families import UPSCALER_LATENTS, UPSCALER_NOISE
from nodes.diffusion.latent_space import in_space
from nodes.diffusion.memory.cost import decoder_cost, encoder_cost, repeated, together
from nodes.diffusion.memory.residence import on_device
from nodes.diffusion.network_calls import text_width
from nodes.diffusion.noise import initial_noise
from nodes.diffusion.schedules import SCHEDULES, sigmas_for
from nodes.diffusion.text.arithmetic import with_extras
from nodes.errors import NodeError
from nodes.imaging.colour import METHODS
from nodes.imaging.resize import padded_to_multiple, resize
from nodes.types import (
    CascadeStage,
    Conditioning,
    Cost,
    DiffusionUpscaler,
    Guider,
    Image,
    Latent,
    Sampler,
)

GROUP = "upscale"


@node("LoadDiffusionUpscaler", title="Load diffusion upscaler", aliases=("super-resolution", "sr3"))
def load_upscaler(
    model_name: Annotated[str, File("upscale_models")], *, ctx: Context = QUIET
) -> UpscalerParts:
    """Load a diffusion model that enlarges pictures.

    Args:
        model_name: A file of this project's, Stable Diffusion's x4-upscaler-ema.safetensors, latent
            diffusion's own, or a diffusers folder of an upscaler.

    Returns:
        diffusion_upscaler: The model.
        clip: The text encoder of those that read prompts.

    References:
        Rombach et al. 2022, High-Resolution Image Synthesis with Latent Diffusion Models,
        arXiv:2112.10752.
    """
    return load_upscaler_parts(ctx.files.path("upscale_models", model_name), ctx.dtype)


class UpscaleParts(NamedTuple):
    """Prompts that know the small picture, and an empty latent of the large one's size."""

    positive: Conditioning
    negative: Conditioning
    latent: Latent


@node("SD_4XUpscale_Conditioning", title="SD ×4 upscale conditioning", aliases=("enlarge",))
def sd_4x_upscale_conditioning(
    images: Image,
    positive: Conditioning,
    negative: Conditioning,
    scale_ratio: Annotated[float, Range(0, 10, step=0.01)] = 4.0,
    noise_augmentation: Annotated[float, Range(0, 1, step=0.001)] = 0.0,
) -> UpscaleParts:
    """Show Stable Diffusion's x4 upscaler the pictures to enlarge, for samplers of any kind.

    Args:
        images: The small pictures; alpha is passed over.
        positive: What the pictures should show.
        negative: What they should not show.
        scale_ratio: Factor on the sides; other than 4, the pictures are resized first.
        noise_augmentation: Noise that hides flaws of the small pictures, up to the most that the
            upscaler was trained on; it is always the same noise.

    Returns:
        positive: The prompt, with the pictures.
        negative: The prompt, with the pictures.
        latent: An empty latent of the enlarged pictures' size.
    """
    height, width = (max(1, round(side * scale_ratio)) for side in images.pixels.shape[-2:])
    tall, wide = (max(1, side // UPSCALER_LATENTS.downscale) for side in (height, width))
    small = resize(images.pixels[:, :3], wide, tall, "bilinear") * 2 - 1
    level = round(noise_augmentation * MOST_NOISE)
    noise = initial_noise(small.shape, SMALL_PICTURE_SEED)
    seen = diffused(model_sampling(UPSCALER_NOISE), small, noise, level)
    told: dict[str, Tensor | int] = {"small_picture": seen, "noise_level": level}
    empty = torch.zeros(len(small), UPSCALER_LATENTS.channels, tall, wide)
    return UpscaleParts(
        with_extras(positive, told),
        with_extras(negative, told),
        Latent(empty, space=UPSCALER_LATENTS),
    )


# Another than samplings are likely to have, lest two noises be one.
SMALL_PICTURE_SEED = 0x5EED4


@node("CascadeStageDiffusion", title="Stage: upscale by diffusion", aliases=("cascade", "sr3"))
def cascade_stage_diffusion(
    upscaler: DiffusionUpscaler,
    positive: Conditioning | None = None,
    negative: Conditioning | None = None,
    seed: Annotated[int, Seed()] = 0,
    steps: Annotated[int, Range(1, 1000)] = 8,
    cfg: Annotated[float, Range(0, 100, step=0.1)] = 4.0,
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
        positive: What the pictures show, for a model that reads prompts.
        negative: What they should not show.
        seed: Fixes the noise.
        steps: How many steps are made for each tile.
        cfg: How strongly the prompt is followed, where there is a negative one.
        sampler_name: The solver that makes the steps.
        scheduler: How the noise levels of the steps are spaced.
        noise_level: Of the noise that hides flaws of the small picture, so that they are not
            enlarged; 0 trusts it in all. Stable Diffusion's upscaler is used with 20.
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
    sigmas = sigmas_for(upscaler.model.sampling, scheduler, steps, solver=sampler_name)
    tile_pass = TilePass(
        guider=_guider(upscaler, positive, negative, cfg),
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
        partial(_cost, upscaler, tile_pass),
        from_latent=upscaler.kind == "latent",
    )


def _guider(
    upscaler: DiffusionUpscaler,
    positive: Conditioning | None,
    negative: Conditioning | None,
    cfg: float,
) -> Guider:
    if text_width(upscaler.model.network) is None:
        return Guider(upscaler.model, "basic", (unconditioned(),))
    if positive is None:
        raise NodeError(
            "This upscaler reads a prompt, and none is given.",
            "Encode one with its own text encoder, which the loader gives; it may be empty.",
            "upscaler.prompt",
        )
    if negative is None:
        return Guider(upscaler.model, "basic", (positive,))
    return Guider(upscaler.model, "cfg", (positive, negative), {"scale": cfg})


def _cost(upscaler: DiffusionUpscaler, tile_pass: TilePass, size: int) -> Cost:
    steps, vae = tile_pass.cost(size, upscaler.model.latent_format.downscale), upscaler.vae
    if vae is None:
        return steps
    first = [encoder_cost(vae, size // upscaler.scale)] if upscaler.kind == "latent" else []
    # It is decoded in two rounds.
    return together(*first, steps, repeated(decoder_cost(vae, size), 2))


def _enlarged(
    upscaler: DiffusionUpscaler,
    level: int,
    tile_pass: TilePass,
    *,
    image: Image | None = None,
    latent: Latent | None = None,
    ctx: Context,
) -> Image:
    if image is None:
        assert latent is not None
        samples = in_space(latent, upscaler.model.latent_format)
        return Image(_run(upscaler, tile_pass, samples, level, ctx, encoded=True))
    pixels = image.pixels[:, :3]
    height, width = (side * upscaler.scale for side in pixels.shape[-2:])
    whole = padded_to_multiple(pixels, small_unit(upscaler))
    return Image(_run(upscaler, tile_pass, whole, level, ctx)[..., :height, :width])


def _run(
    upscaler: DiffusionUpscaler,
    tile_pass: TilePass,
    small: Tensor,
    level: int,
    ctx: Context,
    *,
    encoded: bool = False,
) -> Tensor:
    vae = nullcontext() if upscaler.vae is None else ctx.resident(upscaler.vae)
    with on_device(tile_pass.guider, ctx.resident) as guider, vae as coder:
        here = replace(upscaler, model=guider.model, vae=coder)
        placed = replace(tile_pass, guider=guider)
        work = upscaling_by_diffusion(placed, here, small, level, encoded=encoded)
        return work.run(ctx.track, ctx.workspace)
