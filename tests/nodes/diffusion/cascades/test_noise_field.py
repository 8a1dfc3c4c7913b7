"""A plane of noise is the same however it is cut."""

import torch

from nodes.diffusion.cascades.noise_field import BLOCK, noise_at
from nodes.imaging.tiles import Tile


def test_a_part_is_the_same_in_every_cut() -> None:
    whole = noise_at(Tile(0, 150, 0, 200), 4, seed=3)
    for tile in (Tile(0, 10, 0, 10), Tile(60, 70, 120, 131), Tile(128, 150, 64, 200)):
        assert torch.equal(noise_at(tile, 4, seed=3), tile.of(whole))


def test_it_is_noise_of_unit_variance_without_a_pattern() -> None:
    drawn = noise_at(Tile(0, 256, 0, 256), 3, seed=0)
    assert abs(drawn.mean().item()) < 0.01
    assert abs(drawn.std().item() - 1) < 0.01
    beside = (drawn[..., :-BLOCK] * drawn[..., BLOCK:]).mean().item()
    assert abs(beside) < 0.01


def test_seeds_elements_and_places_differ() -> None:
    tile = Tile(0, 64, 0, 64)
    drawn = [
        noise_at(tile, 1, seed=0),
        noise_at(tile, 1, seed=1),
        noise_at(tile, 1, seed=0, index=1),
        noise_at(Tile(64, 128, 0, 64), 1, seed=0),
        noise_at(Tile(0, 64, 64, 128), 1, seed=0),
    ]
    for place, one in enumerate(drawn):
        assert all((one * other).mean().abs() < 0.1 for other in drawn[place + 1 :])
