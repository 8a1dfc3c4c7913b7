"""Regrouping of pictures and latents."""

import pytest
import torch

from nodes.batch import (
    batch_images,
    batch_masks,
    image_from_batch,
    rebatch_images,
    rebatch_latents,
    repeat_image_batch,
)
from nodes.diffusion.noise import initial_noise
from nodes.types import Image, Latent, Mask


def pictures(count: int, size: int = 4, first: int = 0) -> Image:
    values = torch.arange(first, first + count, dtype=torch.float32) / 100
    return Image(values[:, None, None, None].expand(count, 3, size, size))


def marks(image: Image) -> list[int]:
    return [round(value * 100) for value in image.pixels[:, 0, 0, 0].tolist()]


def test_pictures_are_taken_as_far_as_there_are_any() -> None:
    assert marks(image_from_batch(pictures(5), 1, 2)) == [1, 2]
    assert marks(image_from_batch(pictures(5), 3, 9)) == [3, 4]
    assert marks(image_from_batch(pictures(5), 99, 1)) == [4]


@pytest.mark.parametrize(("place", "found"), [(-1, [3]), (-2, [2, 3]), (-9, [0, 1])])
def test_pictures_are_counted_from_the_end_as_well(place: int, found: list[int]) -> None:
    batch = Image(torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 2, 2))
    taken = image_from_batch(batch, place, 2)
    assert taken.pixels[:, 0, 0, 0].tolist() == found


def test_any_number_of_pictures_become_one_batch_of_the_first_ones_size() -> None:
    first = Image(torch.full((1, 3, 4, 6), 0.1))
    second = Image(torch.full((2, 4, 8, 8), 0.2))
    third = Image(torch.full((1, 3, 4, 6), 0.3))
    joined = batch_images([first, second, third]).pixels
    assert joined.shape == (4, 4, 4, 6)
    assert torch.allclose(joined[:, 0, 0, 0], torch.tensor([0.1, 0.2, 0.2, 0.3]))
    assert torch.equal(joined[0, 3], torch.ones(4, 6))


def test_any_number_of_masks_become_one_batch_of_the_first_ones_size() -> None:
    whole = batch_masks([Mask(torch.ones(1, 1, 8, 8)), Mask(torch.full((2, 1, 4, 6), 0.5))])
    assert torch.equal(whole.values[:1], torch.ones(1, 1, 8, 8))
    assert torch.equal(whole.values[1:], torch.full((2, 1, 8, 8), 0.5))


def test_a_batch_is_repeated_as_a_whole() -> None:
    assert marks(repeat_image_batch(pictures(2), 3)) == [0, 1, 0, 1, 0, 1]


def test_pictures_are_regrouped_across_batches_but_not_across_sizes() -> None:
    made = rebatch_images([pictures(3), pictures(2, first=3), pictures(1, size=6, first=5)], 2)
    assert [marks(one) for one in made] == [[0, 1], [2, 3], [4], [5]]


def test_latents_keep_their_noise_and_masks_when_regrouped() -> None:
    first = Latent(torch.arange(3.0)[:, None, None, None].expand(3, 4, 2, 2))
    second = Latent(torch.full((1, 4, 2, 2), 3.0), Mask(torch.zeros(1, 1, 2, 2)), batch_index=(7,))
    made = list(rebatch_latents([first, second], 2))
    assert [one.samples[:, 0, 0, 0].tolist() for one in made] == [[0, 1], [2, 3]]
    assert [one.batch_index for one in made] == [(0, 1), (2, 7)]
    assert made[0].mask is None
    assert made[1].mask is not None
    assert made[1].mask.values[:, 0, 0, 0].tolist() == [1, 0]
    noise = initial_noise((3, 4, 2, 2), 5, (0, 1, 2))
    assert torch.equal(initial_noise((2, 4, 2, 2), 5, (2, 7))[0], noise[2])
