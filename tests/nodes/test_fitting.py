"""Resizing by whatever says the size."""

from typing import Any

import pytest
import torch

from nodes.fitting import resize_image_mask
from nodes.types import Image, Mask

PICTURE = Image(torch.rand(2, 3, 60, 80))


@pytest.mark.parametrize(
    ("way", "given", "size"),
    [
        ("scale dimensions", {"width": 30, "height": 50}, (50, 30)),
        ("scale by multiplier", {"multiplier": 0.5}, (30, 40)),
        ("scale longer dimension", {"longer_size": 40}, (30, 40)),
        ("scale shorter dimension", {"shorter_size": 120}, (120, 160)),
        ("scale width", {"width": 20}, (15, 20)),
        ("scale height", {"height": 15}, (15, 20)),
        ("scale total pixels", {"megapixels": 0.01}, (89, 118)),
    ],
)
def test_each_way_says_the_size(way: str, given: dict[str, Any], size: tuple[int, int]) -> None:
    resized = resize_image_mask(PICTURE, way, **given)
    assert resized.pixels.shape == (2, 3, *size)


def test_a_mask_stays_a_mask() -> None:
    mask = Mask(torch.ones(1, 1, 8, 16))
    resized = resize_image_mask(mask, "scale longer dimension", longer_size=4)
    assert isinstance(resized, Mask)
    assert torch.equal(resized.values, torch.ones(1, 1, 2, 4))


def test_dimensions_cut_or_distort() -> None:
    halves = torch.cat([torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)], dim=3)
    halves[..., :2] = 0.5
    cut, whole = (
        resize_image_mask(Image(halves), width=4, height=4, crop=crop).pixels
        for crop in ("center", "disabled")
    )
    assert torch.equal(cut[0, 0, 0], torch.tensor([0.0, 0.0, 1.0, 1.0]))
    assert torch.equal(whole[0, 0, 0], torch.tensor([0.5, 0.0, 1.0, 1.0]))
