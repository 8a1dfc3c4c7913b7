"""Draw captioned pictures from a seed; what is held out from training is fixed here."""

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw

from training.scenes import SCENES, draw_scene
from training.shapes import PALETTE, SHAPES, draw_shape

SIZE = 128
# Drawn larger and reduced, which is cheaper than antialiasing and as smooth.
OVERSAMPLING = 2
HELD_OUT = 500

PLACES: dict[str, tuple[float, float]] = {
    "in the top left": (0.24, 0.24),
    "at the top": (0.5, 0.24),
    "in the top right": (0.76, 0.24),
    "on the left": (0.24, 0.5),
    "in the middle": (0.5, 0.5),
    "on the right": (0.76, 0.5),
    "in the bottom left": (0.24, 0.76),
    "at the bottom": (0.5, 0.76),
    "in the bottom right": (0.76, 0.76),
}
# Radius as a share of the picture's side: "" is the plain caption, which names no size.
SIZES: dict[str, tuple[float, float]] = {
    "": (0.33, 0.40),
    "large": (0.33, 0.40),
    "medium": (0.22, 0.26),
    "small": (0.12, 0.15),
}
PLACED_RADIUS = (0.16, 0.19)
RELATIONS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "left of": ((0.26, 0.5), (0.74, 0.5)),
    "right of": ((0.74, 0.5), (0.26, 0.5)),
    "above": ((0.5, 0.26), (0.5, 0.74)),
    "below": ((0.5, 0.74), (0.5, 0.26)),
}
PAIR_RADIUS = (0.17, 0.20)


@dataclass(frozen=True)
class Thing:
    """One object; `centre` and `radius` are shares of the picture's side."""

    shape: str
    colour: str
    centre: tuple[float, float]
    radius: float


@dataclass(frozen=True)
class Picture:
    """What a picture shows: things on a plain background, or a scene with its own seed."""

    caption: str
    background: str = ""
    things: tuple[Thing, ...] = ()
    scene: str = ""
    scene_seed: int = 0
    relation: str = ""
    place: str = ""
    size: str = ""


@cache
def held_out() -> frozenset[tuple[str, str, str]]:
    """Return the combinations (shape, colour, background) that no training picture shows."""
    combinations = [
        (shape, colour, background)
        for shape in SHAPES
        for colour in PALETTE
        for background in PALETTE
        if colour != background
    ]
    # A hash and no generator, so that the split can never depend on a library's version.
    combinations.sort(key=lambda names: hashlib.sha256(" ".join(names).encode()).digest())
    return frozenset(combinations[:HELD_OUT])


def _article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def _jitter(rng: np.random.Generator, centre: tuple[float, float]) -> tuple[float, float]:
    x, y = rng.uniform(-0.03, 0.03, 2)
    return centre[0] + float(x), centre[1] + float(y)


def single(
    shape: str,
    colour: str,
    background: str,
    rng: np.random.Generator,
    size: str = "",
    place: str = "",
) -> Picture:
    """Describe one object, plain (large, near the middle), of a named size, or at a named place."""
    low, high = PLACED_RADIUS if place else SIZES[size]
    words = f"{size} {colour} {shape}".strip()
    where = f" {place}" if place else ""
    return Picture(
        caption=f"{_article(words)}{where} on {_article(background)} background",
        background=background,
        things=(
            Thing(
                shape,
                colour,
                _jitter(rng, PLACES[place or "in the middle"]),
                float(rng.uniform(low, high)),
            ),
        ),
        place=place,
        size=size,
    )


def pair(
    first: tuple[str, str],
    second: tuple[str, str],
    relation: str,
    background: str,
    rng: np.random.Generator,
) -> Picture:
    """Describe two objects, each (shape, colour), in one of `RELATIONS`."""
    things = tuple(
        Thing(shape, colour, _jitter(rng, centre), float(rng.uniform(*PAIR_RADIUS)))
        for (shape, colour), centre in zip((first, second), RELATIONS[relation], strict=True)
    )
    names = [_article(f"{colour} {shape}") for shape, colour in (first, second)]
    return Picture(
        caption=f"{names[0]} {relation} {names[1]} on {_article(background)} background",
        background=background,
        things=things,
        relation=relation,
    )


