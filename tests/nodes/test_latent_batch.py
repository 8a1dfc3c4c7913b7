"""Batches of latents: what is put together, cut up and counted from the end."""

import pytest
import torch

from nodes.diffusion.noise import initial_noise
from nodes.errors import NodeError
from nodes.latent_batch import (
    batch_latents,
    latent_batch_seed_behavior,
    latent_concat,
    latent_cut_to_batch,
    latent_from_batch,
)
from nodes.types import Latent, Mask

TWO = Latent(torch.arange(2.0 * 4 * 3 * 5).reshape(2, 4, 3, 5))
ONE = Latent(-torch.arange(1.0, 1 + 4 * 3 * 5).reshape(1, 4, 3, 5))


@pytest.mark.parametrize(
    ("first", "length", "places"),
    [(-1, 1, (1,)), (-2, 2, (0, 1)), (-9, 1, (0,)), (9, 1, (1,)), (1, 5, (1,))],
)
def test_latents_are_taken_from_either_end(first: int, length: int, places: tuple[int]) -> None:
    taken = latent_from_batch(TWO, first, length)
    assert torch.equal(taken.samples, TWO.samples[list(places)])
    assert taken.batch_index == places


def test_any_number_of_latents_become_one_batch_of_the_first_ones_size() -> None:
    other = Latent(torch.ones(1, 4, 6, 6))
    whole = batch_latents([TWO, ONE, other])
    assert whole.samples.shape == (4, 4, 3, 5)
    assert torch.equal(whole.samples[:3], torch.cat([TWO.samples, ONE.samples]))
    assert torch.equal(whole.samples[3:], torch.ones(1, 4, 3, 5))


@pytest.mark.parametrize(("dim", "axis"), [("x", 3), ("y", 2)])
def test_latents_lie_beside_each_other_on_the_side_that_is_said(dim: str, axis: int) -> None:
    repeated = ONE.samples.repeat(2, 1, 1, 1)
    behind = latent_concat(TWO, ONE, dim).samples
    assert torch.equal(behind, torch.cat([TWO.samples, repeated], axis))
    before = latent_concat(TWO, ONE, f"-{dim}").samples
    assert torch.equal(before, torch.cat([repeated, TWO.samples], axis))


def test_a_mask_is_laid_beside_a_latent_without_one() -> None:
    masked = Latent(TWO.samples, Mask(torch.zeros(1, 1, 6, 10)))
    mask = latent_concat(masked, ONE, "x").mask
    assert mask is not None
    assert torch.equal(mask.values[..., :5], torch.zeros(2, 1, 3, 5))
    assert torch.equal(mask.values[..., 5:], torch.ones(2, 1, 3, 5))


def test_latents_that_do_not_fit_are_told() -> None:
    with pytest.raises(NodeError, match="5 × 3 and 6 × 6 cells"):
        latent_concat(TWO, Latent(torch.ones(1, 4, 6, 6)), "x")
    with pytest.raises(NodeError, match="no time"):
        latent_concat(TWO, ONE, "t")
    with pytest.raises(NodeError, match="no time"):
        latent_cut_to_batch(TWO)


def test_slices_become_elements_and_the_rest_is_left_out() -> None:
    slices = latent_cut_to_batch(TWO, "x", 2).samples
    columns = [TWO.samples[place, :, :, at : at + 2] for place in (0, 1) for at in (0, 2)]
    assert torch.equal(slices, torch.stack(columns))
    rows = latent_cut_to_batch(TWO, "y", 1).samples
    assert rows[:, 0, 0, 0].tolist() == [0, 5, 10, 60, 65, 70]
    assert latent_cut_to_batch(TWO, "x", 9) is TWO


def test_a_mask_is_cut_with_its_latent() -> None:
    mask = Mask(torch.arange(5.0).reshape(1, 1, 1, 5).expand(1, 1, 3, 5))
    cut = latent_cut_to_batch(Latent(TWO.samples, mask), "x", 2).mask
    assert cut is not None
    assert cut.values[:, 0, 0].tolist() == [[0, 1], [2, 3], [0, 1], [2, 3]]


def test_latents_keep_the_noise_of_their_own_batches_when_they_are_joined() -> None:
    assert batch_latents([TWO, ONE]).batch_index == (0, 1, 0)
    assert batch_latents([latent_from_batch(TWO, 1), ONE]).batch_index == (1, 0)


def test_the_elements_of_a_batch_share_their_noise_or_do_not() -> None:
    same = latent_batch_seed_behavior(latent_from_batch(TWO, 1), "fixed")
    assert same.batch_index == (1,)
    fixed = latent_batch_seed_behavior(TWO, "fixed")
    noise = initial_noise(TWO.samples.shape, 7, fixed.batch_index)
    assert torch.equal(noise[0], noise[1])
    own = latent_batch_seed_behavior(fixed, "random")
    noise = initial_noise(TWO.samples.shape, 7, own.batch_index)
    assert not torch.equal(noise[0], noise[1])
