"""Upscaling: enlarge pictures by networks that were trained for it."""

from functools import partial
from typing import Annotated

import torch

from nodes.api import QUIET, Context, File, Range, node
from nodes.diffusion.finite import HINT, broken
from nodes.diffusion.upscaler_file import load_upscaler
from nodes.diffusion.upscalers import TILE_RESULT, tile_size, upscaling
from nodes.imaging.resize import resize
from nodes.types import CascadeStage, Image, UpscaleModel


@node("UpscaleModelLoader", title="Load Upscale Model", aliases=("esrgan", "super-resolution"))
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
    return _upscaled(upscale_model, image, 2, ctx)


def upscale_in_quarter_tiles(
    upscale_model: UpscaleModel, image: Image, *, ctx: Context = QUIET
) -> Image:
    """Take tiles of a quarter of the side: what is done when half the side is too much as well."""
    return _upscaled(upscale_model, image, 4, ctx)


@node(
    "ImageUpscaleWithModel",
    title="Upscale Image (using Model)",
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
    return _upscaled(upscale_model, image, 1, ctx)


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
    run = partial(_staged, upscale_model, tile_size)
    return CascadeStage(f"network ×{upscale_model.scale}", upscale_model.scale, run)


def _staged(upscale_model: UpscaleModel, size: int, *, image: Image, ctx: Context) -> Image:
    return _upscaled(upscale_model, image, max(1, TILE_RESULT // size), ctx)


def _upscaled(upscale_model: UpscaleModel, image: Image, divisor: int, ctx: Context) -> Image:
    scale, size = upscale_model.scale, tile_size(upscale_model.scale, divisor)
    channels, height, width = image.pixels.shape[1:]
    with ctx.resident(upscale_model) as placed:
        pixels = upscaling(placed, image.pixels[:, :3], size).run(ctx.track, ctx.workspace)
    if channels == 4:
        alpha = resize(image.pixels[:, 3:], width * scale, height * scale, "lanczos")
        pixels = torch.cat([pixels, alpha], dim=1)
    if message := broken(pixels, "The upscaler"):
        ctx.warn(message, HINT)
    return Image(pixels)
