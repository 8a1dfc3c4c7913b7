"""Arithmetic: add, mix and change latents."""

from dataclasses import replace
from typing import Annotated

from nodes.api import Choice, Range, Shape, node
from nodes.diffusion import latents
from nodes.diffusion.conditions import fit_mask
from nodes.diffusion.latent_operations import operated
from nodes.errors import NodeError
from nodes.imaging.composite import composite
from nodes.types import Latent, LatentOperation, Mask

GROUP = "latent"

Share = Annotated[float, Range(0, 1, step=0.01)]
Offset = Annotated[int, Range(0, 16_384, step=8)]
SAME = Shape.like("samples")
AS_FIRST = Shape.like("samples1")


@node("LatentAdd", title="Add latents")
def latent_add(samples1: Latent, samples2: Latent) -> Annotated[Latent, AS_FIRST]:
    """Add latents.

    Args:
        samples1: The first latents.
        samples2: What is added, fitted to them.
    """
    other = latents.like(samples1, samples2)
    return replace(samples1, samples=samples1.samples + other)


@node("LatentSubtract", title="Subtract latents")
def latent_subtract(samples1: Latent, samples2: Latent) -> Annotated[Latent, AS_FIRST]:
    """Subtract latents.

    Args:
        samples1: The latents to subtract from.
        samples2: What is subtracted, fitted to them.
    """
    other = latents.like(samples1, samples2)
    return replace(samples1, samples=samples1.samples - other)


@node("LatentMultiply", title="Multiply latent")
def latent_multiply(
    samples: Latent, multiplier: Annotated[float, Range(-10, 10, step=0.01)] = 1.0
) -> Annotated[Latent, SAME]:
    """Multiply a latent by a number.

    Args:
        samples: The latent.
        multiplier: The number.
    """
    return replace(samples, samples=samples.samples * multiplier)


@node("LatentInterpolate", title="Interpolate latents", aliases=("mix", "morph"))
def latent_interpolate(
    samples1: Latent, samples2: Latent, ratio: Share = 1.0
) -> Annotated[Latent, AS_FIRST]:
    """Go from one latent towards another, with directions and lengths each by themselves.

    Args:
        samples1: The first latents.
        samples2: The others, fitted to them.
        ratio: The share of the first.
    """
    other = latents.like(samples1, samples2)
    made = latents.interpolated(samples1.samples, other, ratio)
    return replace(samples1, samples=made)


@node("LatentBlend", title="Blend latents", aliases=("mix",))
def latent_blend(
    samples1: Latent, samples2: Latent, blend_factor: Share = 0.5
) -> Annotated[Latent, AS_FIRST]:
    """Mix latents value by value.

    Args:
        samples1: The first latents.
        samples2: The others, fitted to them.
        blend_factor: The share of the first.
    """
    other = latents.like(samples1, samples2, "bicubic")
    made = other.lerp(samples1.samples, blend_factor)
    return replace(samples1, samples=made)


@node("LatentCompositeMasked", title="Composite latents (masked)", aliases=("paste",))
def latent_composite_masked(
    destination: Latent,
    source: Latent,
    x: Offset = 0,
    y: Offset = 0,
    resize_source: bool = False,
    mask: Mask | None = None,
) -> Annotated[
    Latent,
    Shape.like("destination"),
]:
    """Lay latents on others where a mask is white.

    Args:
        destination: The latents below.
        source: The latents above; what reaches beyond is cut off.
        x: Where their left edge lies, in pixels.
        y: Where their top edge lies, in pixels.
        resize_source: Stretch the upper ones to the size of the lower ones.
        mask: Where the upper ones show, stretched to them; everywhere if it is not given.
    """
    below, above = destination.samples, latents.in_space_of(destination, source)
    if resize_source:
        height, width = below.shape[-2:]
        above = latents.resize(above, height, width, "bilinear")
    cell = latents.cell(destination)
    place = (x // cell, y // cell)
    made = composite(below, above, *place, None if mask is None else mask.values)
    return replace(destination, samples=made)


@node("LatentCut", title="Cut latent")
def latent_cut(
    samples: Latent,
    dim: Annotated[str, Choice(("x", "y", "t"))] = "x",
    index: Annotated[int, Range(-16_384, 16_384, step=1)] = 0,
    amount: Annotated[int, Range(1, 16_384, step=1)] = 1,
) -> Annotated[Latent, Shape(batch="samples.batch", channels="samples.channels")]:
    """Take some columns or rows of a latent.

    Args:
        samples: The latent.
        dim: Columns (x) or rows (y); frames (t) only of latents that have some.
        index: The first one, in cells of the latent; less than 0 counts from the end.
        amount: How many, as far as there are any.
    """
    axis = {"x": -1, "y": -2}.get(dim)
    if axis is None:
        raise NodeError(
            "This latent is of pictures, which have no frames.", "Cut along x or y.", "latent.time"
        )
    mask = samples.mask
    if mask is not None:
        size = samples.samples.shape
        fitted = fit_mask(mask.values, size[2], size[3], size[0])
        mask = Mask(latents.cut(fitted, axis, index, amount))
    made = latents.cut(samples.samples, axis, index, amount)
    return replace(samples, samples=made, mask=mask)


@node("LatentApplyOperation", title="Apply latent operation")
def latent_apply_operation(samples: Latent, operation: LatentOperation) -> Annotated[Latent, SAME]:
    """Change a latent by an operation.

    Args:
        samples: The latent.
        operation: The change.
    """
    made = operated(operation, samples.samples)
    return replace(samples, samples=made)


@node("LatentOperationTonemapReinhard", title="Latent operation: tone map")
def latent_operation_tonemap_reinhard(
    multiplier: Annotated[float, Range(0, 100, step=0.01)] = 1.0,
) -> LatentOperation:
    """Press strong values together, which tames pictures that burn at strong guidance.

    Args:
        multiplier: On the level that no value exceeds; less is tamer.

    References:
        Reinhard et al. 2002, Photographic Tone Reproduction for Digital Images.
    """
    return LatentOperation("reinhard", {"multiplier": multiplier})


@node("LatentOperationSharpen", title="Latent operation: sharpen")
def latent_operation_sharpen(
    sharpen_radius: Annotated[int, Range(1, 31, step=1)] = 9,
    sigma: Annotated[float, Range(0.1, 10, step=0.1)] = 1.0,
    alpha: Annotated[float, Range(0, 5, step=0.01)] = 0.1,
) -> LatentOperation:
    """Sharpen which way values point, and keep how strong they are.

    Args:
        sharpen_radius: How many cells the blur reaches that is taken away.
        sigma: Its width as a share of the radius.
        alpha: How much is added of what it takes away, in tens.
    """
    options = {"radius": sharpen_radius, "sigma": sigma, "amount": 10 * alpha}
    return LatentOperation("sharpen", options)
