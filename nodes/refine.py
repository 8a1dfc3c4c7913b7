"""Refining: an image-to-image pass over pictures of any size, tile by tile."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from torch import Tensor

from nodes.api import Choice, Context, Range, Seed, node
from nodes.diffusion.cascades.refining import refining
from nodes.diffusion.cascades.tiled_sampling import NOISELESS, TilePass, staged
from nodes.diffusion.latent_space import in_space
from nodes.diffusion.memory.cost import decoder_cost, encoder_cost, repeated, together
from nodes.diffusion.memory.residence import on_device
from nodes.diffusion.schedules import SCHEDULES, sigmas_for
from nodes.imaging.colour import METHODS
from nodes.imaging.resize import padded_to_multiple
from nodes.types import CascadeStage, Conditioning, Cost, Guider, Image, Latent, Model, Sampler, Vae

GROUP = "upscale"


@node("CascadeStageRefine", title="Stage: refine", aliases=("ultimate upscale", "img2img", "hires"))
def cascade_stage_refine(
    model: Model,
    vae: Vae,
    positive: Conditioning,
    negative: Conditioning,
    seed: Annotated[int, Seed()] = 0,
    steps: Annotated[int, Range(1, 10_000)] = 20,
    cfg: Annotated[float, Range(0, 100, step=0.1)] = 8.0,
    sampler_name: Annotated[str, Choice(NOISELESS)] = "euler",
    scheduler: Annotated[str, Choice(list(SCHEDULES))] = "normal",
    denoise: Annotated[float, Range(0, 1, step=0.01)] = 0.3,
    tile_size: Annotated[int, Range(64, 8192, step=8)] = 512,
    overlap: Annotated[int, Range(0, 2048, step=8)] = 64,
    colours: Annotated[str, Choice(METHODS)] = "wavelet",
) -> CascadeStage:
    """Redo a picture in part, tile by tile: detail appears, and memory stays that of one tile.

    All tiles cut their noise from one plane, so that the grain does not depend on their size, and
    fade into each other. The VAE's contrast and colours are those of the whole picture. Areas,
    masks and ControlNets of the prompts hold for the whole picture. A run that was broken off goes
    on after the last finished tile. A cascade can start with it from a latent.

    Args:
        model: The denoiser.
        vae: Its VAE.
        positive: What the pictures should show.
        negative: What they should not show.
        seed: Fixes the noise.
        steps: How many steps are made for each tile.
        cfg: How strongly the prompt is followed.
        sampler_name: The solver that makes the steps.
        scheduler: How the noise levels of the steps are spaced.
        denoise: The part of the way that is redone; less keeps more of the picture.
        tile_size: Side of a tile in pixels: what the model was trained on is best.
        overlap: What neighbouring tiles share, in pixels.
        colours: How the colours of the picture are kept: all that is coarse, the mean and spread
            of each tile, or not at all.

    Returns:
        cascade_stage: The stage, for a cascade.
    """
    sigmas = sigmas_for(model.sampling, scheduler, steps, denoise, solver=sampler_name)
    tile_pass = TilePass(
        guider=Guider(model, "cfg", (positive, negative), {"scale": cfg}),
        sampler=Sampler(sampler_name),
        sigmas=sigmas,
        seed=seed,
        size=tile_size,
        overlap=overlap,
        colours=colours,
    )

    def cost(size: int) -> Cost:
        steps = tile_pass.cost(size, vae.latent_format.downscale)
        # It is decoded in two rounds.
        decoding = repeated(decoder_cost(vae, size), 2)
        return together(encoder_cost(vae, size), steps, decoding)

    run = partial(_refined, vae)
    return staged(tile_pass, f"refine {denoise:.0%}", 1, run, cost, from_latent=True)


def _refined(
    vae: Vae,
    tile_pass: TilePass,
    *,
    image: Image | None = None,
    latent: Latent | None = None,
    ctx: Context,
) -> Image:
    if image is not None:
        pixels, scale = image.pixels[:, :3], vae.latent_format.downscale
        height, width = pixels.shape[-2:]
        whole = padded_to_multiple(pixels, scale)
        return Image(_redone(vae, tile_pass, whole, False, ctx)[..., :height, :width])
    assert latent is not None
    samples = in_space(latent, tile_pass.guider.model.latent_format)
    return Image(_redone(vae, tile_pass, samples, True, ctx))


def _redone(vae: Vae, tile_pass: TilePass, source: Tensor, encoded: bool, ctx: Context) -> Tensor:
    with on_device(tile_pass.guider, ctx.resident) as guider, ctx.resident(vae) as coder:
        work = refining(replace(tile_pass, guider=guider), coder, source, encoded=encoded)
        return work.run(ctx.track, ctx.workspace)
