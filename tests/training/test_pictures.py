"""Drawn pictures: the same from the same seed, true to their captions, split for good."""

import numpy as np
import pytest

from training.judge import verdicts
from training.latents import KINDS
from training.pictures import (
    HELD_OUT,
    RELATIONS,
    draw,
    draw_anything,
    held_out,
    pixels,
    single,
    training_picture,
)
from training.shapes import PALETTE, SHAPES


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_draws_the_same_picture_twice(kind: str) -> None:
    first, second = (training_picture(kind, np.random.default_rng(3)) for _ in range(2))
    assert first == second
    assert np.array_equal(np.asarray(draw(first)), np.asarray(draw(second)))
    assert training_picture(kind, np.random.default_rng(4)) != first


def test_the_plain_caption_reads_like_a_prompt() -> None:
    picture = single("star", "orange", "blue", np.random.default_rng(0))
    assert picture.caption == "an orange star on a blue background"


def test_a_caption_names_everything_that_is_drawn() -> None:
    rng = np.random.default_rng(1)
    for kind in ("plain", "sized", "placed", "pair"):
        for _ in range(50):
            picture = training_picture(kind, rng)
            words = picture.caption
            assert f"{picture.background} background" in words
            assert all(f"{thing.colour} {thing.shape}" in words for thing in picture.things)
            assert picture.place in words
            assert picture.size in words
            assert picture.relation in words


def test_no_training_picture_shows_a_held_out_combination() -> None:
    rng = np.random.default_rng(2)
    for kind in ("plain", "sized", "placed", "pair"):
        for _ in range(1000):
            picture = training_picture(kind, rng)
            for thing in picture.things:
                assert (thing.shape, thing.colour, picture.background) not in held_out()


def test_the_split_leaves_every_two_of_three_names_in_training() -> None:
    kept = {
        (shape, colour, background)
        for shape in SHAPES
        for colour in PALETTE
        for background in PALETTE
        if colour != background
    } - held_out()
    assert len(held_out()) == HELD_OUT
    assert len({names[:2] for names in kept}) == len(SHAPES) * len(PALETTE)
    assert len({names[::2] for names in kept}) == len(SHAPES) * len(PALETTE)
    assert len({names[1:] for names in kept}) == len(PALETTE) * (len(PALETTE) - 1)


def test_pictures_are_stacked_as_bytes_with_channels_first() -> None:
    rng = np.random.default_rng(5)
    stacked = pixels([draw_anything(rng), draw(training_picture("scene", rng))])
    assert stacked.shape == (2, 3, 128, 128)
    assert stacked.dtype == np.uint8


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="mosaic"):
        training_picture("mosaic", np.random.default_rng(0))


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_pair_lies_as_its_relation_says(relation: str) -> None:
    rng = np.random.default_rng(6)
    drawn = (training_picture("pair", rng) for _ in range(60))
    found = [picture for picture in drawn if picture.relation == relation]
    assert found
    for picture in found:
        assert verdicts(picture, np.asarray(draw(picture)))["relation"]
