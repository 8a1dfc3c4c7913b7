"""Eight small landscapes, drawn with details that a generator decides."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Details = np.random.Generator


def _sky(side: int, top: Colour, bottom: Colour) -> Image.Image:
    ramp = np.linspace(0, 1, side)[:, None, None]
    rows = np.asarray(top) * (1 - ramp) + np.asarray(bottom) * ramp
    return Image.fromarray(np.broadcast_to(rows, (side, side, 3)).astype(np.uint8))


def _disc(canvas: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: Colour) -> None:
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _sunset(side: int, details: Details) -> Image.Image:
    image = _sky(side, (70, 40, 120), (255, 170, 70))
    canvas = ImageDraw.Draw(image)
    x, horizon = details.uniform(0.3, 0.7) * side, details.uniform(0.6, 0.68) * side
    _disc(canvas, x, horizon - 0.05 * side, 0.17 * side, (255, 225, 90))
    canvas.rectangle((0, horizon, side, side), fill=(35, 45, 110))
    for row in range(4):
        y, half = horizon + (0.05 + 0.08 * row) * side, (0.15 - 0.03 * row) * side
        canvas.rectangle((x - half, y, x + half, y + 0.025 * side), fill=(240, 180, 90))
    return image


def _night(side: int, details: Details) -> Image.Image:
    image = _sky(side, (5, 8, 35), (40, 45, 110))
    canvas = ImageDraw.Draw(image)
    for x, y in details.uniform(0.05, 0.95, (14, 2)):
        _disc(canvas, x * side, 0.6 * y * side, 0.012 * side, (250, 250, 220))
    moon = details.uniform(0.2, 0.8) * side
    _disc(canvas, moon, 0.22 * side, 0.11 * side, (245, 240, 200))
    for centre, top in ((0.2, 0.5), (0.75, 0.45), (0.48, 0.6)):
        x, peak = (centre + details.uniform(-0.06, 0.06)) * side, top * side
        canvas.polygon([(x, peak), (x + 0.45 * side, side), (x - 0.45 * side, side)], (25, 28, 50))
    return image


def _house(side: int, details: Details) -> Image.Image:
    image = _sky(side, (110, 180, 245), (200, 230, 255))
    canvas = ImageDraw.Draw(image)
    canvas.ellipse((-0.3 * side, 0.66 * side, 1.3 * side, 1.6 * side), fill=(60, 155, 70))
    x, half = details.uniform(0.4, 0.6) * side, 0.18 * side
    canvas.rectangle((x - half, 0.42 * side, x + half, 0.74 * side), fill=(245, 225, 190))
    roof = [(x, 0.22 * side), (x + 1.3 * half, 0.43 * side), (x - 1.3 * half, 0.43 * side)]
    canvas.polygon(roof, fill=(190, 50, 40))
    door = (x - 0.05 * side, 0.57 * side, x + 0.05 * side, 0.74 * side)
    canvas.rectangle(door, fill=(105, 60, 30))
    _disc(canvas, details.choice([0.15, 0.85]) * side, 0.15 * side, 0.08 * side, (255, 225, 60))
    return image


def _boat(side: int, details: Details) -> Image.Image:
    image = _sky(side, (140, 200, 250), (225, 240, 255))
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((0, 0.66 * side, side, side), fill=(30, 90, 170))
    x = details.uniform(0.38, 0.62) * side
    hull = [(-0.24, 0.62), (0.24, 0.62), (0.16, 0.75), (-0.16, 0.75)]
    canvas.polygon([(x + u * side, v * side) for u, v in hull], fill=(130, 60, 30))
    canvas.rectangle((x - 0.012 * side, 0.18 * side, x + 0.012 * side, 0.62 * side), (80, 50, 30))
    right = [(0.03, 0.2), (0.22, 0.57), (0.03, 0.57)]
    canvas.polygon([(x + u * side, v * side) for u, v in right], fill=(250, 250, 250))
    left = [(-0.03, 0.27), (-0.17, 0.57), (-0.03, 0.57)]
    canvas.polygon([(x + u * side, v * side) for u, v in left], fill=(225, 60, 50))
    return image


def _tree(side: int, details: Details) -> Image.Image:
    image = _sky(side, (120, 190, 250), (215, 240, 255))
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((0, 0.74 * side, side, side), fill=(95, 180, 70))
    x = details.uniform(0.38, 0.62) * side
    canvas.rectangle((x - 0.05 * side, 0.5 * side, x + 0.05 * side, 0.82 * side), (110, 70, 35))
    for u, v in ((-0.14, 0.4), (0.14, 0.4), (0.0, 0.27), (0.0, 0.42)):
        _disc(canvas, x + u * side, v * side, 0.16 * side, (35, 125, 50))
    return image


def _winter(side: int, details: Details) -> Image.Image:
    image = _sky(side, (150, 175, 205), (215, 225, 240))
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((0, 0.7 * side, side, side), fill=(248, 250, 255))
    for centre in (0.2, 0.5, 0.8):
        x, foot = (centre + details.uniform(-0.05, 0.05)) * side, details.uniform(0.78, 0.88) * side
        canvas.rectangle((x - 0.02 * side, foot, x + 0.02 * side, foot + 0.06 * side), (90, 60, 40))
        for level in range(3):
            top, half = foot - (0.26 + 0.15 * level) * side, (0.16 - 0.035 * level) * side
            base = top + 0.26 * side
            canvas.polygon([(x, top), (x + half, base), (x - half, base)], fill=(25, 95, 70))
    return image


def _desert(side: int, details: Details) -> Image.Image:
    image = _sky(side, (90, 175, 235), (250, 235, 190))
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((0, 0.68 * side, side, side), fill=(230, 185, 105))
    _disc(canvas, details.choice([0.18, 0.82]) * side, 0.18 * side, 0.1 * side, (255, 235, 90))
    x, green = details.uniform(0.42, 0.58) * side, (40, 130, 60)
    for u, top, foot in ((0.0, 0.25, 0.82), (-0.17, 0.38, 0.56), (0.17, 0.32, 0.5)):
        box = (x + (u - 0.05) * side, top * side, x + (u + 0.05) * side, foot * side)
        canvas.rounded_rectangle(box, radius=0.05 * side, fill=green)
    for u, v in ((-0.17, 0.51), (0.0, 0.45)):
        box = (x + (u - 0.02) * side, v * side, x + (u + 0.19) * side, (v + 0.09) * side)
        canvas.rectangle(box, fill=green)
    return image


def _city(side: int, details: Details) -> Image.Image:
    image = _sky(side, (15, 15, 50), (95, 60, 120))
    canvas = ImageDraw.Draw(image)
    for column in range(5):
        left, top = 0.2 * column * side, details.uniform(0.3, 0.6) * side
        canvas.rectangle((left, top, left + 0.17 * side, side), fill=(40, 42, 60))
        for row in range(4):
            y = top + (0.05 + 0.12 * row) * side
            for u in (0.03, 0.1):
                box = (left + u * side, y, left + (u + 0.045) * side, y + 0.06 * side)
                canvas.rectangle(box, fill=(255, 215, 100))
    return image


_DRAWERS: dict[str, Callable[[int, Details], Image.Image]] = {
    "a sunset over the sea": _sunset,
    "mountains under a starry night sky": _night,
    "a house on a green hill": _house,
    "a sailing boat on the sea": _boat,
    "a tree on a meadow": _tree,
    "fir trees in the snow": _winter,
    "a cactus in the desert": _desert,
    "a city at night": _city,
}

SCENES: tuple[str, ...] = tuple(_DRAWERS)


def draw_scene(name: str, side: int, details: Details) -> Image.Image:
    """Draw one of `SCENES`, RGB, `side` pixels a side; `details` decides its variations."""
    return _DRAWERS[name](side, details)
