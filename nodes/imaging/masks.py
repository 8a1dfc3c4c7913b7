"""Masks (B, 1, H, W) in [0, 1]: grow, feather, combine."""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

OPERATIONS = ("multiply", "add", "subtract", "and", "or", "xor")


def grow(values: Tensor, by: int, tapered: bool) -> Tensor:
    """Grow what is white by so many cells, or shrink it if `by` is negative.

    Args:
        values: (B, 1, H, W).
        by: Cells.
        tapered: Grow to a diamond about each cell rather than to a square.
    """
    if by < 0:
        return 1 - grow(1 - values, -by, tapered)
    by = min(by, values.shape[-2] + values.shape[-1])
    for _ in range(by):
        across = max_pool2d(values, (1, 3), stride=1, padding=(0, 1))
        if tapered:
            down = max_pool2d(values, (3, 1), stride=1, padding=(1, 0))
            values = torch.maximum(across, down)
        else:
            values = max_pool2d(across, (3, 1), stride=1, padding=(1, 0))
    return values


def widen(values: Tensor, by: int) -> Tensor:
    """Let each cell stand for a square of `by` cells a side about it, its middle rounded down.

    What is white becomes wider and taller by `by - 1`; if that is odd, by one more to the right and
    downwards than to the left and upwards.
    """
    if by <= 1:
        return values
    before, after = by // 2, (by - 1) // 2
    return max_pool2d(pad(values, (before, after, before, after)), by, stride=1)


def feather(values: Tensor, left: int, top: int, right: int, bottom: int) -> Tensor:
    """Fade a mask out towards its sides, over so many cells at each."""
    rows = _fade(values.shape[-2], top, bottom)
    columns = _fade(values.shape[-1], left, right)
    return values * rows[:, None] * columns


def combine(destination: Tensor, source: Tensor, x: int, y: int, operation: str) -> Tensor:
    """Combine a mask with another that is laid on it with its corner at (x, y).

    Args:
        destination: (B, 1, H, W).
        source: (B or 1, 1, h, w); what lies outside the destination is cut off.
        x: Column of the source's left side.
        y: Row of the source's top.
        operation: One of OPERATIONS; and, or, xor work on values rounded to 0 and 1.
    """
    height, width = destination.shape[-2:]
    source = source[..., : max(0, height - y), : max(0, width - x)]
    rows, columns = slice(y, y + source.shape[-2]), slice(x, x + source.shape[-1])
    under = destination[..., rows, columns]
    result = destination.clone()
    result[..., rows, columns] = _combined(under, source, operation).clamp(0, 1)
    return result


def outpaint_edge(
    height: int, width: int, sides: tuple[int, int, int, int], feathering: int
) -> Tensor:
    """Make the mask of a picture whose given sides will be painted beyond.

    Args:
        height: Of the picture.
        width: Of the picture.
        sides: How far it will be extended: left, top, right, bottom.
        feathering: Over how many cells the mask reaches into the picture, falling as a square.

    Returns:
        (height, width), 1 at an extended side; all 0 if the picture is too small to feather.
    """
    if feathering == 0 or feathering * 2 >= min(height, width):
        return torch.zeros(height, width)
    left, top, right, bottom = sides
    far = float(max(height, width))
    y, x = torch.arange(height).float()[:, None], torch.arange(width).float()[None]
    distance = torch.full((height, width), far)
    for extended, towards in ((left, x), (top, y), (right, width - x), (bottom, height - y)):
        if extended:
            distance = torch.minimum(distance, towards)
    return ((feathering - distance).clamp(min=0) / feathering) ** 2


def _combined(under: Tensor, source: Tensor, operation: str) -> Tensor:
    if operation == "multiply":
        return under * source
    if operation == "add":
        return under + source
    if operation == "subtract":
        return under - source
    one, other = under.round().bool(), source.round().bool()
    logic = {"and": one & other, "or": one | other, "xor": one ^ other}
    return logic[operation].float()


def _fade(length: int, start: int, end: int) -> Tensor:
    places = torch.arange(1, length + 1, dtype=torch.float32)
    fade = torch.ones(length)
    start, end = min(start, length), min(end, length)
    if start:
        fade = fade * (places / start).clamp(max=1)
    if end:
        fade = fade * (places.flip(0) / end).clamp(max=1)
    return fade
