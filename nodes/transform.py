"""Transform: turn, mirror and fit pictures, and put them side by side."""

import math
from typing import Annotated

import torch
from torch import Tensor

from nodes.api import Choice, Range, Shape, node
from nodes.imaging.composite import with_channels
from nodes.imaging.resize import MEGAPIXEL, METHODS, resize
from nodes.types import Image

GROUP = "image"

Side = Annotated[int, Range(1, 16_384, step=1)]
Method = Annotated[str, Choice(METHODS)]
Turn = Annotated[str, Choice(("none", "90 degrees", "180 degrees", "270 degrees"))]
COLOURS = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}
SAME_KIND = Shape(batch="image.batch", channels="image.channels")
OF_IMAGE = Shape.like("image")


@node("ImageScaleToTotalPixels", title="Scale image to total pixels", aliases=("megapixels",))
def image_scale_to_total_pixels(
    image: Image,
    upscale_method: Method = "nearest-exact",
    megapixels: Annotated[float, Range(0.01, 16, step=0.01)] = 1.0,
    resolution_steps: Annotated[int, Range(1, 256)] = 1,
) -> Annotated[Image, SAME_KIND]:
    """Scale pictures to a number of pixels; proportions stay.

    Args:
        image: The pictures.
        upscale_method: How pixels are computed; area and lanczos are the ones to shrink with.
        megapixels: How many pixels in all, 1 being those of 1024 × 1024.
        resolution_steps: Both sides become the nearest multiples of it.

    Returns:
        The scaled pictures.
    """
    height, width = image.pixels.shape[-2:]
    factor = math.sqrt(megapixels * MEGAPIXEL / (width * height))
    unit = resolution_steps
    wide, tall = (max(1, round(side * factor / unit)) * unit for side in (width, height))
    return Image(resize(image.pixels, wide, tall, upscale_method))


@node("ImageScaleToMaxDimension", title="Scale image to longest side")
def image_scale_to_max_dimension(
    image: Image,
    upscale_method: Annotated[
        str, Choice(("area", "lanczos", "bilinear", "nearest-exact", "bicubic"))
    ] = "area",
    largest_size: Annotated[int, Range(0, 16_384, step=1)] = 512,
) -> Annotated[Image, SAME_KIND]:
    """Scale pictures so that their longer side has a length; proportions stay.

    Args:
        image: The pictures.
        upscale_method: How pixels are computed; area and lanczos are the ones to shrink with.
        largest_size: Length of the longer side; 0 leaves the pictures as they are.

    Returns:
        The scaled pictures.
    """
    if largest_size == 0:
        return image
    height, width = image.pixels.shape[-2:]
    longer = max(height, width)
    height, width = (max(1, round(side * largest_size / longer)) for side in (height, width))
    return Image(resize(image.pixels, width, height, upscale_method))


@node("ResizeAndPadImage", title="Resize and pad image", aliases=("letterbox", "fit"))
def resize_and_pad_image(
    image: Image,
    target_width: Side = 512,
    target_height: Side = 512,
    padding_color: Annotated[str, Choice(("white", "black"))] = "white",
    interpolation: Annotated[
        str, Choice(("area", "bicubic", "nearest-exact", "bilinear", "lanczos"))
    ] = "area",
) -> Annotated[
    Image,
    Shape(
        batch="image.batch",
        channels="image.channels",
        height="target_height",
        width="target_width",
    ),
]:
    """Fit whole pictures into a size, with margins where their proportions are others.

    Args:
        image: The pictures.
        target_width: Width of the result.
        target_height: Height of the result.
        padding_color: Colour of the margins, which are opaque.
        interpolation: How pixels are computed; area and lanczos are the ones to shrink with.

    Returns:
        The pictures of that size.
    """
    batch, channels, height, width = image.pixels.shape
    factor = min(target_width / width, target_height / height)
    new_width, new_height = (max(1, int(side * factor + 1e-6)) for side in (width, height))
    fitted = resize(image.pixels, new_width, new_height, interpolation)
    made = _filled(padding_color, batch, channels, target_height, target_width)
    top, left = (target_height - new_height) // 2, (target_width - new_width) // 2
    made[..., top : top + new_height, left : left + new_width] = fitted
    return Image(made)


