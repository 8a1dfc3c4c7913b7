"""A picture of a latent without its VAE, small enough to send at every step."""

import io

import torch
from PIL import Image as Picture
from torch import Tensor

from nodes.types import LatentFormat

LONGEST_SIDE = 256
QUALITY = 80


def latent_to_rgb(latent: Tensor, form: LatentFormat) -> Tensor:
    """Show (C, h, w) as (3, h, w) in [0, 1], each channel as a colour."""
    factors = torch.tensor(form.rgb, dtype=torch.float32)
    bias = torch.tensor(form.rgb_bias, dtype=torch.float32)
    rgb = torch.einsum("chw,cr->rhw", latent.to("cpu", torch.float32), factors)
    return ((rgb + bias[:, None, None] + 1) / 2).clamp(0, 1)


def preview_jpeg(latents: Tensor, form: LatentFormat) -> bytes:
    """Draw the first of (B, C, h, w) as a JPEG of at most 256 pixels a side."""
    pixels = (latent_to_rgb(latents[0], form) * 255).round().to(torch.uint8)
    picture = Picture.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    height, width = pixels.shape[1:]
    scale = min(form.downscale, LONGEST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    file = io.BytesIO()
    picture.resize(size, Picture.Resampling.BICUBIC).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
