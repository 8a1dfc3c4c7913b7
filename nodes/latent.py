"""Latents: make, mask, resize, arrange."""

from dataclasses import replace
from typing import Annotated

from nodes.api import Choice, Range, Shape, node
from nodes.diffusion import latents
from nodes.types import Latent, Mask

Side = Annotated[int, Range(16, 16_384, step=8)]
Offset = Annotated[int, Range(0, 16_384, step=8)]
Method = Annotated[str, Choice(latents.METHODS)]
SAME = Shape.like("samples")


@node("EmptyLatentImage", title="Empty latent image", aliases=("new", "size"))
def empty_latent_image(
    width: Side = 512,
    height: Side = 512,
    batch_size: Annotated[int, Range(1, 4096)] = 1,
) -> Annotated[
    Latent,
    Shape(batch="batch_size", channels=4, height=("//", "height", 8), width=("//", "width", 8)),
]:
    """Make a latent of nothing, to draw a new picture on.

    Args:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        batch_size: How many pictures are drawn at once.
    """
    return latents.empty(width, height, batch_size)


@node("EmptySD3LatentImage", title="Empty latent image (16 channels)")
def empty_sd3_latent_image(
    width: Annotated[int, Range(16, 16_384, step=16)] = 1024,
    height: Annotated[int, Range(16, 16_384, step=16)] = 1024,
    batch_size: Annotated[int, Range(1, 4096)] = 1,
) -> Annotated[
    Latent,
    Shape(batch="batch_size", channels=16, height=("//", "height", 8), width=("//", "width", 8)),
]:
    """Make a latent of nothing for models of 16 latent channels.

    Args:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        batch_size: How many pictures are drawn at once.
    """
    return latents.empty(width, height, batch_size, channels=16)


@node("SetLatentNoiseMask", title="Set latent noise mask", aliases=("inpaint",))
def set_latent_noise_mask(samples: Latent, mask: Mask) -> Annotated[Latent, SAME]:
    """Sample only where the mask is white; the rest stays as it is.

    Args:
        samples: The latent to sample on.
        mask: White where to paint; it is fitted to the latent.
    """
    return replace(samples, mask=mask)


@node("LatentUpscale", title="Upscale latent")
def latent_upscale(
    samples: Latent,
    upscale_method: Method = "nearest-exact",
    width: Annotated[int, Range(0, 16_384, step=8)] = 512,
    height: Annotated[int, Range(0, 16_384, step=8)] = 512,
    crop: Annotated[str, Choice(("disabled", "center"))] = "disabled",
) -> Annotated[Latent, Shape(batch="samples.batch", channels="samples.channels")]:
    """Resize a latent to the size of a picture.

    Args:
        samples: The latent to resize.
        upscale_method: How values between the cells are found.
        width: Of the picture, in pixels; 0 keeps the proportions.
        height: Of the picture, in pixels; 0 keeps the proportions.
        crop: Whether what does not fit the new proportions is cut off.
    """
    return latents.resized_to(samples, width, height, upscale_method, crop == "center")


@node("LatentUpscaleBy", title="Upscale latent by")
def latent_upscale_by(
    samples: Latent,
    upscale_method: Method = "nearest-exact",
    scale_by: Annotated[float, Range(0.01, 8, step=0.01)] = 1.5,
) -> Annotated[
    Latent,
    Shape(
        batch="samples.batch",
        channels="samples.channels",
        height=("round", ("*", "samples.height", "scale_by")),
        width=("round", ("*", "samples.width", "scale_by")),
    ),
]:
    """Resize a latent by a factor.

    Args:
        samples: The latent to resize.
        upscale_method: How values between the cells are found.
        scale_by: The factor on both sides.
    """
    return latents.resized_by(samples, scale_by, upscale_method)


@node("LatentComposite", title="Latent composite")
def latent_composite(
    samples_to: Latent,
    samples_from: Latent,
    x: Offset = 0,
    y: Offset = 0,
    feather: Offset = 0,
) -> Annotated[
    Latent,
    Shape.like("samples_to"),
]:
    """Lay one latent on another.

    Args:
        samples_to: The latent below.
        samples_from: The latent above; what reaches beyond is cut off.
        x: Where its left edge lies, in pixels.
        y: Where its top edge lies, in pixels.
        feather: Over how many pixels its inner edges fade in.
    """
    return latents.composite(samples_to, samples_from, x, y, feather)


@node("LatentFlip", title="Flip latent", aliases=("mirror",))
def latent_flip(
    samples: Latent,
    flip_method: Annotated[
        str, Choice(("x-axis: vertically", "y-axis: horizontally"))
    ] = "x-axis: vertically",
) -> Annotated[Latent, SAME]:
    """Mirror a latent.

    Args:
        samples: The latent to mirror.
        flip_method: Which way.
    """
    return latents.flipped(samples, vertically=flip_method.startswith("x"))


@node("LatentRotate", title="Rotate latent")
def latent_rotate(
    samples: Latent,
    rotation: Annotated[str, Choice(("none", "90 degrees", "180 degrees", "270 degrees"))] = "none",
) -> Annotated[Latent, Shape(batch="samples.batch", channels="samples.channels")]:
    """Turn a latent clockwise.

    Args:
        samples: The latent to turn.
        rotation: How far.
    """
    quarters = 0 if rotation == "none" else int(rotation.split()[0]) // 90
    return latents.rotated(samples, quarters)


@node("LatentCrop", title="Crop latent")
def latent_crop(
    samples: Latent,
    width: Annotated[int, Range(64, 16_384, step=8)] = 512,
    height: Annotated[int, Range(64, 16_384, step=8)] = 512,
    x: Offset = 0,
    y: Offset = 0,
) -> Annotated[Latent, Shape(batch="samples.batch", channels="samples.channels")]:
    """Cut a rectangle out of a latent; one that reaches beyond it is cut short.

    Args:
        samples: The latent to cut.
        width: Of the rectangle, in pixels.
        height: Of the rectangle, in pixels.
        x: Its left edge, in pixels.
        y: Its top edge, in pixels.
    """
    return latents.cropped(samples, width, height, x, y)
