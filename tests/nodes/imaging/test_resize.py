"""Resizing keeps what it must: sizes, constants, means, proportions."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from nodes.imaging.resize import (
    METHODS,
    cropped_to_ratio,
    fitting,
    lanczos_rows,
    padded_to_multiple,
    resize,
)


def random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("width", "height"), [(5, 9), (24, 10), (1, 1)])
def test_every_method_gives_the_size_and_keeps_constants(
    method: str, width: int, height: int
) -> None:
    planes = torch.full((2, 3, 7, 11), 0.3)
    made = resize(planes, width, height, method)
    assert made.shape == (2, 3, height, width)
    assert torch.allclose(made, torch.tensor(0.3), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_size_changes_nothing(method: str) -> None:
    planes = random(1, 3, 6, 8)
    assert torch.equal(resize(planes, 8, 6, method), planes)


@pytest.mark.parametrize("method", METHODS)
def test_values_stay_in_range(method: str) -> None:
    planes = random(1, 3, 8, 8).round()
    made = resize(planes, 21, 19, method)
    assert made.min() >= 0
    assert made.max() <= 1


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "area", "nearest-exact"])
def test_interpolation_is_that_of_torch(method: str) -> None:
    planes = random(2, 3, 8, 10)
    smooth = {"align_corners": False} if method in ("bilinear", "bicubic") else {}
    expected = interpolate(planes, (5, 13), mode=method, **smooth).clamp(0, 1)
    assert torch.equal(resize(planes, 13, 5, method), expected)


def test_area_to_half_is_the_mean_of_four() -> None:
    planes = random(1, 1, 4, 4)
    expected = planes.reshape(1, 1, 2, 2, 2, 2).mean((3, 5))
    assert torch.allclose(resize(planes, 2, 2, "area"), expected)


def test_nearest_exact_doubles_every_cell() -> None:
    planes = random(1, 1, 2, 3)
    expected = planes.repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert torch.equal(resize(planes, 6, 4, "nearest-exact"), expected)


def test_lanczos_keeps_a_straight_ramp_inside() -> None:
    ramp = torch.linspace(0.2, 0.8, 32).repeat(1, 1, 8, 1)
    made = resize(ramp, 64, 8, "lanczos")
    expected = resize(ramp, 64, 8, "bilinear")
    assert torch.allclose(made[..., 8:-8], expected[..., 8:-8], atol=2e-3)


def test_lanczos_shrinks_a_fine_pattern_to_grey() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(32).repeat(1, 1, 8, 1)
    made = resize(stripes, 8, 8, "lanczos")
    assert (made[..., 1:-1] - 0.5).abs().max() < 0.05


def test_cropping_takes_the_middle_in_the_new_proportions() -> None:
    columns = torch.arange(12.0).repeat(1, 1, 4, 1)
    assert torch.equal(cropped_to_ratio(columns, 100, 100), columns[..., 4:8])
    assert cropped_to_ratio(columns, 300, 100).shape == (1, 1, 4, 12)
    assert cropped_to_ratio(columns, 600, 100).shape == (1, 1, 2, 12)
    # Both sides lose as much, in whole cells.
    assert torch.equal(cropped_to_ratio(columns, 102, 37), columns[..., :12])
    assert torch.equal(cropped_to_ratio(columns, 250, 100), columns[..., 1:11])
    made = resize(columns, 2, 2, "area", crop="center")
    assert torch.allclose(made, torch.tensor([4.5, 6.5]).repeat(1, 1, 2, 1))


def test_an_extreme_crop_keeps_the_middle() -> None:
    assert cropped_to_ratio(torch.zeros(1, 1, 5, 4), 10_000, 1).shape == (1, 1, 1, 4)
    assert cropped_to_ratio(torch.zeros(1, 1, 4, 4), 10_000, 1).shape == (1, 1, 2, 4)


@pytest.mark.parametrize(
    ("asked", "given"),
    [((0, 0), (30, 20)), ((60, 0), (60, 40)), ((0, 10), (15, 10)), ((7, 9), (7, 9))],
)
def test_a_side_of_zero_follows_the_proportions(
    asked: tuple[int, int], given: tuple[int, int]
) -> None:
    assert fitting(*asked, (30, 20)) == given


@pytest.mark.parametrize("size", [(50, 40), (31, 87), (17, 9)])
def test_rows_of_a_resized_plane_are_those_of_the_whole(size: tuple[int, int]) -> None:
    planes = torch.rand(1, 2, 33, 29)
    whole = resize(planes, *size, "lanczos")
    cuts = [0, size[1] // 3, size[1] // 2, size[1]]
    parts = [lanczos_rows(planes, *size, top, end) for top, end in itertools.pairwise(cuts)]
    assert torch.allclose(torch.cat(parts, dim=2), whole, atol=1e-5)


def test_padding_goes_on_with_the_last_cells_or_with_those_of_the_other_side() -> None:
    planes = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    last = [[1.0, 2.0, 3.0, 3.0]] * 2
    assert padded_to_multiple(planes, 2).tolist() == [[last]]
    around = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
    expected = [[1.0, 2.0, 3.0, 1.0], [4.0, 5.0, 6.0, 4.0]]
    assert padded_to_multiple(around, 2, "circular").tolist() == [[expected]]


def test_sides_that_are_multiples_already_are_not_padded() -> None:
    planes = random(1, 3, 6, 9)
    assert padded_to_multiple(planes, 3) is planes
