"""What a ControlNet reads of the picture that it steers by: pixels, or latents of its own space."""

from dataclasses import replace
from typing import Any

import torch
from diffusers import FluxControlNetModel, SD3ControlNetModel
from torch import Tensor, nn

from nodes.diffusion.files.vae_shapes import FLUX_LATENTS, SD3_LATENTS
from nodes.diffusion.latent_space import moved
from nodes.diffusion.pixel_space import COLOURS
from nodes.diffusion.vae import encode
from nodes.errors import NodeError
from nodes.types import LatentFormat, Vae


def latents_read(network: nn.Module) -> LatentFormat | None:
    """Give the latent space that a ControlNet reads pictures in; None if it reads pixels.

    InstantX trained those of Stable Diffusion 3 on latents without the shift.
    """
    steering: Any = network
    if isinstance(network, FluxControlNetModel):
        return None if steering.input_hint_block is not None else FLUX_LATENTS
    if not isinstance(network, SD3ControlNetModel):
        return None
    untold = steering.config.force_zeros_for_pooled_projection
    unshifted = untold and not reads_mask(network)
    return replace(SD3_LATENTS, shift=0.0) if unshifted else SD3_LATENTS


def reads_mask(network: nn.Module) -> bool:
    """Say whether a ControlNet reads which part of its picture is to be painted anew."""
    steering: Any = network
    if isinstance(network, SD3ControlNetModel):
        return bool(steering.config.extra_conditioning_channels)
    if isinstance(network, FluxControlNetModel):
        read: int = steering.controlnet_x_embedder.in_features
        drawn: int = steering.x_embedder.in_features
        return read > drawn
    return False


def encoded_hint(network: nn.Module, vae: Vae, hint: Tensor) -> Tensor:
    """Encode a hint as a ControlNet reads it.

    What the mask covers is black, and behind the latents stands what it leaves: 1 where nothing is
    to be painted. So Alimama's ControlNets for inpainting were trained.

    Args:
        network: One that reads latents.
        vae: On the device to compute on.
        hint: (B, 3|4, H, W) in [0, 1]; the fourth channel is the mask, 1 where to paint.

    Returns:
        (B, C, h, w), and for those that read a mask (B, C + 1, h, w).

    Raises:
        NodeError: If the VAE is that of another family.
    """
    space = latents_read(network)
    own = vae.latent_format
    if space is None or own.channels != space.channels:
        raise NodeError(
            f"The VAE gives latents of {own.channels} channels, which the ControlNet does not "
            "read.",
            "Use the VAE that belongs to the model.",
            "latent.channels",
        )
    # A mask stands behind the colours.
    pixels, mask = hint[:, :COLOURS], hint[:, COLOURS:]
    if mask.shape[1]:
        pixels = pixels.masked_fill(mask > 0.5, 0.0)
    latents = moved(torch.cat(list(encode(vae, pixels))), own, space)
    if not reads_mask(network):
        return latents
    kept = 1 - nn.functional.interpolate(mask.to(latents), latents.shape[-2:])
    return torch.cat([latents, kept], dim=1)
