"""Edges lie where brightness changes, one pixel wide."""

import torch

from nodes.control import canny_edges
from nodes.imaging.canny import canny
from nodes.types import Image


def square(brightness: float = 1.0) -> torch.Tensor:
    pixels = torch.zeros(1, 3, 32, 32)
    pixels[..., 8:24, 8:24] = brightness
    return pixels


def test_the_border_of_a_square_is_a_closed_thin_line() -> None:
    edges = canny(square(), 0.2, 0.5)[0, 0]
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[6:26, 6:26] = True
    inside[10:22, 10:22] = False
    assert not edges[~inside].any()
    for row in range(11, 21):
        assert edges[row].sum() == 2
        assert edges[:, row].sum() == 2


def test_a_flat_picture_has_no_edges() -> None:
    assert not canny(torch.full((2, 3, 16, 16), 0.7), 0.1, 0.2).any()


def test_a_weak_edge_is_followed_only_from_a_strong_one() -> None:
    fading = square()
    fading[..., 16:] *= 0.4
    strong = canny(fading, 1.5, 1.6)
    followed = canny(fading, 0.5, 1.6)
    alone = canny(square(0.4), 0.5, 1.6)
    assert strong[..., :14].any()
    assert not strong[0, 0, 12:20, 20:].any()
    assert followed[0, 0, 12:20, 20:].any()
    assert not alone.any()


def test_the_node_gives_white_lines_of_three_channels() -> None:
    made = canny_edges(Image(torch.cat([square(), torch.ones(1, 1, 32, 32)], dim=1))).pixels
    assert made.shape == (1, 3, 32, 32)
    assert set(made.unique().tolist()) == {0.0, 1.0}
