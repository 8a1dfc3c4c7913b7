"""Pictures (B, C, H, W) laid on pictures, and their channels brought in line."""

import torch
from torch import Tensor

from nodes.imaging.batches import as_many
from nodes.imaging.resize import resize


def composite(destination: Tensor, source: Tensor, x: int, y: int, mask: Tensor | None) -> Tensor:
    """Lay a picture on another.

    Args:
        destination: (B, C, H, W).
        source: (B', C', h, w); repeated for every destination, cut off where it reaches beyond.
        x: Column of the source's left side; may be negative.
        y: Row of the source's top; may be negative.
        mask: (B'', 1, h', w') of the source's opacity, stretched to it; None is opaque.

    Returns:
        The destination with the source on it; alpha is treated as one more channel.
    """
    source = with_channels(source, destination.shape[1])
    height, width = source.shape[-2:]
    if mask is None:
        mask = torch.ones(1, 1, height, width)
    mask = resize(mask, width, height, "bilinear")
    batch = destination.shape[0]
    source, mask = as_many(source, batch), as_many(mask, batch)
    top, left = max(0, y), max(0, x)
    bottom, right = min(destination.shape[-2], y + height), min(destination.shape[-1], x + width)
    result = destination.clone()
    if bottom <= top or right <= left:
        return result
    inside = (..., slice(top - y, bottom - y), slice(left - x, right - x))
    place = (..., slice(top, bottom), slice(left, right))
    opacity = mask[inside]
    result[place] = source[inside] * opacity + destination[place] * (1 - opacity)
    return result


def with_channels(pixels: Tensor, channels: int) -> Tensor:
    """Give pictures 3 or 4 channels: alpha is cut off, or added as opaque."""
    if pixels.shape[1] >= channels:
        return pixels[:, :channels]
    return torch.cat([pixels, torch.ones_like(pixels[:, :1])], dim=1)
