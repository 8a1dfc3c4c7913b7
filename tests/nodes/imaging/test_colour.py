"""Colours come back to those of the source; detail stays."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from nodes.imaging.colour import METHODS, matched


def gradient() -> torch.Tensor:
    ramp = torch.linspace(0.2, 0.8, 64)
    return torch.stack(
        [ramp.expand(64, 64), ramp[:, None].expand(64, 64), ramp.flip(0).expand(64, 64)]
    )[None]


def checks() -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    return ((rows + columns) % 2 * 0.1 - 0.05)[None, None]


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_of_the_right_colours_stays(method: str) -> None:
    pixels = (gradient() + checks()).clamp(0, 1)
    assert torch.allclose(matched(pixels, pixels, method), pixels, atol=1e-5)


def test_wavelet_undoes_a_cast_and_keeps_the_detail() -> None:
    cast = (gradient() * 0.8 + checks() + torch.tensor([0.1, 0.0, -0.05])[:, None, None]).clamp(
        0, 1
    )
    made = matched(cast, gradient(), "wavelet")
    inside = made[..., 16:-16, 16:-16]
    assert (
        avg_pool2d(inside, 8) - avg_pool2d(gradient()[..., 16:-16, 16:-16], 8)
    ).abs().max() < 0.02
    detail = inside - avg_pool2d(inside, 2, 1, padding=1)[..., 1:, 1:]
    assert detail.abs().mean() > 0.04


def test_wavelet_compares_with_a_smaller_picture() -> None:
    small = avg_pool2d(gradient(), 4)
    made = matched((gradient() * 0.7).clamp(0, 1), small, "wavelet")
    assert (made - gradient())[..., 8:-8, 8:-8].abs().max() < 0.02


def test_adain_gives_mean_and_spread() -> None:
    like = gradient() * 0.5 + 0.2
    made = matched(gradient(), like, "adain")
    assert torch.allclose(made.mean((2, 3)), like.mean((2, 3)), atol=1e-4)
    assert torch.allclose(made.std((2, 3)), like.std((2, 3)), atol=1e-4)


def test_none_changes_nothing() -> None:
    assert matched(gradient(), torch.zeros(1, 3, 4, 4), "none") is not None
    assert torch.equal(matched(gradient(), torch.zeros(1, 3, 4, 4), "none"), gradient())
