"""Smooth planes (B, C, H, W) with a Gaussian, and sharpen them by what that takes away."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad


def gaussian_blur(planes: Tensor, radius: int, sigma: float) -> Tensor:
    """Average each cell with its neighbours by a Gaussian.

    Args:
        planes: (B, C, H, W).
        radius: How many cells it reaches to each side.
        sigma: Its standard deviation in cells; 0 leaves the planes as they are.

    Returns:
        As many planes of the same size; what lies beyond the edges mirrors what lies within.
    """
    if radius <= 0 or sigma <= 0:
        return planes
    places = torch.arange(-radius, radius + 1, dtype=planes.dtype, device=planes.device)
    weights = torch.exp(-((places / sigma) ** 2) / 2)
    weights = weights / weights.sum()
    # A mirror has no more to show than there is.
    mode = "reflect" if radius < min(planes.shape[-2:]) else "replicate"
    flat = planes.flatten(0, 1).unsqueeze(1)
    flat = pad(flat, (radius,) * 4, mode=mode)
    flat = conv2d(conv2d(flat, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
    return flat.reshape(planes.shape)


def sharpened(planes: Tensor, radius: int, sigma: float, amount: float) -> Tensor:
    """Add to planes what a blur takes away from them ("unsharp mask"), `amount` times."""
    return planes + amount * (planes - gaussian_blur(planes, radius, sigma))
