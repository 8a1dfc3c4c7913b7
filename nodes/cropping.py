"""Cropping: parts of pictures, by boxes, in the middle or anywhere."""

from typing import Annotated

import numpy

from nodes.api import Range, Seed, Shape, node
from nodes.types import BoundingBox, Image

GROUP = "image"

Side = Annotated[int, Range(1, 8192)]
Length = Annotated[int, Range(1, 16_384)]
Place = Annotated[int, Range(0, 16_384)]
SAME_KIND = Shape(batch="image.batch", channels="image.channels")
CUT = Shape(
    batch="images.batch",
    channels="images.channels",
    height=("min", "height", "images.height"),
    width=("min", "width", "images.width"),
)


@node("PrimitiveBoundingBox", title="Bounding box", aliases=("rectangle", "region"))
def primitive_bounding_box(
    x: Place = 0, y: Place = 0, width: Length = 512, height: Length = 512
) -> BoundingBox:
    """Give a rectangle to several nodes at once.

    Args:
        x: Its left side, in pixels.
        y: Its top, in pixels.
        width: Its width, in pixels.
        height: Its height, in pixels.
    """
    return BoundingBox(x, y, width, height)


@node("ImageCropV2", title="Crop image to box", aliases=("cut", "region"))
def image_crop_v2(
    image: Image,
    x: Place = 0,
    y: Place = 0,
    width: Length = 512,
    height: Length = 512,
    crop_region: BoundingBox | None = None,
) -> Annotated[Image, SAME_KIND]:
    """Cut a rectangle out of pictures, which may come by a wire.

    Args:
        image: The pictures; what of the rectangle lies outside of them is left off.
        x: Its left side.
        y: Its top.
        width: Width of the rectangle.
        height: Height of the rectangle.
        crop_region: The rectangle, instead of these numbers.

    Returns:
        The rectangle.
    """
    box = crop_region or BoundingBox(x, y, width, height)
    tall, wide = image.pixels.shape[-2:]
    return _cut(image, min(box.x, wide - 1), min(box.y, tall - 1), box.width, box.height)


@node("CenterCropImages", title="Crop image (center)")
def center_crop_images(
    images: Image, width: Side = 512, height: Side = 512
) -> Annotated[Image, CUT]:
    """Cut the middle out of pictures.

    Args:
        images: The pictures.
        width: Width of what is left, as far as there is so much.
        height: Height of what is left, likewise.

    Returns:
        The middle.
    """
    tall, wide = images.pixels.shape[-2:]
    return _cut(images, max(wide - width, 0) // 2, max(tall - height, 0) // 2, width, height)


@node("RandomCropImages", title="Crop image (random)")
def random_crop_images(
    images: Image,
    width: Side = 512,
    height: Side = 512,
    seed: Annotated[int, Seed()] = 0,
) -> Annotated[Image, CUT]:
    """Cut a part out of pictures at a place that chance gives.

    Args:
        images: The pictures; all of a batch are cut at the same place.
        width: Width of what is left, as far as there is so much.
        height: Height of what is left, likewise.
        seed: Another one is another place.

    Returns:
        The part.
    """
    tall, wide = images.pixels.shape[-2:]
    # The generator that gives the same places as elsewhere in the field.
    chance = numpy.random.RandomState(seed % 2**32)
    left = int(chance.randint(0, max(wide - width, 0) + 1))
    top = int(chance.randint(0, max(tall - height, 0) + 1))
    return _cut(images, left, top, width, height)


def _cut(image: Image, x: int, y: int, width: int, height: int) -> Image:
    return Image(image.pixels[..., y : y + height, x : x + width])
