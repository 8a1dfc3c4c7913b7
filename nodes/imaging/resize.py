"""Change the size of planes (B, C, H, W): interpolation by name, fitting, cropping, padding."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate, pad

METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")
MEGAPIXEL = 1024 * 1024
"""As models count them."""


def resize(planes: Tensor, width: int, height: int, method: str, crop: str = "disabled") -> Tensor:
    """Resize planes whose values are in [0, 1].

    Args:
        planes: (B, C, H, W).
        width: New width.
        height: New height.
        method: One of METHODS. Bilinear and bicubic look at the nearest cells only; area and
            lanczos look at all that fall into a new cell, which is what shrinking needs.
        crop: "center" cuts what does not fit the new proportions, "disabled" distorts.

    Returns:
        (B, C, height, width), in [0, 1]; bicubic and lanczos would overshoot.
    """
    if crop == "center":
        planes = cropped_to_ratio(planes, width, height)
    if planes.shape[-2:] == (height, width):
        return planes
    if method == "lanczos":
        return lanczos_rows(planes, width, height, 0, height)
    if method in ("bilinear", "bicubic"):
        return interpolate(planes, (height, width), mode=method, align_corners=False).clamp(0, 1)
    return interpolate(planes, (height, width), mode=method)


def cropped_to_ratio(planes: Tensor, width: int, height: int) -> Tensor:
    """Cut as much from both sides of planes as brings them nearest to the proportions given."""
    rows, columns = planes.shape[-2:]
    top = max(0, round((rows - columns * height / width) / 2))
    left = max(0, round((columns - rows * width / height) / 2))
    # Of a single row or column there is nothing to cut.
    top, left = min(top, (rows - 1) // 2), min(left, (columns - 1) // 2)
    return planes[..., top : rows - top, left : columns - left]


def padded_to_multiple(planes: Tensor, multiple: int, mode: str = "replicate") -> Tensor:
    """Lengthen planes below and at the right until their sides are multiples of a number.

    Args:
        planes: (B, C, H, W); those that fit come back as they are.
        multiple: The number.
        mode: "replicate" goes on with the last cells, "circular" with those of the other side.
    """
    below, beside = (-side % multiple for side in planes.shape[-2:])
    if not (below or beside):
        return planes
    return pad(planes, (0, beside, 0, below), mode=mode)


def fitting(width: int, height: int, like: tuple[int, int]) -> tuple[int, int]:
    """Fill in a side that is 0, so that the proportions of `like` (width, height) are kept."""
    old_width, old_height = like
    if not width and not height:
        return like
    if not width:
        return max(1, round(old_width * height / old_height)), height
    if not height:
        return width, max(1, round(old_height * width / old_width))
    return width, height


def lanczos_rows(planes: Tensor, width: int, height: int, top: int, bottom: int) -> Tensor:
    """Resize planes by Lanczos' filter, and give some rows of what comes out.

    Args:
        planes: (B, C, H, W), values in [0, 1].
        width: New width.
        height: New height.
        top: The first row of the new ones to give.
        bottom: The row after the last one.

    Returns:
        (B, C, bottom - top, width), in [0, 1].
    """
    rows = planes.shape[-2] / height
    # The filter looks three cells far, of the old plane or of the new one, whichever are larger.
    far = 3 * max(1.0, rows) + 1
    first = max(0, math.floor(top * rows - far))
    seen = planes[..., first : math.ceil(bottom * rows + far), :]
    box = (0, top * rows - first, planes.shape[-1], bottom * rows - first)
    # Pillow resamples 32-bit floats too, one plane at a time.
    flat = seen.reshape(-1, *seen.shape[-2:]).float().numpy()
    size = width, bottom - top
    made = [
        np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS, box))
        for plane in flat
    ]
    return torch.from_numpy(np.stack(made)).reshape(*planes.shape[:2], *size[::-1]).clamp(0, 1)
