"""Compositing: lay pictures on pictures, and what is transparent."""

from typing import Annotated, NamedTuple

import torch

from nodes.api import Choice, Range, Shape, node
from nodes.errors import NodeError
from nodes.imaging.batches import as_many
from nodes.imaging.blend import PORTER_DUFF, porter_duff
from nodes.imaging.composite import composite
from nodes.imaging.resize import resize
from nodes.types import Image, Mask

GROUP = "image"

Place = Annotated[int, Range(0, 16384, step=1)]


class ColoursAndMask(NamedTuple):
    """Pictures without alpha, and what of them is transparent."""

    image: Image
    mask: Mask


class Composed(NamedTuple):
    """Pictures that were laid on one another, and what of them is transparent."""

    image: Annotated[
        Image,
        Shape.like("source", channels=3),
    ]
    mask: Annotated[
        Mask,
        Shape.like("source", channels=1),
    ]


@node("ImageCompositeMasked", title="Composite images (masked)", aliases=("paste", "overlay"))
def image_composite_masked(
    destination: Image,
    source: Image,
    x: Place = 0,
    y: Place = 0,
    resize_source: bool = False,
    mask: Mask | None = None,
) -> Annotated[
    Image,
    Shape.like("destination"),
]:
    """Lay pictures on others.

    Args:
        destination: The pictures below.
        source: The pictures above; repeated if there are fewer of them.
        x: Left side of the upper ones.
        y: Top of the upper ones.
        resize_source: Stretch the upper ones to the size of the lower ones.
        mask: Where the upper ones show; everywhere if it is not given.

    Returns:
        The lower pictures with the upper ones on them.
    """
    below, above = destination.pixels, source.pixels
    if resize_source:
        above = resize(above, below.shape[-1], below.shape[-2], "bilinear")
    return Image(composite(below, above, x, y, None if mask is None else mask.values))


@node("JoinImageWithAlpha", title="Join image with alpha")
def join_image_with_alpha(
    image: Image, alpha: Mask
) -> Annotated[
    Image,
    Shape.like("image", channels=4),
]:
    """Make what is masked transparent.

    Args:
        image: The pictures.
        alpha: What becomes transparent; it is stretched to the pictures.

    Returns:
        The pictures with an alpha channel.
    """
    pixels = image.pixels
    mask = resize(alpha.values, pixels.shape[-1], pixels.shape[-2], "bilinear")
    return Image(torch.cat([pixels[:, :3], 1 - as_many(mask, len(pixels))], dim=1))


@node("SplitImageWithAlpha", title="Split image with alpha")
def split_image_with_alpha(image: Image) -> ColoursAndMask:
    """Take colours and transparency apart.

    Args:
        image: Pictures with an alpha channel.

    Returns:
        image: Their colours.
        mask: What is transparent.
    """
    if image.pixels.shape[1] < 4:
        raise NodeError(
            "This image has no alpha channel.",
            "The mask output of LoadImage has the transparency of a file.",
            "image.alpha",
        )
    return ColoursAndMask(Image(image.pixels[:, :3]), Mask(1 - image.pixels[:, 3:]))


@node("PorterDuffImageComposite", title="Porter-Duff image composite")
def porter_duff_image_composite(
    source: Image,
    source_alpha: Mask,
    destination: Image,
    destination_alpha: Mask,
    mode: Annotated[str, Choice(PORTER_DUFF)] = "DST",
) -> Composed:
    """Lay transparent pictures on one another, by one of the classical rules.

    Args:
        source: The pictures above; an alpha channel is left off.
        source_alpha: What of them is transparent.
        destination: The pictures below; they are scaled and cut to the size of the others.
        destination_alpha: What of them is transparent.
        mode: What stays of each, and how colours combine where both are.

    Returns:
        image: The colours that come out.
        mask: What is transparent.

    References:
        Porter and Duff 1984, Compositing Digital Images.
    """
    above = source.pixels[:, :3]
    batch, _, height, width = above.shape
    below = resize(destination.pixels[:, :3], width, height, "bicubic", "center")
    alphas = (
        1 - as_many(resize(mask.values, width, height, "bilinear", crop), batch)
        for mask, crop in ((source_alpha, "disabled"), (destination_alpha, "center"))
    )
    over, under = alphas
    colours, opacity = porter_duff(above, over, as_many(below, batch), under, mode)
    return Composed(Image(colours), Mask(1 - opacity))