@node("ImageFlip", title="Flip image", aliases=("mirror",))
def image_flip(
    image: Image,
    flip_method: Annotated[
        str, Choice(("x-axis: vertically", "y-axis: horizontally"))
    ] = "x-axis: vertically",
) -> Annotated[Image, OF_IMAGE]:
    """Mirror pictures.

    Args:
        image: The pictures.
        flip_method: Which way.

    Returns:
        The mirrored pictures.
    """
    return Image(image.pixels.flip(2 if flip_method.startswith("x") else 3))


@node("ImageRotate", title="Rotate image")
def image_rotate(image: Image, rotation: Turn = "none") -> Annotated[Image, SAME_KIND]:
    """Turn pictures clockwise.

    Args:
        image: The pictures.
        rotation: How far.

    Returns:
        The turned pictures.
    """
    quarters = 0 if rotation == "none" else int(rotation.split()[0]) // 90
    return Image(torch.rot90(image.pixels, quarters, (3, 2)))


@node("ImageStitch", title="Stitch images", aliases=("side by side", "concatenate", "join"))
def image_stitch(
    image1: Image,
    direction: Annotated[str, Choice(("right", "down", "left", "up"))] = "right",
    match_image_size: bool = True,
    spacing_width: Annotated[int, Range(0, 1024, step=2)] = 0,
    spacing_color: Annotated[str, Choice(tuple(COLOURS))] = "white",
    image2: Image | None = None,
) -> Image:
    """Put pictures beside others.

    Args:
        image1: The first pictures.
        direction: On which side of the first the second ones stand.
        match_image_size: Scale the second ones to the length of that side, rather than fill up
            with black.
        spacing_width: Width of a strip between both, in pixels.
        spacing_color: Its colour.
        image2: The second pictures; without them the first stay as they are.

    Returns:
        Both in one; the last picture of a shorter batch is repeated.
    """
    if image2 is None:
        return image1
    across = direction in ("right", "left")
    first, second = image1.pixels, image2.pixels
    if match_image_size:
        second = _matched(first, second, across)
    channels = max(first.shape[1], second.shape[1])
    batch = max(len(first), len(second))
    longest = max(part.shape[2 if across else 3] for part in (first, second))
    parts = [
        _centred(_lengthened(with_channels(part, channels), batch), longest, across)
        for part in (first, second)
    ]
    if direction in ("left", "up"):
        parts.reverse()
    if spacing_width:
        size = (longest, spacing_width) if across else (spacing_width, longest)
        parts.insert(1, _filled(spacing_color, batch, channels, *size))
    return Image(torch.cat(parts, dim=3 if across else 2))


def _matched(first: Tensor, second: Tensor, across: bool) -> Tensor:
    height, width = second.shape[-2:]
    if across:
        rows = first.shape[2]
        return resize(second, max(1, int(rows * width / height)), rows, "lanczos")
    columns = first.shape[3]
    return resize(second, columns, max(1, int(columns * height / width)), "lanczos")


def _lengthened(pixels: Tensor, batch: int) -> Tensor:
    return torch.cat([pixels, pixels[-1:].repeat(batch - len(pixels), 1, 1, 1)])


def _centred(pixels: Tensor, length: int, across: bool) -> Tensor:
    """Fill up with black on both sides, across the direction, to a length."""
    missing = length - pixels.shape[2 if across else 3]
    before, after = missing // 2, missing - missing // 2
    sides = (0, 0, before, after) if across else (before, after, 0, 0)
    return torch.nn.functional.pad(pixels, sides)


def _filled(colour: str, batch: int, channels: int, height: int, width: int) -> Tensor:
    """Make pictures of one colour, opaque if they have an alpha channel."""
    values = torch.tensor((*COLOURS[colour], 1.0)[:channels]).reshape(1, -1, 1, 1)
    return values.repeat(batch, 1, height, width)