def scene(name: str, rng: np.random.Generator) -> Picture:
    """Describe one of `SCENES`, its details decided by the generator."""
    return Picture(caption=name, scene=name, scene_seed=int(rng.integers(2**31)))


def _choice(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def _trained_combination(rng: np.random.Generator) -> tuple[str, str, str]:
    while True:
        names = (_choice(rng, SHAPES), _choice(rng, tuple(PALETTE)), _choice(rng, tuple(PALETTE)))
        if names[1] != names[2] and names not in held_out():
            return names


def _trained_pair(rng: np.random.Generator) -> Picture:
    while True:
        shape, colour, background = _trained_combination(rng)
        other = (_choice(rng, SHAPES), _choice(rng, tuple(PALETTE)))
        new = (*other, background) not in held_out()
        if new and other[1] not in (colour, background):
            return pair((shape, colour), other, _choice(rng, tuple(RELATIONS)), background, rng)


def training_picture(kind: str, rng: np.random.Generator) -> Picture:
    """Describe a picture of a kind: plain, sized, placed, pair or scene; never a held-out one."""
    if kind == "scene":
        return scene(_choice(rng, SCENES), rng)
    if kind == "pair":
        return _trained_pair(rng)
    shape, colour, background = _trained_combination(rng)
    if kind == "sized":
        return single(
            shape, colour, background, rng, size=_choice(rng, ("large", "medium", "small"))
        )
    if kind == "placed":
        return single(shape, colour, background, rng, place=_choice(rng, tuple(PLACES)))
    if kind == "plain":
        return single(shape, colour, background, rng)
    raise ValueError(f"There is no kind of picture called {kind!r}.")


def draw(picture: Picture, size: int = SIZE) -> Image.Image:
    """Draw a picture, RGB, `size` pixels a side."""
    side = size * OVERSAMPLING
    if picture.scene:
        image = draw_scene(picture.scene, side, np.random.default_rng(picture.scene_seed))
        return image.reduce(OVERSAMPLING)
    image = Image.new("RGB", (side, side), PALETTE[picture.background])
    canvas = ImageDraw.Draw(image)
    for thing in picture.things:
        x, y = thing.centre
        draw_shape(
            canvas, thing.shape, (x * side, y * side), thing.radius * side, PALETTE[thing.colour]
        )
    return image.reduce(OVERSAMPLING)


def draw_anything(rng: np.random.Generator, size: int = SIZE) -> Image.Image:
    """Draw shapes, strokes and gradients in any colours, so that a VAE sees more than twelve."""
    side = size * OVERSAMPLING
    coarse = rng.integers(0, 256, (*rng.integers(1, 4, 2), 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    canvas = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 8))):
        red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
        x, y = rng.uniform(0, side, 2)
        if rng.random() < 0.7:
            radius = float(rng.uniform(0.05, 0.35)) * side
            draw_shape(canvas, _choice(rng, SHAPES), (x, y), radius, (red, green, blue))
        else:
            end = rng.uniform(0, side, 2)
            width = int(rng.integers(2, 16)) * size // SIZE
            canvas.line((x, y, end[0], end[1]), fill=(red, green, blue), width=width)
    return image.reduce(OVERSAMPLING)


def pixels(images: list[Image.Image]) -> np.ndarray:
    """Stack pictures into uint8 (B, 3, H, W)."""
    return np.stack([np.asarray(image) for image in images]).transpose(0, 3, 1, 2)


def unit_pixels(images: list[Image.Image]) -> torch.Tensor:
    """Stack pictures into float32 (B, 3, H, W) in [0, 1]."""
    return torch.from_numpy(pixels(images)).float() / 255
