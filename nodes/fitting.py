"""Fitting: pictures and masks brought to a size that is said in one of several ways."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

from nodes.api import Choice, Range, node
from nodes.imaging.resize import METHODS, resize
from nodes.types import Image, Mask

GROUP = "image"

Resized = TypeVar("Resized", Image, Mask)
Side = Annotated[int, Range(1, 16_384)]

# A megapixel of models is 1024 by 1024.
MEGAPIXEL = 1024 * 1024


def _by(factor: float, width: int, height: int) -> tuple[int, int]:
    return max(1, round(width * factor)), max(1, round(height * factor))


# From the size and the number that a way asks for to the new size; proportions stay.
WAYS: Mapping[str, Callable[[int, int, float], tuple[int, int]]] = MappingProxyType(
    {
        "scale by multiplier": lambda w, h, multiplier: _by(multiplier, w, h),
        "scale longer dimension": lambda w, h, size: _by(size / max(w, h), w, h),
        "scale shorter dimension": lambda w, h, size: _by(size / min(w, h), w, h),
        "scale width": lambda w, h, width: _by(width / w, w, h),
        "scale height": lambda w, h, height: _by(height / h, w, h),
        "scale total pixels": lambda w, h, area: _by(math.sqrt(area * MEGAPIXEL / (w * h)), w, h),
    }
)
EXACT = "scale dimensions"


@node("ResizeImageMaskNode", title="Resize image or mask", aliases=("scale", "fit", "megapixels"))
def resize_image_mask(
    input: Resized,  # noqa: A002 - the field's name
    resize_type: Annotated[str, Choice((EXACT, *WAYS))] = EXACT,
    width: Side = 512,
    height: Side = 512,
    crop: Annotated[str, Choice(("disabled", "center"))] = "center",
    multiplier: Annotated[float, Range(0.01, 8, step=0.01)] = 1.0,
    longer_size: Side = 512,
    shorter_size: Side = 512,
    megapixels: Annotated[float, Range(0.01, 16, step=0.01)] = 1.0,
    scale_method: Annotated[str, Choice(METHODS)] = "area",
) -> Resized:
    """Resize pictures or masks to a size that is said in the way you choose.

    Args:
        input: Pictures or masks.
        resize_type: What says the size; the other numbers then have no part. All but "scale
            dimensions" keep the proportions.
        width: Of "scale dimensions" and "scale width".
        height: Of "scale dimensions" and "scale height".
        crop: Whether "scale dimensions" cuts what does not fit the new proportions, or distorts.
        multiplier: Of "scale by multiplier".
        longer_size: Of "scale longer dimension": pixels of the longer side.
        shorter_size: Of "scale shorter dimension": pixels of the shorter side.
        megapixels: Of "scale total pixels"; 1 is the area of 1024 × 1024.
        scale_method: How pixels are computed; area and lanczos are the ones to shrink with.

    Returns:
        resized: The same at its new size.
    """
    numbers = {
        "scale by multiplier": multiplier,
        "scale longer dimension": longer_size,
        "scale shorter dimension": shorter_size,
        "scale width": width,
        "scale height": height,
        "scale total pixels": megapixels,
    }
    planes = input.pixels if isinstance(input, Image) else input.values
    tall, wide = planes.shape[-2:]
    if resize_type == EXACT:
        resized = resize(planes, width, height, scale_method, crop)
    else:
        size = WAYS[resize_type](wide, tall, numbers[resize_type])
        resized = resize(planes, *size, scale_method)
    return type(input)(resized)
