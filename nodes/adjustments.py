"""Adjustments: the tones and colours of pictures."""

from typing import Annotated

import torch

from nodes.api import Choice, Range, Shape, node
from nodes.imaging.batches import as_many
from nodes.imaging.colour_transfer import TRANSFERS, transferred
from nodes.types import Image

GROUP = "image"

Factor = Annotated[float, Range(0, 2, step=0.01)]
LIKE = Shape.like("images")


@node("AdjustBrightness", title="Adjust brightness", aliases=("exposure", "darken"))
def adjust_brightness(images: Image, factor: Factor = 1.0) -> Annotated[Image, LIKE]:
    """Make pictures brighter or darker.

    Args:
        images: The pictures; alpha stays.
        factor: On every colour; 1 changes nothing.

    Returns:
        The changed pictures.
    """
    return _toned(images, factor, 0.0)


@node("AdjustContrast", title="Adjust contrast")
def adjust_contrast(images: Image, factor: Factor = 1.0) -> Annotated[Image, LIKE]:
    """Bring colours farther from grey, or nearer.

    Args:
        images: The pictures; alpha stays.
        factor: On the distance of every colour from a middle grey; 1 changes nothing.

    Returns:
        The changed pictures.
    """
    return _toned(images, factor, 0.5 - 0.5 * factor)


@node("NormalizeImages", title="Normalize image colors", aliases=("mean", "standard deviation"))
def normalize_images(
    images: Image,
    mean: Annotated[float, Range(0, 1, step=0.01)] = 0.5,
    std: Annotated[float, Range(0.001, 1, step=0.001)] = 0.5,
) -> Annotated[Image, LIKE]:
    """Count colours from a mean, in deviations; what is below the mean becomes black.

    Args:
        images: The pictures; alpha stays.
        mean: What becomes 0.
        std: How far above it 1 is.

    Returns:
        The changed pictures.
    """
    return _toned(images, 1 / std, -mean / std)


@node("ColorTransfer", title="Transfer color", aliases=("match colours", "grade", "histogram"))
def color_transfer(
    image_target: Image,
    image_ref: Image,
    method: Annotated[str, Choice(tuple(TRANSFERS))] = "reinhard_lab",
    source_stats: Annotated[str, Choice(("per_frame", "uniform", "target_frame"))] = "per_frame",
    target_index: Annotated[int, Range(0, 10_000)] = 0,
    strength: Annotated[float, Range(0, 10, step=0.01)] = 1.0,
) -> Annotated[Image, Shape.like("image_target")]:
    """Give pictures the colours of another.

    Args:
        image_target: The pictures; alpha stays.
        image_ref: Whose colours they get; of several the first is for the first, and so on.
        method: What is made alike: mean and spread of brightness and colour, those with how they go
            together, or how often each value occurs.
        source_stats: What is compared: each picture by itself, all of them as one, or one of them
            for all, which keeps how they differ.
        target_index: Which one, counted from 0; beyond the last, the last.
        strength: How far they go; 0 changes nothing.

    Returns:
        image: The changed pictures.

    References:
        Reinhard et al. 2001, Color Transfer between Images; Pitié and Kokaram 2007, The Linear
        Monge-Kantorovitch Linear Colour Mapping for Example-Based Colour Transfer.
    """
    pixels = image_target.pixels[:, :3]
    if source_stats == "per_frame":
        seen = pixels
    elif source_stats == "uniform":
        seen = pixels.transpose(0, 1).flatten(1, 2).unsqueeze(0)
    else:
        seen = pixels[min(target_index, len(pixels) - 1)].unsqueeze(0)
    like = as_many(image_ref.pixels[:, :3], len(pixels))
    made = transferred(pixels, seen, like, method, strength)
    return Image(torch.cat([made, image_target.pixels[:, 3:]], dim=1))


def _toned(image: Image, factor: float, offset: float) -> Image:
    colours = (image.pixels[:, :3] * factor + offset).clamp(0, 1)
    return Image(torch.cat([colours, image.pixels[:, 3:]], dim=1))
