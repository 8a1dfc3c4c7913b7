"""Measure a model on captions held out from training, kind by kind, and lay out a grid of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from training.judge import see, verdicts
from training.pictures import PLACES, RELATIONS, SIZE, Picture, draw, held_out, pair, scene, single
from training.run import SEED
from training.scenes import SCENES
from training.shapes import SHAPES

DrawCaptions = Callable[[list[str], int], np.ndarray]
KINDS = ("plain", "sized", "placed", "pair", "scene")
# Every held-out combination is asked for once; the other kinds draw from the same list.
COUNTS = {"plain": 500, "sized": 150, "placed": 180, "pair": 160, "scene": 80}
MARGIN = 2
GRID_ROWS = {"plain": 4, "sized": 1, "placed": 1, "pair": 1, "scene": 1}
GRID_COLUMNS = 8


def questions(kind: str, count: int) -> list[Picture]:
    """Return pictures to ask for, each of held-out combinations (scenes are a closed list)."""
    rng = np.random.default_rng([SEED, 5, KINDS.index(kind)])
    combinations = sorted(held_out())
    order = [combinations[int(index)] for index in rng.permutation(len(combinations))]
    if kind == "plain":
        return [single(*names, rng) for names in order[:count]]
    if kind == "sized":
        sizes = ("large", "medium", "small")
        return [single(*order[i], rng, size=sizes[i % 3]) for i in range(count)]
    if kind == "placed":
        places = tuple(PLACES)
        return [single(*order[i], rng, place=places[i % len(places)]) for i in range(count)]
    if kind == "scene":
        return [scene(SCENES[i % len(SCENES)], rng) for i in range(count)]
    return _pairs(order, count, rng)


def _pairs(
    order: list[tuple[str, str, str]], count: int, rng: np.random.Generator
) -> list[Picture]:
    asked: list[Picture] = []
    relations = tuple(RELATIONS)
    while len(asked) < count:
        (shape, colour, background), (other, tint, same) = (
            order[int(index)] for index in rng.integers(len(order), size=2)
        )
        if background == same and colour != tint:
            relation = relations[len(asked) % len(relations)]
            asked.append(pair((shape, colour), (other, tint), relation, background, rng))
    return asked


@dataclass
class Score:
    """Counts of right answers of one kind of picture.

    Attributes:
        pictures: how many were judged.
        right: right answers by name, such as colour.
        shapes: (asked, right) counts by shape, of pictures of one thing.
        confused: how often a shape (first) was seen as another (second; "" for none).
    """

    pictures: int = 0
    right: Counter[str] = field(default_factory=Counter)
    shapes: dict[str, Counter[str]] = field(default_factory=dict)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, picture: Picture, pixels: np.ndarray) -> bool:
        """Judge one picture; return whether all of it is right."""
        answers = verdicts(picture, pixels)
        self.pictures += 1
        self.right.update({name: int(answer) for name, answer in answers.items()})
        if len(picture.things) == 1:
            asked = picture.things[0].shape
            counts = self.shapes.setdefault(asked, Counter())
            counts.update({"asked": 1, "right": int(answers["shape"])})
            if not answers["shape"]:
                things = see(pixels).things
                self.confused[asked, things[0].shape if things else ""] += 1
        return answers.get("all", all(answers.values()))

    def share(self, name: str) -> float:
        """Return the share of right answers of a name."""
        return self.right[name] / self.pictures

    def shape_share(self, shape: str) -> float:
        """Return the share of pictures of a shape that show it."""
        return self.shapes[shape]["right"] / self.shapes[shape]["asked"]

    def lines(self) -> list[str]:
        """Return the figures as lines of text."""
        shares = ", ".join(f"{name} {self.share(name):.1%}" for name in self.right)
        lines = [f"{self.pictures} pictures: {shares}"]
        if self.shapes:
            each = (
                f"{name} {self.shape_share(name):.1%}" for name in SHAPES if name in self.shapes
            )
            lines.append("shapes: " + ", ".join(each))
        if self.confused:
            pairs = self.confused.most_common()
            lines.append(
                "confused: "
                + ", ".join(f"{asked} as {seen or 'none'} {n}" for (asked, seen), n in pairs)
            )
        return lines


def measure(draw_captions: DrawCaptions, kind: str, count: int, seeds: int) -> Score:
    """Draw held-out captions of a kind with several noise seeds, and judge every picture.

    Args:
        draw_captions: makes uint8 (B, H, W, 3) of captions and a seed.
        kind: one of `KINDS`.
        count: captions.
        seeds: how many times each caption is drawn.
    """
    score = Score()
    asked = questions(kind, count)
    for seed in range(seeds):
        # Wide apart, since a batch of captions uses up the seeds after its own.
        drawn = draw_captions([picture.caption for picture in asked], 100_000 * (seed + 1))
        for picture, pixels in zip(asked, drawn, strict=True):
            score.add(picture, pixels)
    return score


def measure_restored(restore: Callable[[np.ndarray], np.ndarray], kind: str, count: int) -> Score:
    """Judge what an autoencoder makes of drawn pictures.

    Args:
        restore: encodes and decodes uint8 (B, H, W, 3).
        kind: one of `KINDS`.
        count: pictures.
    """
    score = Score()
    asked = questions(kind, count)
    drawn = np.stack([np.asarray(draw(picture)) for picture in asked])
    for picture, pixels in zip(asked, restore(drawn), strict=True):
        score.add(picture, pixels)
    return score


def grid(draw_captions: DrawCaptions, seed: int) -> tuple[Image.Image, list[str]]:
    """Lay out the first held-out captions of each kind, unselected; return them with the captions.

    Args:
        draw_captions: makes pictures of captions and a seed.
        seed: of the noise.
    """
    captions = [
        picture.caption
        for kind, count in GRID_ROWS.items()
        for picture in questions(kind, count * GRID_COLUMNS)
    ]
    cell = SIZE + MARGIN
    rows = len(captions) // GRID_COLUMNS
    sheet = Image.new("RGB", (GRID_COLUMNS * cell, rows * cell), "white")
    for index, pixels in enumerate(draw_captions(captions, seed)):
        place = (index % GRID_COLUMNS * cell, index // GRID_COLUMNS * cell)
        sheet.paste(Image.fromarray(pixels), place)
    return sheet, captions
