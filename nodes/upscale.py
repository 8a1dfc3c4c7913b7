"""Upscaling: enlarge pictures by networks that were trained for it."""

from functools import partial
from typing import Annotated

import torch

from nodes.api import QUIET, Context, File, Range, node
from nodes.diffusion.cascades.upscaler_file import load_upscaler
from nodes.diffusion.cascades.upscalers import OVERLAP, TILE_RESULT, tile_side, upscaling
from nodes.diffusion.finite import HINT, broken
from nodes.diffusion.memory.cost import META, cost_of
from nodes.imaging.resize import resize
from nodes.types import CascadeStage, Cost, Image, UpscaleModel


@node("UpscaleModelLoader", title="Load upscale model", aliases=("esrgan", "super-resolution"))
def upscale_model_loader(
    model_name: Annotated[str, File("upscale_models")], *, ctx: Context = QUIET
) -> UpscaleModel:
    """Load a network that enlarges pictures: ESRGAN, Real-ESRGAN, or its compact network.

    Other networks (SwinIR, HAT, DAT and more) are read where the package spandrel is installed.

    Args:
        model_name: A .safetensors or .pth file; of a .pth only the weights are read, and one that
            would run code is refused.

    Returns:
        The network.

    References:
        Wang et al. 2021, Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure
        Synthetic Data, arXiv:2107.10833.
    """
    return load_upscaler(ctx.files.path("upscale_models", model_name), ctx.dtype)


def upscale_in_half_tiles(
    upscale_model: UpscaleModel, image: Image, *, ctx: Context = QUIET
) -> Image:
    """Take tiles of half the side: what ImageUpscaleWithModel does when memory runs out."""
    return _upscaled(upscale_model, TILE_RESULT // 2, image=image, ctx=ctx)


def upscale_in_quarter_tiles(
    upscale_model: UpscaleModel, image: Image, *, ctx: Context = QUIET
) -> Image:
    """Take tiles of a quarter of the side: what is done when half the side is too much as well."""
    return _upscaled(upscale_model, TILE_RESULT // 4, image=image, ctx=ctx)


@node(
    "ImageUpscaleWithModel",
    title="Upscale image (using model)",
    aliases=("esrgan", "enlarge"),
    thriftier=(upscale_in_half_tiles, upscale_in_quarter_tiles),
)
def image_upscale_with_model(
    upscale_model: UpscaleModel, image: Image, *, ctx: Context = QUIET
) -> Image:
    """Enlarge pictures by a network, tile by tile; neighbouring tiles fade into each other.

    When memory does not suffice it takes smaller tiles.

    Args:
        upscale_model: The network; it says how many times larger the pictures become.
        image: The pictures; alpha is resampled beside them.

    Returns:
        The enlarged pictures.
    """
    return _upscaled(upscale_model, TILE_RESULT, image=image, ctx=ctx)


@node("CascadeStageModel", title="Stage: upscale model", aliases=("cascade", "esrgan"))
def cascade_stage_model(
    upscale_model: UpscaleModel,
    tile_size: Annotated[int, Range(64, 8192, step=8)] = TILE_RESULT,
) -> CascadeStage:
    """Enlarge pictures by a network like ESRGAN, tile by tile, in the memory of one tile.

    Args:
        upscale_model: The network; it says how many times larger the pictures become.
        tile_size: Side of a tile in pixels of the enlarged picture.

    Returns:
        cascade_stage: The stage, for a cascade.
    """
    scale, dtype = upscale_model.scale, upscale_model.dtype

    def cost(result: int) -> Cost:
        side = tile_side(scale, result)
        pixels = torch.empty(1, 3, side, side, device=META, dtype=getattr(torch, dtype))
        return cost_of(upscale_model.network, lambda network: network(pixels))

    return CascadeStage(
        title=f"network ×{scale}",
        scale=scale,
        run=partial(_upscaled, upscale_model, tile_size),
        tile=tile_size,
        overlap=OVERLAP * scale,
        tiled=partial(cascade_stage_model, upscale_model),
        cost=cost,
    )


def _upscaled(upscale_model: UpscaleModel, result: int, *, image: Image, ctx: Context) -> Image:
    scale, size = upscale_model.scale, tile_side(upscale_model.scale, result)
    channels, height, width = image.pixels.shape[1:]
    with ctx.resident(upscale_model) as placed:
        pixels = upscaling(placed, image.pixels[:, :3], size).run(ctx.track, ctx.workspace)
    if channels == 4:
        alpha = resize(image.pixels[:, 3:], width * scale, height * scale, "lanczos")
        pixels = torch.cat([pixels, alpha], dim=1)
    if message := broken(pixels, "The upscaler"):
        ctx.warn(message, HINT)
    return Image(pixels)
