"""Edges of pictures.

Canny 1986, A Computational Approach to Edge Detection, IEEE TPAMI 8(6).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad

# What green, red and blue add to brightness: ITU-R BT.601.
_BRIGHTNESS = (0.299, 0.587, 0.114)
_BLUR_RADIUS, _BLUR_SIGMA = 2, 1.0


def canny(pixels: Tensor, low: float, high: float) -> Tensor:
    """Find edges: where brightness changes most, along its steepest way.

    Args:
        pixels: (B, 3|4, H, W) in [0, 1]; alpha is passed over.
        low: Steepness from which an edge is followed on, in units of Sobel's operator.
        high: Steepness from which an edge begins.

    Returns:
        (B, 1, H, W), 1 on edges and 0 elsewhere.
    """
    weights = torch.tensor(_BRIGHTNESS).reshape(1, 3, 1, 1)
    grey = _blurred((pixels[:, :3] * weights).sum(dim=1, keepdim=True))
    smooth, slope = torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])
    across = torch.stack([torch.outer(smooth, slope), torch.outer(slope, smooth)])[:, None]
    gradient = conv2d(pad(grey, (1, 1, 1, 1), mode="replicate"), across)
    steep = gradient.square().sum(dim=1, keepdim=True).sqrt()
    ridge = torch.where(_is_ridge(steep, gradient), steep, 0.0)
    return _followed(ridge > low, ridge > high)


def _blurred(planes: Tensor) -> Tensor:
    places = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1)
    line = (-(places**2) / (2 * _BLUR_SIGMA**2)).exp()
    line = line / line.sum()
    radius = (_BLUR_RADIUS,) * 4
    wide = pad(planes, radius, mode="replicate")
    return conv2d(conv2d(wide, line[None, None, None, :]), line[None, None, :, None])


def _is_ridge(steep: Tensor, gradient: Tensor) -> Tensor:
    """Say where no neighbour is steeper along the gradient, to the nearest eighth of a turn."""
    angle = torch.atan2(gradient[:, 1:], gradient[:, :1])
    eighth = (angle / (math.pi / 4)).round().long() % 4
    height, width = steep.shape[-2:]
    wide = pad(steep, (1, 1, 1, 1))
    found = torch.zeros_like(steep, dtype=torch.bool)
    for number, (down, right) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = wide[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width]
        behind = wide[..., 1 - down : 1 - down + height, 1 - right : 1 - right + width]
        # Of two that are equally steep, one is the edge.
        found |= (eighth == number) & (steep > ahead) & (steep >= behind)
    return found


def _followed(weak: Tensor, strong: Tensor) -> Tensor:
    """Keep the weak edges that touch strong ones, in however many steps."""
    edges = strong.float()
    while True:
        grown = max_pool2d(edges, 3, 1, 1) * weak
        if torch.equal(grown, edges):
            return edges
        edges = grown
