"""Arithmetic on latents, by the numbers that come out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from nodes import arithmetic
from nodes.api.shapes import evaluate_shape
from nodes.diffusion import latents
from nodes.errors import NodeError
from nodes.types import Latent, LatentFormat, LatentOperation, Mask


def draw(seed: int, batch: int = 2, height: int = 4, width: int = 6) -> Latent:
    generator = torch.Generator().manual_seed(seed)
    return Latent(torch.randn(batch, 4, height, width, generator=generator), batch_index=(3, 5))


ONE, OTHER = draw(1), draw(2)


def test_sums_differences_and_multiples() -> None:
    a, b = ONE.samples, OTHER.samples
    assert torch.equal(arithmetic.latent_add(ONE, OTHER).samples, a + b)
    assert torch.equal(arithmetic.latent_subtract(ONE, OTHER).samples, a - b)
    assert torch.equal(arithmetic.latent_multiply(ONE, -2.5).samples, a * -2.5)
    blended = arithmetic.latent_blend(ONE, OTHER, 0.25).samples
    torch.testing.assert_close(blended, 0.25 * a + 0.75 * b)


@pytest.mark.parametrize(
    "call",
    [
        arithmetic.latent_add,
        arithmetic.latent_subtract,
        arithmetic.latent_interpolate,
        arithmetic.latent_blend,
    ],
)
def test_the_second_is_fitted_to_the_first_whose_noise_and_mask_stay(
    call: Callable[..., Latent],
) -> None:
    mask = Mask(torch.ones(1, 1, 4, 6))
    made = call(Latent(ONE.samples, mask, (3, 5)), Latent(torch.ones(1, 4, 9, 3)))
    assert made.samples.shape == ONE.samples.shape
    assert made.mask is mask
    assert made.batch_index == (3, 5)


def test_latents_of_another_scale_are_brought_to_that_of_the_first() -> None:
    raw = replace(OTHER, samples=OTHER.samples / 0.5, space=LatentFormat(4, 1.0))
    own = replace(ONE, space=LatentFormat(4, 0.5))
    made = arithmetic.latent_add(own, raw)
    torch.testing.assert_close(made.samples, ONE.samples + OTHER.samples)
    assert made.space == own.space
    assert arithmetic.latent_multiply(raw, 2.0).space == raw.space
    assert latents.flipped(raw, vertically=True).space == raw.space
    torch.testing.assert_close(latents.joined(own, raw).samples[2:], OTHER.samples)


def test_between_latents_lengths_change_evenly_and_directions_turn() -> None:
    one, two = torch.zeros(1, 4, 1, 1), torch.zeros(1, 4, 1, 1)
    one[0, 0], two[0, 1] = 2.0, 4.0
    made = arithmetic.latent_interpolate(Latent(one), Latent(two), 0.5).samples.flatten()
    assert made.tolist() == pytest.approx([3 / 2**0.5, 3 / 2**0.5, 0, 0])


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, ONE), (0.0, OTHER)])
def test_at_its_ends_an_interpolation_is_one_of_both(ratio: float, expected: Latent) -> None:
    made = arithmetic.latent_interpolate(ONE, OTHER, ratio).samples
    torch.testing.assert_close(made, expected.samples)


def test_nothing_has_no_direction() -> None:
    empty = Latent(torch.zeros_like(ONE.samples))
    made = arithmetic.latent_interpolate(ONE, empty, 0.5).samples
    torch.testing.assert_close(made, ONE.samples / 2)
    assert bool(arithmetic.latent_interpolate(empty, empty, 0.5).samples.isfinite().all())


def test_a_composite_shows_the_source_where_the_mask_is_white() -> None:
    source = Latent(torch.full((1, 4, 2, 2), 9.0))
    mask = Mask(torch.tensor([[1.0, 0.0], [0.5, 1.0]])[None, None])
    made = arithmetic.latent_composite_masked(ONE, source, 16, 8, mask=mask).samples
    under = ONE.samples
    torch.testing.assert_close(made[:, :, 1, 2], torch.full((2, 4), 9.0))
    torch.testing.assert_close(made[:, :, 1, 3], under[:, :, 1, 3])
    torch.testing.assert_close(made[:, :, 2, 2], (under[:, :, 2, 2] + 9) / 2)
    outside = torch.ones_like(under, dtype=torch.bool)
    outside[:, :, 1:3, 2:4] = False
    assert torch.equal(made[outside], under[outside])


def test_a_composite_can_stretch_the_source_and_wants_the_same_channels() -> None:
    source = Latent(torch.full((1, 4, 2, 2), 9.0))
    made = arithmetic.latent_composite_masked(ONE, source, resize_source=True).samples
    assert torch.equal(made, torch.full_like(ONE.samples, 9.0))
    with pytest.raises(NodeError, match="4 channels, and the other 16"):
        arithmetic.latent_composite_masked(ONE, Latent(torch.zeros(1, 16, 2, 2)))


@pytest.mark.parametrize(
    ("dim", "index", "amount", "expected"),
    [
        ("x", 1, 2, (slice(None), slice(1, 3))),
        ("x", -2, 9, (slice(None), slice(4, 6))),
        ("y", 99, 1, (slice(3, 4), slice(None))),
        ("y", -99, 1, (slice(0, 1), slice(None))),
    ],
)
def test_rows_and_columns_are_cut_out_with_their_mask(
    dim: str, index: int, amount: int, expected: tuple[slice, slice]
) -> None:
    mask = Mask(torch.arange(24.0).reshape(1, 1, 4, 6) / 24)
    made = arithmetic.latent_cut(Latent(ONE.samples, mask), dim, index, amount)
    assert torch.equal(made.samples, ONE.samples[(..., *expected)])
    assert made.mask is not None
    assert torch.equal(made.mask.values, mask.values[(..., *expected)])


def test_latents_of_pictures_have_no_frames() -> None:
    with pytest.raises(NodeError, match="have no frames"):
        arithmetic.latent_cut(ONE, "t")


def test_tone_mapping_presses_long_vectors_by_reinhards_curve() -> None:
    operation = arithmetic.latent_operation_tonemap_reinhard(0.5)
    made = arithmetic.latent_apply_operation(ONE, operation).samples
    before, after = ONE.samples.norm(dim=1), made.norm(dim=1)
    for place in range(2):
        top = (before[place].mean() + 5 * before[place].std()) * 0.5
        torch.testing.assert_close(after[place], before[place] / (1 + before[place] / top))
    directions = torch.nn.functional.cosine_similarity(ONE.samples, made, dim=1)
    torch.testing.assert_close(directions, torch.ones_like(directions))


def test_sharpening_turns_vectors_without_a_change_of_even_ones() -> None:
    operation = arithmetic.latent_operation_sharpen(2, 1.0, 0.1)
    assert operation == LatentOperation("sharpen", {"radius": 2, "sigma": 1.0, "amount": 1.0})
    even = Latent(torch.tensor([1.0, -2.0, 0.5, 3.0]).reshape(1, 4, 1, 1).repeat(1, 1, 6, 6))
    made = arithmetic.latent_apply_operation(even, operation).samples
    torch.testing.assert_close(made, even.samples, rtol=1e-4, atol=1e-4)
    step = even.samples.clone()
    step[..., 3:] *= -1
    sharper = arithmetic.latent_apply_operation(Latent(step), operation).samples
    # On both sides of an edge values go further apart.
    assert bool((sharper[0, 3, 3, 2] > 3.1) & (sharper[0, 3, 3, 3] < -3.1))


CALLS: list[tuple[Callable[..., Latent], dict[str, Any]]] = [
    (arithmetic.latent_add, {"samples1": ONE, "samples2": OTHER}),
    (arithmetic.latent_subtract, {"samples1": ONE, "samples2": OTHER}),
    (arithmetic.latent_multiply, {"samples": ONE}),
    (arithmetic.latent_interpolate, {"samples1": ONE, "samples2": OTHER}),
    (arithmetic.latent_blend, {"samples1": ONE, "samples2": OTHER}),
    (arithmetic.latent_composite_masked, {"destination": ONE, "source": OTHER}),
    (arithmetic.latent_cut, {"samples": ONE, "amount": 2}),
    (
        arithmetic.latent_apply_operation,
        {"samples": ONE, "operation": arithmetic.latent_operation_sharpen()},
    ),
]


@pytest.mark.parametrize(("function", "inputs"), CALLS)
def test_a_node_changes_nothing_and_does_what_its_shape_rule_says(
    function: Callable[..., Latent], inputs: dict[str, Any]
) -> None:
    before = ONE.samples.clone(), OTHER.samples.clone()
    made = function(**inputs).samples
    assert torch.equal(ONE.samples, before[0])
    assert torch.equal(OTHER.samples, before[1])
    names = ("batch", "channels", "height", "width")
    shapes = {
        name: dict(zip(names, value.samples.shape, strict=True))
        for name, value in inputs.items()
        if isinstance(value, Latent)
    }
    spec = vars(function)["__node__"]
    known = evaluate_shape(spec.outputs[0].shape, inputs, shapes)
    assert known
    assert known.items() <= dict(zip(names, made.shape, strict=True)).items()
