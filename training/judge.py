"""Read colours, shapes and places off a picture without any training: palette, then templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch.nn import functional

from training.pictures import PLACES, Picture, draw, scene
from training.scenes import SCENES
from training.shapes import PALETTE, SHAPES, template

FRAME = 6
# A background is named only where this share of the frame has its colour.
FRAME_SHARE = 0.6
# Smaller specks, as a share of the picture, are not things.
SPECK = 0.006
# Overlap with the best template under which a thing has no shape: large drawn ones reach 0.94 and
# more, nearly all small ones 0.82, and a blob that is nothing in particular stays below 0.75.
OVERLAP = 0.8
TEMPLATE = 48
# The share of that which every mask is scaled to fill; more would cut the tips off a star.
FRAMED_AREA = 0.22
# A second thing of more than this share of the first one's area spoils a picture of one thing.
INTRUDER = 0.2
# Between the smallest drawn medium thing and the largest small one; likewise large and medium.
EXTENTS = (0.335, 0.54)

Pixels = np.ndarray
_NAMES = tuple(PALETTE)
_RGB = np.array(list(PALETTE.values()), dtype=np.int32)


@dataclass(frozen=True)
class Found:
    """One thing in a picture; `shape` is "" where none fits; places are shares of the side."""

    colour: str
    shape: str
    centre: tuple[float, float]
    extent: float
    area: float


@dataclass(frozen=True)
class Seen:
    """What a picture shows: its background, "" where unclear, and its things, largest first."""

    background: str
    things: tuple[Found, ...]


def _nearest(pixels: Pixels, names: Sequence[int]) -> np.ndarray:
    """Return the palette index of each pixel (H, W), among `names` only."""
    distance = ((pixels[:, :, None, :].astype(np.int32) - _RGB[list(names)]) ** 2).sum(-1)
    nearest: np.ndarray = np.asarray(names)[distance.argmin(-1)]
    return nearest


def _eroded(mask: np.ndarray) -> np.ndarray:
    inverse = torch.from_numpy(~mask)[None, None].float()
    eroded: np.ndarray = functional.max_pool2d(inverse, 3, 1, 1)[0, 0].numpy() == 0
    return eroded


def _opened(mask: np.ndarray) -> np.ndarray:
    grown = torch.from_numpy(_eroded(mask))[None, None].float()
    opened: np.ndarray = functional.max_pool2d(grown, 3, 1, 1)[0, 0].numpy() > 0
    return opened


def _components(mask: np.ndarray) -> list[np.ndarray]:
    """Return the connected parts of a mask, found by spreading the largest label."""
    inside = torch.from_numpy(mask)[None, None].float()
    labels = torch.arange(1, mask.size + 1).reshape(inside.shape).float() * inside
    while True:
        spread = functional.max_pool2d(labels, 3, 1, 1) * inside
        if torch.equal(spread, labels):
            break
        labels = spread
    found = labels[0, 0].numpy()
    return [found == label for label in np.unique(found) if label]


def _framed(mask: np.ndarray) -> np.ndarray:
    """Shift and scale a mask to a fixed centre of mass and area, `TEMPLATE` pixels a side.

    Its extent would be the plainer measure, but hangs on the few pixels of a shape's tips.
    """
    rows, columns = np.nonzero(mask)
    # Half the frame's side, in pixels of the mask.
    half = np.sqrt(len(rows) / FRAMED_AREA) / 2
    steps = torch.linspace(-1, 1, TEMPLATE + 1)[:-1] + 1 / TEMPLATE
    height, width = mask.shape
    y = ((rows.mean() + 0.5 + half * steps) / height * 2 - 1).float()
    x = ((columns.mean() + 0.5 + half * steps) / width * 2 - 1).float()
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
    whole = torch.from_numpy(mask.astype(np.float32))[None, None]
    scaled = functional.grid_sample(whole, places, align_corners=False)
    framed: np.ndarray = scaled[0, 0].numpy() > 0.5
    return framed


@cache
def _templates() -> dict[str, np.ndarray]:
    return {shape: _framed(np.asarray(template(shape, 96)) > 127) for shape in SHAPES}


def _shape(mask: np.ndarray) -> str:
    framed = _framed(mask)
    overlaps = {
        shape: float((framed & known).sum() / (framed | known).sum())
        for shape, known in _templates().items()
    }
    best = max(overlaps, key=overlaps.__getitem__)
    return best if overlaps[best] >= OVERLAP else ""


def _found(mask: np.ndarray, colour: str) -> Found:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    side = mask.shape[0]
    return Found(
        colour=colour,
        shape=_shape(mask),
        centre=(
            float(columns[0] + columns[-1] + 1) / 2 / side,
            float(rows[0] + rows[-1] + 1) / 2 / side,
        ),
        extent=max(np.ptp(rows) + 1, np.ptp(columns) + 1) / side,
        area=float(mask.mean()),
    )


def see(pixels: Pixels) -> Seen:
    """Say what a picture shows.

    Args:
        pixels: uint8 (H, W, 3).
    """
    every = range(len(_NAMES))
    labels = _nearest(pixels, every)
    frame = np.ones(labels.shape, dtype=bool)
    frame[FRAME:-FRAME, FRAME:-FRAME] = False
    counts = np.bincount(labels[frame], minlength=len(_NAMES))
    background = int(counts.argmax())
    present = [
        index
        for index in every
        if index != background and _eroded(_opened(labels == index)).mean() > SPECK / 2
    ]
    # Edges mix two colours and may look like a third: only colours with an inside take part.
    labels = _nearest(pixels, [background, *present])
    things = [
        _found(part, _NAMES[index])
        for index in present
        for part in _components(labels == index)
        # Opening alone would cut the points off a star: it only tells things from thin edges.
        if part.mean() > SPECK and _opened(part).mean() > SPECK / 2
    ]
    clear = counts[background] >= FRAME_SHARE * frame.sum()
    return Seen(
        background=_NAMES[background] if clear else "",
        things=tuple(sorted(things, key=lambda thing: -thing.area)),
    )


def _nearest_place(centre: tuple[float, float]) -> str:
    return min(PLACES, key=lambda name: np.hypot(*np.subtract(PLACES[name], centre)))


def _size(extent: float) -> str:
    small, large = EXTENTS
    return "small" if extent < small else "large" if extent > large else "medium"


def _holds(first: Found, second: Found, relation: str) -> bool:
    x = second.centre[0] - first.centre[0]
    y = second.centre[1] - first.centre[1]
    return {
        "left of": x > abs(y),
        "right of": -x > abs(y),
        "above": y > abs(x),
        "below": -y > abs(x),
    }[relation]


@cache
def _scene_means() -> dict[str, np.ndarray]:
    """Average eight-pixel pictures of each scene, against which `scene_of` compares."""
    rng = np.random.default_rng(0)
    return {
        name: np.mean([_thumbnail(np.asarray(draw(scene(name, rng)))) for _ in range(30)], axis=0)
        for name in SCENES
    }


def _thumbnail(pixels: Pixels) -> np.ndarray:
    picture = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)
    small: np.ndarray = functional.adaptive_avg_pool2d(picture, 16).numpy()
    return small


def scene_of(pixels: Pixels) -> str:
    """Return the scene whose average picture is nearest; it does not judge how well it is drawn."""
    small = _thumbnail(pixels)
    means = _scene_means()
    return min(means, key=lambda name: float(((means[name] - small) ** 2).mean()))


def verdicts(picture: Picture, pixels: Pixels) -> dict[str, bool]:
    """Compare what a picture shows with what its caption asks.

    Args:
        picture: what was asked.
        pixels: what was drawn, uint8 (H, W, 3).

    Returns:
        A truth value for each thing that was asked: background, colour, shape; size, place,
        relation; all (every one of them); or scene alone.
    """
    if picture.scene:
        return {"scene": scene_of(pixels) == picture.scene}
    seen = see(pixels)
    answers = {"background": seen.background == picture.background}
    if picture.relation:
        answers |= _pair_verdicts(picture, seen)
    else:
        answers |= _single_verdicts(picture, seen)
    return answers | {"all": all(answers.values())}


def _single_verdicts(picture: Picture, seen: Seen) -> dict[str, bool]:
    asked = picture.things[0]
    answers = dict.fromkeys(("colour", "shape"), False)
    if picture.size:
        answers["size"] = False
    if picture.place:
        answers["place"] = False
    if not seen.things:
        return answers
    thing = seen.things[0]
    alone = all(other.area < INTRUDER * thing.area for other in seen.things[1:])
    answers["colour"] = thing.colour == asked.colour
    answers["shape"] = alone and thing.shape == asked.shape
    if picture.size:
        answers["size"] = _size(thing.extent) == picture.size
    if picture.place:
        answers["place"] = _nearest_place(thing.centre) == picture.place
    return answers


def _pair_verdicts(picture: Picture, seen: Seen) -> dict[str, bool]:
    """Match the two largest things to the two asked for, by colour."""
    by_colour = {thing.colour: thing for thing in reversed(seen.things[:2])}
    matched = [by_colour.get(asked.colour) for asked in picture.things]
    first, second = matched
    return {
        "colour": first is not None and second is not None,
        "shape": all(
            thing is not None and thing.shape == asked.shape
            for thing, asked in zip(matched, picture.things, strict=True)
        ),
        "relation": first is not None
        and second is not None
        and _holds(first, second, picture.relation),
    }
