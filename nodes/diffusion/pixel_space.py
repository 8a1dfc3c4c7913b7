"""Models that denoise pixels themselves: what stands in place of the VAE, and what folds pixels."""

from math import isqrt
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from nodes.diffusion.files.weight_shapes import Config
from nodes.imaging.resize import padded_to_multiple
from nodes.types import LatentFormat, Vae

COLOURS = 3
# What configurations call the coder below, where others have an AutoencoderKL's.
PIXEL_SPACE = "PixelSpace"
FOLDED_UNET = "FoldedUNet"


class PixelSpace(nn.Module):
    """Takes a VAE's place where a model works on pixels: pictures are their own latents."""

    def __init__(self) -> None:
        super().__init__()
        # Without weights, says where it is.
        self.place = nn.Parameter(torch.empty(0), requires_grad=False)

    def encode(self, pictures: Tensor) -> Any:
        """Return pictures (B, 3, H, W) in [-1, 1], as an AutoencoderKL returns their latents."""
        return as_encoded(pictures)

    def decode(self, latents: Tensor) -> Any:
        """Return latents (B, 3, H, W), as an AutoencoderKL returns their pictures."""
        return SimpleNamespace(sample=latents)


def as_encoded(latents: Tensor) -> Any:
    """Give latents as an AutoencoderKL does, which gives a distribution of them."""
    return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))


class FoldedUNet(UNet2DConditionModel):
    """A UNet that sees squares of pixels as one place: (B, 3, H, W) in, and out.

    The side of a square follows from the channels; sides that are no multiples of it are
    lengthened by what stands at the other side, and cut again. Folding: Shi et al. 2016,
    arXiv:1609.05158.
    """

    # Set by diffusers, from what it was made of.
    config: Any

    @property
    def fold(self) -> int:
        """Side of the squares, in pixels."""
        return isqrt(self.config.in_channels // COLOURS)

    def forward(self, sample: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Predict from pixels; see UNet2DConditionModel."""
        height, width = sample.shape[-2:]
        whole = padded_to_multiple(sample, self.fold, "circular")
        unfolded: Any = super()
        output = unfolded.forward(pixel_unshuffle(whole, self.fold), *args, **kwargs)
        first = pixel_shuffle(output[0], self.fold)[..., :height, :width]
        if isinstance(output, tuple):
            return (first, *output[1:])
        return type(output)(sample=first)


def pixel_latents(scaling_factor: float) -> LatentFormat:
    """Describe pixels in [-1, 1], times a factor, as a latent space."""
    bright = 1 / scaling_factor
    return LatentFormat(
        COLOURS,
        scaling_factor,
        downscale=1,
        rgb=((bright, 0.0, 0.0), (0.0, bright, 0.0), (0.0, 0.0, bright)),
    )


def is_pixel_space(vae: Config) -> bool:
    """Say whether a VAE's configuration is that of pixels."""
    return vae.get("_class_name") == PIXEL_SPACE


def pixel_vae(latents: LatentFormat, key: str) -> Vae:
    """Make what stands in a VAE's place for a model on pixels."""
    return Vae(PixelSpace(), latents, "float32", f"{key}#pixels")
