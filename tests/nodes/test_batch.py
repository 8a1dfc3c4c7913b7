"""Regrouping of pictures and latents."""

import torch

from nodes.batch import image_from_batch, rebatch_images, rebatch_latents, repeat_image_batch
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
