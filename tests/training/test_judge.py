"""The judge is right about drawn pictures, and is not fooled by others."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from training.judge import see, verdicts
from training.pictures import PLACES, Picture, Thing, draw, single, training_picture
from training.score import COUNTS, GRID_COLUMNS, GRID_ROWS, Score, grid, measure, questions
from training.shapes import PALETTE, SHAPES

KINDS = ("plain", "sized", "placed", "pair", "scene")


@pytest.mark.parametrize("kind", KINDS)
def test_the_judge_is_right_on_drawn_pictures(kind: str) -> None:
    rng = np.random.default_rng(11)
    score = Score()
    for _ in range(100):
        picture = training_picture(kind, rng)
        score.add(picture, np.asarray(draw(picture)))
    for name in score.right:
        assert score.share(name) >= 0.99


def test_softened_and_noisy_pictures_are_still_read() -> None:
    rng = np.random.default_rng(12)
    score = Score()
    for _ in range(60):
        picture = training_picture("plain", rng)
        soft = np.asarray(draw(picture).filter(ImageFilter.GaussianBlur(1.5))).astype(float)
        noisy = (soft + rng.normal(0, 6, soft.shape)).clip(0, 255).astype(np.uint8)
        score.add(picture, noisy)
    assert score.share("all") >= 0.95


@pytest.mark.parametrize("shape", SHAPES)
def test_one_shape_is_never_taken_for_another(shape: str) -> None:
    rng = np.random.default_rng(13)
    picture = single(shape, "red", "white", rng)
    pixels = np.asarray(draw(picture))
    for other in SHAPES:
        asked = replace(picture, things=(replace(picture.things[0], shape=other),))
        assert verdicts(asked, pixels)["shape"] == (other == shape)


@pytest.mark.parametrize("name", ["colour", "background"])
def test_a_wrong_colour_is_wrong(name: str) -> None:
    picture = single("heart", "red", "white", np.random.default_rng(14))
    pixels = np.asarray(draw(picture))
    for other in set(PALETTE) - {"red", "white"}:
        if name == "colour":
            asked = replace(picture, things=(replace(picture.things[0], colour=other),))
        else:
            asked = replace(picture, background=other)
        answers = verdicts(asked, pixels)
        assert not answers[name]
        assert not answers["all"]


def test_a_thing_at_one_place_is_at_no_other() -> None:
    rng = np.random.default_rng(15)
    for place in PLACES:
        picture = single("circle", "blue", "yellow", rng, place=place)
        pixels = np.asarray(draw(picture))
        for other in PLACES:
            assert verdicts(replace(picture, place=other), pixels)["place"] == (other == place)


def test_a_blob_has_no_shape() -> None:
    image = Image.new("RGB", (128, 128), PALETTE["white"])
    canvas = ImageDraw.Draw(image)
    canvas.polygon([(20, 50), (70, 22), (108, 40), (80, 66), (98, 104), (50, 84)], PALETTE["red"])
    things = see(np.asarray(image)).things
    assert [thing.shape for thing in things] == [""]


def test_a_second_large_thing_spoils_a_picture_of_one() -> None:
    one = Thing("circle", "red", (0.3, 0.5), 0.17)
    asked = Picture("a red circle on a white background", "white", (one,))
    both = replace(asked, things=(one, Thing("square", "blue", (0.7, 0.5), 0.15)))
    assert verdicts(asked, np.asarray(draw(asked)))["shape"]
    assert not verdicts(asked, np.asarray(draw(both)))["shape"]


def test_a_flat_picture_and_noise_show_nothing() -> None:
    flat = np.full((128, 128, 3), PALETTE["green"], dtype=np.uint8)
    noise = np.random.default_rng(16).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    asked = single("ring", "red", "green", np.random.default_rng(17))
    assert verdicts(asked, flat) == {
        "background": True,
        "colour": False,
        "shape": False,
        "all": False,
    }
    assert not verdicts(asked, noise)["background"]
    assert not verdicts(asked, noise)["shape"]


@pytest.mark.parametrize("kind", KINDS)
def test_questions_are_of_held_out_combinations(kind: str) -> None:
    asked = questions(kind, COUNTS[kind])
    trained = {training_picture(kind, np.random.default_rng(seed)).caption for seed in range(500)}
    assert len(asked) == COUNTS[kind]
    assert kind == "scene" or not trained & {picture.caption for picture in asked}


def test_all_500_plain_questions_differ() -> None:
    assert len({picture.caption for picture in questions("plain", 500)}) == 500


def _draw_well(captions: list[str], seed: int) -> np.ndarray:
    asked = [picture for kind in GRID_ROWS for picture in questions(kind, 32)]
    known = {picture.caption: picture for picture in asked}
    return np.stack([np.asarray(draw(known[caption])) for caption in captions])


def test_a_model_that_draws_what_is_asked_scores_full_marks() -> None:
    score = measure(_draw_well, "plain", 16, seeds=2)
    assert score.pictures == 32
    assert score.share("all") == 1
    assert score.confused.total() == 0


def test_a_model_that_draws_something_else_is_counted_by_what_it_drew() -> None:
    def draw_circles(captions: list[str], seed: int) -> np.ndarray:
        picture = single("circle", "red", "white", np.random.default_rng(seed))
        return np.stack([np.asarray(draw(picture))] * len(captions))

    score = measure(draw_circles, "plain", 40, seeds=1)
    circles = score.shapes["circle"]["asked"]
    assert score.right["shape"] == circles
    assert score.confused.total() == 40 - circles
    assert {seen for _, seen in score.confused} == {"circle"}
    assert f"shape {circles / 40:.1%}" in score.lines()[0]


def test_the_grid_shows_the_first_questions_in_order() -> None:
    sheet, captions = grid(_draw_well, seed=0)
    assert sheet.size == (GRID_COLUMNS * 130, sum(GRID_ROWS.values()) * 130)
    assert captions[:32] == [picture.caption for picture in questions("plain", 32)]
    assert captions[-8:] == [picture.caption for picture in questions("scene", 8)]
