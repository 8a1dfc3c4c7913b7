"""Masks: load, make, combine; white is what will be painted."""

from typing import Annotated

import torch

from nodes.api import QUIET, Choice, Colour, Context, File, Range, Shape, node
from nodes.errors import NodeError
from nodes.imaging.batches import as_many
from nodes.imaging.masks import OPERATIONS, combine, feather, grow
from nodes.imaging.picture_files import read_picture
from nodes.types import Image, Mask

CHANNELS = ("red", "green", "blue", "alpha")

Side = Annotated[int, Range(1, 16384, step=1)]
Place = Annotated[int, Range(0, 16384, step=1)]
Fraction = Annotated[float, Range(0.0, 1.0, step=0.01)]
OF_MASK = Shape.like("mask", channels=1)


@node("LoadImageMask", title="Load image (as mask)", io=True)
def load_image_mask(
    image: Annotated[str, File("input", upload=True)],
    channel: Annotated[str, Choice(("alpha", "red", "green", "blue"))] = "alpha",
    *,
    ctx: Context = QUIET,
) -> Mask:
    """Load one channel of a picture as a mask.

    Args:
        image: A file in the input folder.
        channel: The channel; of alpha, what is transparent is masked.

    Returns:
        The mask.
    """
    pixels, alpha = read_picture(ctx.files.path("input", image))
    if channel == "alpha":
        return Mask(1 - alpha)
    index = CHANNELS.index(channel)
    return Mask(pixels[:, index : index + 1])


@node("SolidMask", title="Solid mask")
def solid_mask(
    value: Fraction = 1.0, width: Side = 512, height: Side = 512
) -> Annotated[Mask, Shape(batch=1, channels=1, height="height", width="width")]:
    """Make a mask of one value.

    Args:
        value: The value; 1 is masked.
        width: Width in pixels.
        height: Height in pixels.

    Returns:
        The mask.
    """
    return Mask(torch.full((1, 1, height, width), value))


@node("InvertMask", title="Invert mask")
def invert_mask(mask: Mask) -> Annotated[Mask, OF_MASK]:
    """Mask what was not masked, and the other way round.

    Args:
        mask: The mask.

    Returns:
        Its opposite.
    """
    return Mask(1 - mask.values)


@node("CropMask", title="Crop mask")
def crop_mask(
    mask: Mask, x: Place = 0, y: Place = 0, width: Side = 512, height: Side = 512
) -> Annotated[
    Mask,
    Shape(
        batch="mask.batch",
        channels=1,
        height=("min", "height", ("max", 1, ("-", "mask.height", "y"))),
        width=("min", "width", ("max", 1, ("-", "mask.width", "x"))),
    ),
]:
    """Cut a rectangle out of a mask; what lies outside of it is left off.

    Args:
        mask: The mask.
        x: Left side of the rectangle.
        y: Its top.
        width: Its width.
        height: Its height.

    Returns:
        The rectangle.
    """
    left, top = min(x, mask.values.shape[-1] - 1), min(y, mask.values.shape[-2] - 1)
    return Mask(mask.values[..., top : top + height, left : left + width])


@node("GrowMask", title="Grow mask", aliases=("dilate", "erode", "shrink"))
def grow_mask(
    mask: Mask,
    expand: Annotated[int, Range(-16384, 16384, step=1)] = 0,
    tapered_corners: bool = True,
) -> Annotated[Mask, OF_MASK]:
    """Make the masked part larger, or smaller.

    Args:
        mask: The mask.
        expand: By how many pixels; less than 0 shrinks.
        tapered_corners: Grow to diamonds rather than squares.

    Returns:
        The grown mask.
    """
    return Mask(grow(mask.values, expand, tapered_corners))


@node("FeatherMask", title="Feather mask")
def feather_mask(
    mask: Mask, left: Place = 0, top: Place = 0, right: Place = 0, bottom: Place = 0
) -> Annotated[Mask, OF_MASK]:
    """Fade a mask out towards its sides.

    Args:
        mask: The mask.
        left: Over how many pixels on the left.
        top: Over how many pixels at the top.
        right: Over how many pixels on the right.
        bottom: Over how many pixels at the bottom.

    Returns:
        The feathered mask.
    """
    return Mask(feather(mask.values, left, top, right, bottom))


@node("MaskToImage", title="Convert mask to image")
def mask_to_image(
    mask: Mask,
) -> Annotated[Image, Shape.like("mask", channels=3)]:
    """Show a mask as a grey picture.

    Args:
        mask: The mask.

    Returns:
        The picture; what is masked is white.
    """
    return Image(mask.values.repeat(1, 3, 1, 1))


@node("ImageToMask", title="Convert image to mask")
def image_to_mask(
    image: Image, channel: Annotated[str, Choice(CHANNELS)] = "red"
) -> Annotated[Mask, Shape.like("image", channels=1)]:
    """Take one channel of a picture as a mask.

    Args:
        image: The picture.
        channel: The channel; where it is full, the mask is white.

    Returns:
        The mask.
    """
    index = CHANNELS.index(channel)
    if index >= image.pixels.shape[1]:
        raise NodeError(
            "This image has no alpha channel.",
            "The mask output of LoadImage has the transparency of a file.",
            "image.alpha",
        )
    return Mask(image.pixels[:, index : index + 1])


@node("ImageColorToMask", title="Convert colour to mask", aliases=("colour key",))
def image_color_to_mask(
    image: Image, color: Annotated[int, Colour()] = 0
) -> Annotated[Mask, Shape.like("image", channels=1)]:
    """Mask the pixels of one colour.

    Args:
        image: The picture.
        color: The colour as a number, red * 65536 + green * 256 + blue.

    Returns:
        The mask, white where the colour is exactly that one.
    """
    values = (image.pixels[:, :3].clamp(0, 1) * 255).round().to(torch.int64)
    red, green, blue = values.unbind(dim=1)
    found = red * 65_536 + green * 256 + blue == color
    return Mask(found.float().unsqueeze(1))


@node("MaskComposite", title="Composite masks")
def mask_composite(
    destination: Mask,
    source: Mask,
    x: Place = 0,
    y: Place = 0,
    operation: Annotated[str, Choice(OPERATIONS)] = "multiply",
) -> Annotated[
    Mask,
    Shape.like("destination", channels=1),
]:
    """Combine a mask with another that is laid on it.

    Args:
        destination: The mask below.
        source: The mask above.
        x: Left side of the upper one.
        y: Top of the upper one.
        operation: How values combine; and, or and xor take them as 0 or 1.

    Returns:
        The combined mask.
    """
    above = as_many(source.values, len(destination.values))
    return Mask(combine(destination.values, above, x, y, operation))


@node("ThresholdMask", title="Threshold mask")
def threshold_mask(mask: Mask, value: Fraction = 0.5) -> Annotated[Mask, OF_MASK]:
    """Make a mask all black and white.

    Args:
        mask: The mask.
        value: What is more than this becomes white.

    Returns:
        The mask of zeros and ones.
    """
    return Mask((mask.values > value).float())
