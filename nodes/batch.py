"""Batch: repeat, pick and regroup what is computed together."""

from typing import Annotated

import torch

from nodes.api import All, Each, Range, Shape, node
from nodes.diffusion.latents import rebatched
from nodes.imaging.composite import with_channels
from nodes.imaging.resize import resize
from nodes.types import Image, Latent, Mask

GROUP = "image"

Count = Annotated[int, Range(1, 4096)]


@node("ImageFromBatch", title="Image from batch", aliases=("frame", "pick"))
def image_from_batch(
    image: Image, batch_index: Annotated[int, Range(-16_384, 16_384)] = 0, length: Count = 1
) -> Annotated[Image, Shape(channels="image.channels", height="image.height", width="image.width")]:
    """Take some pictures out of a batch.

    Args:
        image: The batch.
        batch_index: The first one taken, from 0; beyond the last, the last. -1 is the last, -2 the
            one before it.
        length: How many are taken, as far as there are any.

    Returns:
        Those pictures.
    """
    count = len(image.pixels)
    first = min(batch_index if batch_index >= 0 else max(batch_index + count, 0), count - 1)
    return Image(image.pixels[first : first + length])


@node("RepeatImageBatch", title="Repeat image batch")
def repeat_image_batch(
    image: Image, amount: Count = 1
) -> Annotated[
    Image,
    Shape.like("image", batch=("*", "image.batch", "amount")),
]:
    """Repeat a batch of pictures.

    Args:
        image: The batch.
        amount: How many times it stands in the result.

    Returns:
        The longer batch.
    """
    return Image(image.pixels.repeat(amount, 1, 1, 1))


@node("BatchImagesNode", title="Batch images (any number)", aliases=("join", "collect"))
def batch_images(images: list[Image]) -> Image:
    """Put any number of pictures together into one batch.

    Args:
        images: What follows the first is scaled and cut to its size.

    Returns:
        image: All of them, in the order of the wires.
    """
    first = images[0].pixels
    height, width = first.shape[-2:]
    channels = max(image.pixels.shape[1] for image in images)
    fitted = [resize(image.pixels, width, height, "bilinear", "center") for image in images]
    return Image(torch.cat([with_channels(each, channels) for each in fitted]))


@node("BatchMasksNode", title="Batch masks (any number)", aliases=("join", "collect"))
def batch_masks(masks: list[Mask]) -> Mask:
    """Put any number of masks together into one batch.

    Args:
        masks: What follows the first is scaled to its size.

    Returns:
        mask: All of them, in the order of the wires.
    """
    height, width = masks[0].values.shape[-2:]
    return Mask(torch.cat([resize(mask.values, width, height, "bilinear") for mask in masks]))


@node("RebatchImages", title="Rebatch images", aliases=("split", "list", "for each"))
def rebatch_images(images: All[Image], batch_size: Count = 1) -> Each[Image]:
    """Regroup pictures: what takes them runs once for each batch.

    Args:
        images: The pictures, in one batch or several.
        batch_size: How many are in a batch; the last, and the last before another size, may have
            fewer.

    Returns:
        image: The batches.
    """
    made: list[Image] = []
    waiting: list[torch.Tensor] = []
    for picture in (picture for image in images for picture in image.pixels):
        if waiting and (len(waiting) == batch_size or picture.shape != waiting[0].shape):
            made.append(Image(torch.stack(waiting)))
            waiting = []
        waiting.append(picture)
    return [*made, Image(torch.stack(waiting))] if waiting else made


@node("RebatchLatents", title="Rebatch latents", aliases=("split", "list", "for each"))
def rebatch_latents(latents: All[Latent], batch_size: Count = 1) -> Each[Latent]:
    """Regroup latents: what takes them runs once for each batch; each keeps its own noise.

    Args:
        latents: The latents, in one batch or several.
        batch_size: How many are in a batch; the last, and the last before another size, may have
            fewer.

    Returns:
        latent: The batches.
    """
    return rebatched(list(latents), batch_size)
