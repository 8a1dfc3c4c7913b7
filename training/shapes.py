"""The eight shapes and twelve colours of the miniature model's world, as geometry and RGB."""

import math

from PIL import Image, ImageDraw

PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 35),
    "orange": (255, 140, 0),
    "yellow": (255, 228, 50),
    "green": (30, 150, 60),
    "cyan": (60, 210, 225),
    "blue": (30, 65, 215),
    "purple": (125, 35, 175),
    "pink": (255, 135, 195),
    "brown": (115, 65, 25),
    "white": (250, 250, 250),
    "gray": (130, 130, 130),
    "black": (15, 15, 15),
}

Point = tuple[float, float]


def _star() -> list[Point]:
    corners = []
    for index in range(10):
        radius = 1.0 if index % 2 == 0 else 0.42
        angle = math.pi * index / 5
        corners.append((radius * math.sin(angle), -radius * math.cos(angle)))
    return corners


def _heart() -> list[Point]:
    # The usual heart curve, scaled from its own extent (x +-16, y -17..12) to a unit radius.
    points = []
    for index in range(60):
        t = 2 * math.pi * index / 60
        x = 16 * math.sin(t) ** 3
        y = -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))
        points.append((x / 16, (y - 2.5) / 16))
    return points


# The diamond is narrow and the square is not, so that the two differ at a glance even when soft.
_POLYGONS: dict[str, list[Point]] = {
    "square": [(-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84)],
    "triangle": [(0.0, -0.92), (1.0, 0.8), (-1.0, 0.8)],
    "star": _star(),
    "heart": _heart(),
    "cross": [
        (-0.32, -0.95), (0.32, -0.95), (0.32, -0.32), (0.95, -0.32), (0.95, 0.32), (0.32, 0.32),
        (0.32, 0.95), (-0.32, 0.95), (-0.32, 0.32), (-0.95, 0.32), (-0.95, -0.32), (-0.32, -0.32),
    ],
    "diamond": [(0.0, -1.0), (0.6, 0.0), (0.0, 1.0), (-0.6, 0.0)],
}  # fmt: skip

SHAPES: tuple[str, ...] = (
    "circle",
    "square",
    "triangle",
    "star",
    "heart",
    "ring",
    "cross",
    "diamond",
)


def draw_shape(
    canvas: ImageDraw.ImageDraw,
    shape: str,
    centre: Point,
    radius: float,
    fill: tuple[int, int, int] | int,
) -> None:
    """Draw one shape.

    Args:
        canvas: what to draw on.
        shape: one of `SHAPES`.
        centre: middle of the shape in pixels.
        radius: half of the shape's extent in pixels.
        fill: RGB colour, or a grey value on a one-channel picture.
    """
    x, y = centre
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        canvas.ellipse(box, fill=fill)
    elif shape == "ring":
        canvas.ellipse(box, outline=fill, width=max(1, round(0.45 * radius)))
    else:
        canvas.polygon([(x + radius * u, y + radius * v) for u, v in _POLYGONS[shape]], fill=fill)


def template(shape: str, size: int) -> Image.Image:
    """Return the shape in white on black, filling a square picture of `size` pixels (mode L)."""
    picture = Image.new("L", (4 * size, 4 * size), 0)
    draw_shape(ImageDraw.Draw(picture), shape, (2 * size, 2 * size), 2 * size - 1, 255)
    return picture.reduce(4)
