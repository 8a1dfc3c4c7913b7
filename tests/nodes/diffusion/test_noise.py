"""Noise: the same for the same seed, of the right spread, independent or of one path."""

import torch

from nodes.diffusion.noise import brownian_noise, initial_noise, step_noise


def test_noise_is_drawn_for_the_whole_batch_from_one_generator() -> None:
    expected = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(11))
    assert torch.equal(initial_noise((3, 4, 5, 6), 11), expected)


def test_the_largest_seed_is_a_seed() -> None:
    assert initial_noise((1, 4, 2, 2), 2**64 - 1).isfinite().all()
    assert step_noise(torch.zeros(1, 4, 2, 2), 2**64 - 1)(2.0, 1.0).isfinite().all()


def test_a_latent_taken_out_of_a_batch_keeps_its_noise() -> None:
    alone = initial_noise((1, 4, 5, 6), 11, batch_index=(2,))
    pair = initial_noise((2, 4, 5, 6), 11, batch_index=(2, 0))
    assert torch.equal(pair[:1], alone)
    assert not torch.equal(pair[1], alone[0])


def test_noise_of_steps_differs_from_that_of_the_start() -> None:
    x = torch.zeros(1, 4, 8, 8)
    draw = step_noise(x, 11)
    first, second = draw(3.0, 2.0), draw(2.0, 1.0)
    assert not torch.equal(first, second)
    assert not torch.equal(first, initial_noise(x.shape, 11))
    assert torch.equal(first, step_noise(x, 11)(3.0, 2.0))


def test_steps_of_one_path_that_overlap_are_correlated_as_their_lengths() -> None:
    draw = brownian_noise(torch.zeros(200_000), 3)
    half, whole, rest = draw(4.0, 3.0), draw(4.0, 2.0), draw(3.0, 2.0)
    torch.testing.assert_close(whole, (half + rest) / 2**0.5)
    assert abs(float((half * whole).mean()) - 0.5**0.5) < 0.01
    assert abs(float((half * rest).mean())) < 0.01
    for noise in (half, whole, rest):
        assert abs(float(noise.std()) - 1) < 0.01


def test_a_path_goes_through_points_between_those_that_are_known() -> None:
    draw = brownian_noise(torch.zeros(200_000), 3)
    whole, first = draw(4.0, 1.0), draw(4.0, 3.0)
    assert abs(float(first.std()) - 1) < 0.01
    assert abs(float((whole * first).mean()) - (1 / 3) ** 0.5) < 0.01
