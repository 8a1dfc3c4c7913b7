"""Reduced copies, whose statistics stand for the whole picture's; `test_cascade` runs the rest."""

import pytest
import torch

from nodes.diffusion.refining import reduced


@pytest.mark.parametrize(
    ("height", "width", "side", "multiple", "wanted"),
    [
        (512, 1024, 256, 8, (128, 256)),
        (1024, 328, 256, 8, (256, 80)),
        (1000, 8, 64, 8, (64, 8)),
        (24, 48, 16, 1, (8, 16)),
    ],
)
def test_sides_of_a_reduced_copy_are_multiples(
    height: int, width: int, side: int, multiple: int, wanted: tuple[int, int]
) -> None:
    planes = torch.rand(1, 3, height, width)
    made = reduced(planes, side, multiple)
    assert made.shape == (1, 3, *wanted)
    assert torch.allclose(made.mean(), planes.mean(), atol=0.02)


def test_what_is_small_enough_stays() -> None:
    planes = torch.rand(1, 3, 64, 48)
    assert reduced(planes, 64, 8) is planes
