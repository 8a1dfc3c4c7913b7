"""Sizes out of proportions and an area."""

import pytest

from nodes.sizes import RATIOS, resolution_selector


@pytest.mark.parametrize(
    ("ratio", "megapixels", "size"),
    [
        ("1:1 (Square)", 1.0, (1024, 1024)),
        ("16:9 (Widescreen)", 1.0, (1368, 768)),
        ("9:16 (Portrait Widescreen)", 1.0, (768, 1368)),
        ("3:2 (Photo)", 0.5, (888, 592)),
    ],
)
def test_the_nearest_sides_are_given(ratio: str, megapixels: float, size: tuple[int, int]) -> None:
    assert resolution_selector(ratio, megapixels) == size


@pytest.mark.parametrize("ratio", list(RATIOS))
def test_area_and_proportions_are_nearly_those_asked_for(ratio: str) -> None:
    made = resolution_selector(ratio, 4.0, 64)
    wide, tall = RATIOS[ratio]
    assert made.width % 64 == made.height % 64 == 0
    assert made.width * made.height == pytest.approx(4 * 1024**2, rel=0.05)
    assert made.width / made.height == pytest.approx(wide / tall, rel=0.05)
