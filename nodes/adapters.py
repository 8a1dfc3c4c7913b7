"""Adapters: what lets a denoiser follow pictures as prompts."""

from typing import Annotated

import torch

from nodes.api import QUIET, Choice, Context, File, Range, node
from nodes.diffusion.adapters.clip_vision import encode_image, prepared
from nodes.diffusion.adapters.ip_adapter import (
    COMBINATIONS,
    LAYERS,
    blank,
    image_prompt,
    with_image_prompt,
)
from nodes.diffusion.adapters.ip_adapter_file import load_ip_adapter
from nodes.types import ClipVision, Image, IPAdapter, Mask, Model

GROUP = "prompts"

Moment = Annotated[float, Range(0, 1, step=0.001)]


@node("IPAdapterModelLoader", title="Load IP-Adapter")
def ip_adapter_model_loader(
    ipadapter_file: Annotated[str, File("ipadapter")], *, ctx: Context = QUIET
) -> IPAdapter:
    """Load an IP-Adapter of Stable Diffusion 1 or XL: the plain one, plus, or full.

    Args:
        ipadapter_file: A .safetensors file.

    Returns:
        The adapter.

    References:
        Ye et al. 2023, IP-Adapter: Text Compatible Image Prompt Adapter for Text-to-Image
        Diffusion Models, arXiv:2308.06721.
    """
    return load_ip_adapter(ctx.files.path("ipadapter", ipadapter_file), ctx.dtype)


@node("IPAdapterAdvanced", title="Apply IP-Adapter", aliases=("image prompt", "style"))
def ip_adapter_advanced(
    model: Model,
    ipadapter: IPAdapter,
    image: Image,
    clip_vision: ClipVision,
    weight: Annotated[float, Range(-1, 5, step=0.05)] = 1.0,
    weight_type: Annotated[str, Choice(tuple(LAYERS))] = "linear",
    combine_embeds: Annotated[str, Choice(COMBINATIONS)] = "concat",
    start_at: Moment = 0.0,
    end_at: Moment = 1.0,
    embeds_scaling: Annotated[str, Choice(("V only", "K+V"))] = "V only",
    image_negative: Image | None = None,
    attn_mask: Mask | None = None,
    *,
    ctx: Context = QUIET,
) -> Model:
    """Let a model follow pictures as it follows a prompt; several can follow one another.

    Only the positive prompt sees the pictures; the negative one sees nothing, or others.

    Args:
        model: The denoiser; its weights stay as they are.
        ipadapter: An adapter that was made for the model's family.
        image: The pictures to follow; their middle square is looked at.
        clip_vision: The image encoder that the adapter was trained with.
        weight: How strongly; 0 changes nothing.
        weight_type: Where: in every layer, or in those of SDXL that keep the style, or what stands
            where.
        combine_embeds: Look at every picture, or at one made out of what they mean: their sum,
            their average, or the first less the average of the others.
        start_at: When it begins, 0 being pure noise.
        end_at: When it ends, 1 being the finished picture.
        embeds_scaling: What the weight is a factor on: values alone, or keys as well, which makes
            attention within the pictures vaguer or sharper.
        image_negative: Pictures to lead away from.
        attn_mask: White where the pictures are to be followed; it is fitted to the result.

    Returns:
        The denoiser, which follows the pictures.

    References:
        Ye et al. 2023, IP-Adapter, arXiv:2308.06721; Wang et al. 2024, InstantStyle,
        arXiv:2404.02733.
    """
    with ctx.resident(clip_vision) as placed:
        side, colours = placed.size, placed.colours
        seen = encode_image(placed, prepared(image.pixels, side, True, colours))
        if image_negative is None:
            away = blank(ipadapter, seen, encode_image(placed, torch.zeros(1, 3, side, side)))
        else:
            away = encode_image(placed, prepared(image_negative.pixels, side, True, colours))
    with ctx.resident(ipadapter) as placed:
        prompt = image_prompt(placed, seen, away, combine_embeds)
    return with_image_prompt(
        model,
        prompt,
        weight,
        weight_type,
        start_at,
        end_at,
        attn_mask,
        scale_keys=embeds_scaling == "K+V",
    )
