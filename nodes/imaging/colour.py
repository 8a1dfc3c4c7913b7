"""Bring a picture's colours back to those of the one that it was made from."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

METHODS = ("none", "wavelet", "adain")
# What counts as colour: everything coarser than this part of the shorter side, in `wavelet`.
_COARSE = 1 / 8


def matched(pixels: Tensor, like: Tensor, method: str) -> Tensor:
    """Give pictures the colours of others.

    Args:
        pixels: (B, 3, H, W) in [0, 1].
        like: (B, 3, h, w) in [0, 1], of any size.
        method: "adain" gives each channel the other's mean and spread (Huang and Belongie 2017,
            arXiv:1703.06868); "wavelet" keeps the detail and takes all that is coarse from the
            other (Wang et al. 2023, StableSR, arXiv:2305.07015, 3.4); "none" changes nothing.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    if method == "none":
        return pixels
    if method == "adain":
        mean, spread = _statistics(pixels)
        wanted, wanted_spread = _statistics(like)
        return ((pixels - mean) / spread * wanted_spread + wanted).clamp(0, 1)
    size = pixels.shape[-2:]
    # Compared at one size, by the same way of losing detail.
    fitted = interpolate(like, size, mode="bicubic", antialias=True)
    radius = max(1, round(min(size) * _COARSE / 2))
    return (pixels + _blurred(fitted, radius) - _blurred(pixels, radius)).clamp(0, 1)


def _statistics(pixels: Tensor) -> tuple[Tensor, Tensor]:
    spread, mean = torch.std_mean(pixels, dim=(2, 3), keepdim=True, correction=0)
    return mean, spread.clamp(min=1e-5)


def _blurred(pixels: Tensor, radius: int) -> Tensor:
    # Three passes of a mean are as good as a Gaussian.
    for _ in range(3):
        padded = pad(pixels, (radius, radius, radius, radius), mode="replicate")
        pixels = avg_pool2d(padded, 2 * radius + 1, stride=1)
    return pixels
