"""Fitting: pictures and masks brought to a size that is said in one of several ways."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, NamedTuple, TypeVar

from nodes.api import Choice, Range, Shape, node
from nodes.imaging.resize import MEGAPIXEL, METHODS, resize
from nodes.types import Image, Mask

GROUP = "image"

Resized = TypeVar("Resized", Image, Mask)
Side = Annotated[int, Range(1, 16_384)]
Edge = Annotated[int, Range(1, 8192)]
SAME_KIND = Shape(batch="images.batch", channels="images.channels")


class Asked(NamedTuple):
    """The numbers of which one says the size."""

    multiplier: float
    longer_size: int
    shorter_size: int
    width: int
    height: int
    megapixels: float


# From a size and what is asked for to what both sides are multiplied by.
WAYS: Mapping[str, Callable[[int, int, Asked], float]] = MappingProxyType(
    {
        "scale by multiplier": lambda w, h, asked: asked.multiplier,
        "scale longer dimension": lambda w, h, asked: asked.longer_size / max(w, h),
        "scale shorter dimension": lambda w, h, asked: asked.shorter_size / min(w, h),
        "scale width": lambda w, h, asked: asked.width / w,
        "scale height": lambda w, h, asked: asked.height / h,
        "scale total pixels": lambda w, h, asked: math.sqrt(asked.megapixels * MEGAPIXEL / (w * h)),
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
    planes = input.pixels if isinstance(input, Image) else input.values
    if resize_type == EXACT:
        resized = resize(planes, width, height, scale_method, crop)
    else:
        tall, wide = planes.shape[-2:]
        asked = Asked(multiplier, longer_size, shorter_size, width, height, megapixels)
        factor = WAYS[resize_type](wide, tall, asked)
        size = (max(1, round(wide * factor)), max(1, round(tall * factor)))
        resized = resize(planes, *size, scale_method)
    return type(input)(resized)


@node("ResizeImagesByLongerEdge", title="Resize images by longer edge")
def resize_images_by_longer_edge(
    images: Image, longer_edge: Edge = 1024
) -> Annotated[Image, SAME_KIND]:
    """Resize pictures so that their longer side has a length; proportions stay.

    Args:
        images: The pictures.
        longer_edge: Length of the longer side.

    Returns:
        The resized pictures.
    """
    return _by_edge(images, longer_edge / max(images.pixels.shape[-2:]))


@node("ResizeImagesByShorterEdge", title="Resize images by shorter edge")
def resize_images_by_shorter_edge(
    images: Image, shorter_edge: Edge = 512
) -> Annotated[Image, SAME_KIND]:
    """Resize pictures so that their shorter side has a length; proportions stay.

    Args:
        images: The pictures.
        shorter_edge: Length of the shorter side.

    Returns:
        The resized pictures.
    """
    return _by_edge(images, shorter_edge / min(images.pixels.shape[-2:]))


def _by_edge(image: Image, factor: float) -> Image:
    height, width = (max(1, round(side * factor)) for side in image.pixels.shape[-2:])
    return Image(resize(image.pixels, width, height, "lanczos"))
