"""Masks grow, fade and combine as documented."""

import pytest
import torch
from torch import Tensor

from nodes.imaging.masks import combine, feather, grow, outpaint_edge


def dot(size: int = 9) -> Tensor:
    values = torch.zeros(1, 1, size, size)
    values[..., size // 2, size // 2] = 1
    return values


def test_a_dot_grows_to_a_square_or_a_diamond() -> None:
    places = torch.arange(9) - 4
    far = torch.maximum(places.abs()[:, None], places.abs())
    walk = places.abs()[:, None] + places.abs()
    assert torch.equal(grow(dot(), 3, False)[0, 0], (far <= 3).float())
    assert torch.equal(grow(dot(), 3, True)[0, 0], (walk <= 3).float())


def test_shrinking_is_growing_what_is_black() -> None:
    square = grow(dot(), 3, False)
    assert torch.equal(grow(square, -3, False), dot())
    assert torch.equal(grow(dot(), -1, True), torch.zeros(1, 1, 9, 9))


def test_the_sides_of_the_picture_do_not_eat_into_a_mask() -> None:
    assert torch.equal(grow(torch.ones(1, 1, 5, 5), -2, False), torch.ones(1, 1, 5, 5))


def test_growing_by_nothing_or_beyond_the_picture() -> None:
    assert torch.equal(grow(dot(), 0, True), dot())
    assert torch.equal(grow(dot(), 16384, True), torch.ones(1, 1, 9, 9))


def test_grey_values_are_kept() -> None:
    assert grow(dot() * 0.25, 1, True).max() == 0.25


def test_feathering_rises_from_each_side() -> None:
    faded = feather(torch.ones(1, 1, 2, 8), 4, 0, 2, 0)[0, 0, 0]
    assert torch.allclose(faded, torch.tensor([0.25, 0.5, 0.75, 1, 1, 1, 1, 0.5]))
    column = feather(torch.ones(1, 1, 4, 1), 0, 2, 0, 4)[0, 0, :, 0]
    assert torch.allclose(column, torch.tensor([0.5, 0.75, 0.5, 0.25]))


def test_feathering_wider_than_the_mask_reaches_its_other_side() -> None:
    faded = feather(torch.ones(1, 1, 1, 4), 100, 0, 0, 0)[0, 0, 0]
    assert torch.allclose(faded, torch.tensor([0.25, 0.5, 0.75, 1]))


@pytest.mark.parametrize(
    ("operation", "values"),
    [
        ("multiply", [0.0, 0.15, 1.0]),
        ("add", [1.0, 0.8, 1.0]),
        ("subtract", [0.0, 0.2, 0.0]),
        ("and", [0.0, 0.0, 1.0]),
        ("or", [1.0, 0.0, 1.0]),
        ("xor", [1.0, 0.0, 0.0]),
    ],
)
def test_operations(operation: str, values: list[float]) -> None:
    below = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 1, 1, 3)
    above = torch.tensor([1.0, 0.3, 1.0]).reshape(1, 1, 1, 3)
    made = combine(below, above, 0, 0, operation)
    assert torch.allclose(made.flatten(), torch.tensor(values))


def test_a_mask_is_laid_at_its_place_and_cut_off() -> None:
    below = torch.zeros(1, 1, 4, 4)
    made = combine(below, torch.ones(1, 1, 3, 3), 2, 3, "add")
    expected = torch.zeros(4, 4)
    expected[3, 2:] = 1
    assert torch.equal(made[0, 0], expected)
    assert torch.equal(combine(below, torch.ones(1, 1, 3, 3), 9, 0, "add"), below)
    assert below.sum() == 0


def test_the_edge_of_an_outpainted_picture_falls_as_a_square() -> None:
    edge = outpaint_edge(20, 20, (8, 0, 0, 0), 4)
    assert torch.allclose(edge[10, :5], torch.tensor([1.0, 9 / 16, 4 / 16, 1 / 16, 0.0]))
    assert edge[:, 5:].sum() == 0
    right = outpaint_edge(20, 20, (0, 0, 8, 0), 4)
    assert torch.allclose(right[0, -4:], torch.tensor([0.0, 1 / 16, 4 / 16, 9 / 16]))


@pytest.mark.parametrize("sides", [(0, 0, 0, 0), (8, 8, 8, 8)])
def test_no_edge_without_sides_or_in_a_picture_too_small(sides: tuple[int, int, int, int]) -> None:
    feathering = 4 if not any(sides) else 10
    assert outpaint_edge(20, 20, sides, feathering).sum() == 0
