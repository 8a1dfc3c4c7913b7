"""Agreement of edges: whole for the same edges, none for others, and little is forgiven."""

import numpy as np
import torch

from training.control import edges_of
from training.judge_edges import REACH, agreement, hinted, measure_edges, steered_grid
from training.pictures import draw, pixels
from training.score import questions


def _line(column: int, length: int = 32) -> torch.Tensor:
    edges = torch.zeros(1, 32, 32, dtype=torch.bool)
    edges[0, :length, column] = True
    return edges


def test_the_same_edges_agree_wholly() -> None:
    assert agreement(_line(10), _line(10)) == 1


def test_edges_agree_as_far_as_they_reach_and_not_beyond() -> None:
    assert agreement(_line(10 + REACH), _line(10)) == 1
    assert agreement(_line(11 + REACH), _line(10)) == 0


def test_no_edges_agree_with_none() -> None:
    assert agreement(torch.zeros(1, 32, 32, dtype=torch.bool), _line(10)) == 0


def test_what_is_left_out_and_what_is_too_much_cost_the_same() -> None:
    half = agreement(_line(10, 16), _line(10))
    assert 0.6 < half < 0.75
    assert agreement(_line(10), _line(10, 16)) == half


def test_pictures_without_edges_are_not_asked_for() -> None:
    captions, hints = hinted("plain", 24)
    assert 0 < len(captions) == len(hints) < 24
    assert hints.flatten(1).any(1).all()


def test_the_drawn_pictures_themselves_agree_wholly_and_others_do_not() -> None:
    asked = questions("placed", 12)
    drawn = {each.caption: np.asarray(draw(each)) for each in asked}

    def as_drawn(captions: list[str], hints: torch.Tensor) -> np.ndarray:
        return np.stack([drawn[caption] for caption in captions])

    def turned(captions: list[str], hints: torch.Tensor) -> np.ndarray:
        return np.flip(as_drawn(captions, hints), (1, 2)).copy()

    assert measure_edges(as_drawn, "placed", 12).min() == 1
    assert measure_edges(turned, "placed", 12).mean() < 0.6


def test_the_grid_shows_each_hint_left_of_its_picture() -> None:
    def white(captions: list[str], hints: torch.Tensor) -> np.ndarray:
        return np.full((len(captions), 128, 128, 3), 250, dtype=np.uint8)

    sheet = np.asarray(steered_grid(white, ["scene"], 2))
    assert sheet.shape == (130, 520, 3)
    asked = edges_of(pixels([draw(questions("scene", 8)[0])]))[0, 0].numpy()
    assert np.array_equal(sheet[:128, :128, 0] > 0, asked)
    assert (sheet[:128, 130:258] == 250).all()
