"""Morphology of planes (B, C, H, W) with a square of cells: the extremes around each cell."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad


def dilated(planes: Tensor, size: int) -> Tensor:
    """Give each cell the most of the square around it; beyond the edges there is nothing."""
    return _most(planes, size // 2, (size - 1) // 2)


def eroded(planes: Tensor, size: int) -> Tensor:
    """Give each cell the least of the square around it, which is mirrored."""
    return -_most(-planes, (size - 1) // 2, size // 2)


def opened(planes: Tensor, size: int) -> Tensor:
    """Take away what is light and smaller than the square."""
    return dilated(eroded(planes, size), size)


def closed(planes: Tensor, size: int) -> Tensor:
    """Take away what is dark and smaller than the square."""
    return eroded(dilated(planes, size), size)


def _most(planes: Tensor, before: int, after: int) -> Tensor:
    wide = pad(planes, (before, after, before, after), value=-torch.inf)
    size = before + 1 + after
    return max_pool2d(max_pool2d(wide, (1, size), stride=1), (size, 1), stride=1)


# Haralick, Sternberg and Zhuang 1987, Image Analysis Using Mathematical Morphology.
MORPHOLOGY: Mapping[str, Callable[[Tensor, int], Tensor]] = MappingProxyType(
    {
        "erode": eroded,
        "dilate": dilated,
        "open": opened,
        "close": closed,
        "gradient": lambda planes, size: dilated(planes, size) - eroded(planes, size),
        "bottom_hat": lambda planes, size: closed(planes, size) - planes,
        "top_hat": lambda planes, size: planes - opened(planes, size),
    }
)
