"""Pictures are made small in three ways, and what is made of them is measured in decibels."""

import numpy as np
import pytest
import torch
from PIL import Image

from training.judge_enlarged import decibels, held_out_pairs, lanczos, measure_enlarged
from training.pictures import draw, held_out, unit_pixels
from training.reductions import CHOICES, LIKE_DRAWN, WAYS, draw_crop, reduced
from training.score import KINDS, questions


def test_decibels_of_a_tenth_are_twenty() -> None:
    wanted = torch.full((2, 3, 4, 4), 0.5)
    assert decibels(wanted + 0.1, wanted) == pytest.approx([20, 20], abs=1e-3)


def test_held_out_pictures_of_every_kind_are_asked_for() -> None:
    small, large = held_out_pairs(256, 4, "area", 1)
    assert small.shape == (len(KINDS), 3, 64, 64)
    asked = questions("plain", 1)[0]
    thing = asked.things[0]
    assert (thing.shape, thing.colour, asked.background) in held_out()
    assert torch.equal(large[:1], unit_pixels([draw(asked, 256)]))


def test_lanczos_is_measured_as_itself() -> None:
    made, plain = measure_enlarged(lambda small: lanczos(small, 4), 256, 4, "area", 1)
    assert made == plain
    assert 25 < plain < 45


def test_a_large_picture_drawn_and_reduced_is_the_small_one_drawn() -> None:
    asked = questions("plain", 4)
    small = unit_pixels([draw(each) for each in asked])
    reduced_ones = unit_pixels([draw(each, 512).reduce(4) for each in asked])
    assert float((small - reduced_ones).abs().mean()) < 0.01


@pytest.mark.parametrize("how", [*WAYS, LIKE_DRAWN])
def test_every_way_makes_a_picture_four_times_smaller(how: str) -> None:
    picture = draw(questions("scene", 1)[0], 256)
    small = reduced(picture, 4, how, np.random.default_rng(0))
    assert small.size == (64, 64)
    plain = np.asarray(picture.reduce(4), dtype=float)
    assert np.abs(np.asarray(small, dtype=float) - plain).mean() < 8


def test_worn_pictures_are_noisy_and_plain_ones_are_not() -> None:
    flat = Image.new("RGB", (64, 64), (100, 120, 140))
    worn = np.asarray(reduced(flat, 4, "worn", np.random.default_rng(0)))
    assert worn.std(axis=(0, 1)).min() > 0.5
    for how in ("area", "bicubic"):
        assert (
            np.asarray(reduced(flat, 4, how, np.random.default_rng(0))).std(axis=(0, 1)).max() == 0
        )


def test_crops_are_cut_where_pictures_vary() -> None:
    crops = [draw_crop(256, 32, np.random.default_rng(seed)) for seed in range(40)]
    assert all(crop.size == (32, 32) for crop in crops)
    flat = sum(np.asarray(crop).std(axis=(0, 1)).max() < 1 for crop in crops)
    assert CHOICES > 1
    assert flat < 20
