"""Noise: the same for the same seed, of the right spread, independent or of one path."""

import torch
from torchsde import BrownianTree

from nodes.diffusion.noise import brownian_noise, initial_noise, noise_for, step_noise


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
    draw = brownian_noise(torch.zeros(200_000), 3, 1.0, 4.0)
    half, whole, rest = draw(4.0, 3.0), draw(4.0, 2.0), draw(3.0, 2.0)
    torch.testing.assert_close(whole, (half + rest) / 2**0.5)
    assert abs(float((half * whole).mean()) - 0.5**0.5) < 0.01
    assert abs(float((half * rest).mean())) < 0.01
    for noise in (half, whole, rest):
        assert abs(float(noise.std()) - 1) < 0.01


def test_a_path_is_the_same_whatever_was_asked_of_it_before() -> None:
    x = torch.zeros(1, 4, 8, 8)
    one, other = brownian_noise(x, 3, 1.0, 4.0), brownian_noise(x, 3, 1.0, 4.0)
    one(4.0, 1.0)
    one(3.5, 3.25)
    assert torch.equal(one(3.0, 2.0), other(3.0, 2.0))
    assert not torch.equal(one(3.0, 2.0), brownian_noise(x, 4, 1.0, 4.0)(3.0, 2.0))


def test_a_path_is_that_of_torchsde_by_the_fields_convention() -> None:
    x = torch.zeros(1, 4, 8, 8)
    ends = torch.tensor([0.0292, 14.6146])
    tree = BrownianTree(ends[0], x, ends[1], entropy=11, tol=1e-6, pool_size=24)
    high, low = torch.tensor(3.1), torch.tensor(0.7)
    # Noise of a step down is the path's increment from its lower end, with its sign turned.
    expected = -tree(low, high) / (high - low).abs().sqrt()
    made = noise_for("brownian", x, 11, [14.6146, 3.1, 0.7, 0.0292, 0.0])(3.1, 0.7)
    torch.testing.assert_close(made, expected, rtol=1e-6, atol=1e-6)


def test_a_path_that_was_recorded_is_drawn_again() -> None:
    draw = brownian_noise(torch.zeros(4), 1, 0.5, 8.0)
    recorded = torch.tensor([-0.427871, 1.463329, 0.777975, 0.966850])
    torch.testing.assert_close(draw(8.0, 2.0), recorded, rtol=1e-4, atol=1e-4)


def test_noise_of_one_level_is_asked_for_without_harm() -> None:
    draw = noise_for("brownian", torch.zeros(3), 1, [5.0, 0.0])
    assert draw(8.0, 5.0).isfinite().all()
