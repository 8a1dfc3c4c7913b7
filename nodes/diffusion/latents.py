"""Geometry of latents, their masks included: nothing is changed in place."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm

from nodes.diffusion.conditions import fit_mask
from nodes.diffusion.latent_space import in_space
from nodes.errors import NodeError
from nodes.imaging.batches import as_many
from nodes.types import Latent, Mask

METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "bislerp")

# Sizes and places are given in pixels; most families have cells of 8 of them.
CELL = 8
# A picture is at least this many pixels a side.
LEAST = 64


def empty(width: int, height: int, batch: int, channels: int = 4) -> Latent:
    """Make zeros for pictures of a size in pixels."""
    return Latent(torch.zeros(batch, channels, height // CELL, width // CELL))


def cell(latent: Latent) -> int:
    """Give how many pixels a side a latent's cells are; those of most where its space says none."""
    return CELL if latent.space is None else latent.space.downscale


def resized_to(latent: Latent, width: int, height: int, method: str, crop: bool) -> Latent:
    """Resize to a picture's size; a side of 0 follows from the other, two change nothing."""
    rows, columns = latent.samples.shape[-2:]
    if width == 0 and height == 0:
        return latent
    if width == 0:
        height = max(LEAST, height)
        width = max(LEAST, round(columns * height / rows))
    elif height == 0:
        width = max(LEAST, width)
        height = max(LEAST, round(rows * width / columns))
    else:
        width, height = max(LEAST, width), max(LEAST, height)
    samples = _cut_to(latent.samples, width / height) if crop else latent.samples
    mask = latent.mask
    if crop and mask is not None:
        mask = Mask(_cut_to(fit_mask(mask.values, rows, columns, len(samples)), width / height))
    rows, columns = (max(1, side // cell(latent)) for side in (height, width))
    samples = resize(samples, rows, columns, method)
    return replace(latent, samples=samples, mask=mask)


def resized_by(latent: Latent, factor: float, method: str) -> Latent:
    """Resize by a factor."""
    rows, columns = (max(1, math.floor(s * factor + 0.5)) for s in latent.samples.shape[-2:])
    return replace(latent, samples=resize(latent.samples, rows, columns, method))


def resize(samples: Tensor, height: int, width: int, method: str) -> Tensor:
    """Resize (B, C, h, w) to (B, C, height, width) by one of METHODS."""
    if method != "bislerp":
        return nn.functional.interpolate(samples, (height, width), mode=method)
    return _slerp_along(_slerp_along(samples, width, 3), height, 2)


def composite(below: Latent, above: Latent, x: int, y: int, feather: int) -> Latent:
    """Lay one latent on another at a place in pixels, fading in at edges inside the picture."""
    base = below.samples
    size = cell(below)
    top, left = y // size, x // size
    room = max(base.shape[2] - top, 0), max(base.shape[3] - left, 0)
    patch = in_space_of(below, above)[..., : room[0], : room[1]]
    rows, columns = patch.shape[-2:]
    if rows == 0 or columns == 0:
        return below
    patch = as_many(patch, len(base))
    steps = feather // size
    down = _fade(rows, steps if top > 0 else 0, steps if top + rows < base.shape[2] else 0)
    across = _fade(
        columns, steps if left > 0 else 0, steps if left + columns < base.shape[3] else 0
    )
    weight = down[:, None] * across[None, :]
    samples = base.clone()
    under = base[..., top : top + rows, left : left + columns]
    samples[..., top : top + rows, left : left + columns] = under + weight * (patch - under)
    return replace(below, samples=samples)


def flipped(latent: Latent, vertically: bool) -> Latent:
    """Mirror, top to bottom or left to right."""
    return _mapped(latent, lambda tensor: tensor.flip(2 if vertically else 3))


def rotated(latent: Latent, quarters: int) -> Latent:
    """Turn clockwise by quarters."""
    return _mapped(latent, lambda tensor: torch.rot90(tensor, quarters, (3, 2)))


def cropped(latent: Latent, width: int, height: int, x: int, y: int) -> Latent:
    """Cut out a rectangle given in pixels, as far as it lies in the latent."""
    rows, columns = latent.samples.shape[-2:]
    size = cell(latent)
    top, left = min(y // size, rows - 1), min(x // size, columns - 1)
    tall, wide = (max(1, side // size) for side in (height, width))
    down, across = slice(top, top + tall), slice(left, left + wide)
    mask = latent.mask
    if mask is not None:
        mask = Mask(fit_mask(mask.values, rows, columns, len(latent.samples))[..., down, across])
    return replace(latent, samples=latent.samples[..., down, across].clone(), mask=mask)


def repeated(latent: Latent, amount: int) -> Latent:
    """Repeat a batch, with new places for the noise of the copies."""
    samples, mask, places = latent.samples, latent.mask, latent.batch_index
    if mask is not None and len(mask.values) > 1:
        mask = Mask(as_many(mask.values, len(samples)).repeat(amount, 1, 1, 1))
    if places is not None:
        span = max(places) - min(places) + 1
        places = tuple(place + copy * span for copy in range(amount) for place in places)
    samples = samples.repeat(amount, 1, 1, 1)
    return replace(latent, samples=samples, mask=mask, batch_index=places)


def _places(latent: Latent) -> tuple[int, ...]:
    return latent.batch_index or tuple(range(len(latent.samples)))


def joined(first: Latent, second: Latent) -> Latent:
    """Put one batch behind another, fitted to the size of the first; all keep their places."""
    one, two = first.samples, in_space_of(first, second)
    rows, columns = one.shape[-2:]
    if two.shape[-2:] != one.shape[-2:]:
        two = resize(_cut_to(two, columns / rows), rows, columns, "bilinear")
    mask = None
    if first.mask is not None or second.mask is not None:
        mask = Mask(torch.cat([_mask_of(first.mask, one), _mask_of(second.mask, two)]))
    places = tuple(place for latent in (first, second) for place in _places(latent))
    return replace(first, samples=torch.cat([one, two]), mask=mask, batch_index=places)


def beside(first: Latent, second: Latent, axis: int, before: bool) -> Latent:
    """Lay the second along an axis (2 down, 3 across) behind or before the first.

    Raises:
        NodeError: If they differ along the other axis, or in channels.
    """
    one, two = first.samples, as_many(in_space_of(first, second), len(first.samples))
    if one.shape[5 - axis] != two.shape[5 - axis]:
        (tall, wide), (rows, columns) = one.shape[-2:], two.shape[-2:]
        raise NodeError(
            f"Latents of {wide} × {tall} and {columns} × {rows} cells do not fit together.",
            "Crop or scale one of them first.",
            "latent.size",
        )
    mask = None
    if first.mask is not None or second.mask is not None:
        parts = [_mask_of(first.mask, one), _mask_of(second.mask, two)]
        mask = Mask(torch.cat(parts[::-1] if before else parts, axis))
    return replace(first, samples=torch.cat((two, one) if before else (one, two), axis), mask=mask)


def sliced(latent: Latent, axis: int, size: int) -> Latent:
    """Cut into slices along an axis (2 or 3), each an element of the batch; the rest is dropped."""
    count = latent.samples.shape[axis] // size
    if count == 0:
        return latent

    def cut_up(tensor: Tensor) -> Tensor:
        parts = [tensor.narrow(axis, at * size, size) for at in range(count)]
        return torch.stack(parts, 1).flatten(0, 1)

    mask = latent.mask
    if mask is not None:
        mask = Mask(cut_up(_mask_of(mask, latent.samples)))
    return replace(latent, samples=cut_up(latent.samples), mask=mask, batch_index=None)


def taken(latent: Latent, start: int, length: int) -> Latent:
    """Take some of a batch, counted from its end if `start` is negative; they keep their places."""
    count = len(latent.samples)
    start = min(start if start >= 0 else max(start + count, 0), count - 1)
    chosen = slice(start, start + length)
    mask = latent.mask
    if mask is not None and len(mask.values) > 1:
        mask = Mask(as_many(mask.values, count)[chosen])
    places = _places(latent)[chosen]
    samples = latent.samples[chosen].clone()
    return replace(latent, samples=samples, mask=mask, batch_index=places)


def rebatched(latents: list[Latent], size: int) -> list[Latent]:
    """Regroup latents into batches of `size`; those of another shape begin a new one.

    An element's noise is that of its place among all, unless it has one already.
    """
    made: list[Latent] = []
    counted = 0
    for latent in latents:
        count = len(latent.samples)
        places = latent.batch_index or tuple(range(counted, counted + count))
        counted += count
        placed = replace(latent, batch_index=places)
        for place in range(count):
            one = taken(placed, place, 1)
            last = made[-1] if made else None
            if (
                last is None
                or len(last.samples) == size
                or last.samples.shape[1:] != one.samples.shape[1:]
            ):
                made.append(one)
            else:
                made[-1] = joined(last, one)
    return made


def like(first: Latent, second: Latent, method: str = "bilinear") -> Tensor:
    """Bring samples to the space, the size and the number of others, cutting what does not fit.

    Raises:
        NodeError: If they have other channels.
    """
    other = in_space_of(first, second)
    rows, columns = first.samples.shape[-2:]
    if other.shape[-2:] != (rows, columns):
        other = resize(_cut_to(other, columns / rows), rows, columns, method)
    return as_many(other, len(first.samples))


def interpolated(samples: Tensor, other: Tensor, share: float) -> Tensor:
    """Mix directions and lengths of the vectors over channels, each by itself.

    Args:
        samples: (B, C, h, w).
        other: Likewise.
        share: Of the first.
    """
    one, two = (vector_norm(values, dim=1, keepdim=True) for values in (samples, other))
    # A vector of zeros has no direction.
    tiny = torch.finfo(samples.dtype).tiny
    mixed = share * samples / one.clamp(min=tiny) + (1 - share) * other / two.clamp(min=tiny)
    length: Tensor = vector_norm(mixed, dim=1, keepdim=True)
    made: Tensor = mixed / length.clamp(min=tiny) * torch.lerp(two, one, share)
    return made


def cut(samples: Tensor, axis: int, index: int, amount: int) -> Tensor:
    """Take `amount` rows or columns from `index`, which counts from the end if negative."""
    size = samples.shape[axis]
    start = min(index, size - 1) if index >= 0 else max(size + index, 0)
    return samples.narrow(axis, start, min(amount, size - start)).clone()


def _mapped(latent: Latent, change: Callable[[Tensor], Tensor]) -> Latent:
    mask = None if latent.mask is None else Mask(change(latent.mask.values))
    return replace(latent, samples=change(latent.samples), mask=mask)


def in_space_of(first: Latent, second: Latent) -> Tensor:
    """Give the samples of a latent in the space of another.

    Raises:
        NodeError: If they have other channels.
    """
    one, two = first.samples.shape[1], second.samples.shape[1]
    if one != two:
        raise NodeError(
            f"One latent has {one} channels, and the other {two}.",
            "Take latents of the same kind of model.",
            "latent.channels",
        )
    return second.samples if first.space is None else in_space(second, first.space)


def _cut_to(samples: Tensor, aspect: float) -> Tensor:
    """Cut the middle of (B, C, h, w) that has a ratio of width to height."""
    height, width = samples.shape[-2:]
    x = round((width - height * aspect) / 2) if width / height > aspect else 0
    y = round((height - width / aspect) / 2) if width / height < aspect else 0
    return samples[..., y : height - y, x : width - x]


def _fade(length: int, rise: int, fall: int) -> Tensor:
    weights = torch.ones(length)
    for step in range(min(rise, length)):
        weights[step] *= (step + 1) / rise
    for step in range(min(fall, length)):
        weights[length - 1 - step] *= (step + 1) / fall
    return weights


def _mask_of(mask: Mask | None, samples: Tensor) -> Tensor:
    """Bring a mask to (B, 1, h, w) of samples (B, C, h, w); without one, it is 1 everywhere."""
    count, _, rows, columns = samples.shape
    if mask is None:
        return torch.ones(count, 1, rows, columns)
    return as_many(fit_mask(mask.values, rows, columns, count), count)


def _slerp_along(samples: Tensor, size: int, axis: int) -> Tensor:
    """Resize along one axis, turning channel vectors into one another: noise keeps its strength."""
    length = samples.shape[axis]
    at = ((torch.arange(size, dtype=torch.float64) + 0.5) * length / size - 0.5).clamp(
        0, length - 1
    )
    low = at.floor().long()
    high = (low + 1).clamp(max=length - 1)
    shape = [1, 1, 1, 1]
    shape[axis] = size
    share = (at - low).reshape(shape).to(samples.dtype)
    return _slerp(samples.index_select(axis, low), samples.index_select(axis, high), share)


def _slerp(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Go along the arc between vectors over channels, their lengths changing evenly."""
    norm_a, norm_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    # A vector of zeros has no direction; it stays zeros.
    unit_a, unit_b = a / norm_a.clamp(min=1e-12), b / norm_b.clamp(min=1e-12)
    cosine = (unit_a * unit_b).sum(dim=1, keepdim=True)
    angle = cosine.clamp(-1, 1).acos()
    arc = torch.sin((1 - share) * angle) * unit_a + torch.sin(share * angle) * unit_b
    turned = arc / angle.sin() * torch.lerp(norm_a, norm_b, share)
    # Along the same line there is no arc to go along.
    straight = a + (b - a) * share
    return torch.where(cosine.abs() > 1 - 1e-5, straight, turned)
