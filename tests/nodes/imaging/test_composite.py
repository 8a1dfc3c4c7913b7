"""Pictures are laid on pictures."""

import torch

from nodes.imaging.composite import composite, with_channels


def test_a_picture_covers_what_it_is_laid_on() -> None:
    below = torch.zeros(1, 3, 4, 5)
    made = composite(below, torch.ones(1, 3, 2, 2), 1, 2, None)
    expected = torch.zeros(4, 5)
    expected[2:4, 1:3] = 1
    assert torch.equal(made[0, 0], expected)
    assert below.sum() == 0


def test_what_reaches_beyond_is_cut_off_on_every_side() -> None:
    below, above = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 3, 3)
    assert composite(below, above, -2, -1, None)[0, 0].sum() == 1 * 2
    assert composite(below, above, 3, 2, None)[0, 0].sum() == 1 * 2
    assert composite(below, above, 4, 0, None).sum() == 0
    assert composite(below, above, -3, 0, None).sum() == 0


def test_a_mask_is_opacity() -> None:
    below, above = torch.full((1, 3, 2, 2), 0.2), torch.full((1, 3, 2, 2), 1.0)
    made = composite(below, above, 0, 0, torch.full((1, 1, 2, 2), 0.25))
    assert torch.allclose(made, torch.tensor(0.4))


def test_a_mask_is_stretched_to_the_upper_picture() -> None:
    mask = torch.tensor([[1.0, 0.0]]).reshape(1, 1, 1, 2)
    made = composite(torch.zeros(1, 3, 2, 8), torch.ones(1, 3, 2, 8), 0, 0, mask)
    assert made[..., 0].min() == 1
    assert made[..., -1].max() == 0


def test_one_picture_is_laid_on_every_one_of_a_batch() -> None:
    made = composite(torch.zeros(3, 3, 2, 2), torch.ones(1, 3, 1, 1), 0, 0, None)
    assert torch.equal(made[:, 0, 0, 0], torch.ones(3))


def test_channels_are_brought_in_line() -> None:
    made = composite(torch.zeros(1, 4, 2, 2), torch.full((1, 3, 1, 1), 0.5), 0, 0, None)
    assert torch.equal(made[0, :, 0, 0], torch.tensor([0.5, 0.5, 0.5, 1.0]))
    assert with_channels(torch.zeros(1, 4, 1, 1), 3).shape == (1, 3, 1, 1)
