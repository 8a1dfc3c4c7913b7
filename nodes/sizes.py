"""Sizes: how large pictures are to be."""

from typing import Annotated, NamedTuple

from nodes.api import Choice, Range, node
from nodes.imaging.resize import MEGAPIXEL

GROUP = "image"

# What they are called, as width by height.
RATIOS = {
    "1:1 (Square)": (1, 1),
    "3:2 (Photo)": (3, 2),
    "4:3 (Standard)": (4, 3),
    "16:9 (Widescreen)": (16, 9),
    "21:9 (Ultrawide)": (21, 9),
    "2:3 (Portrait Photo)": (2, 3),
    "3:4 (Portrait Standard)": (3, 4),
    "9:16 (Portrait Widescreen)": (9, 16),
}


class Size(NamedTuple):
    """Width and height, in pixels."""

    width: int
    height: int


@node("ResolutionSelector", title="Choose a resolution", aliases=("size", "aspect ratio"))
def resolution_selector(
    aspect_ratio: Annotated[str, Choice(tuple(RATIOS))] = "1:1 (Square)",
    megapixels: Annotated[float, Range(0.1, 16, step=0.1)] = 1.0,
    multiple: Annotated[int, Range(8, 128, step=8)] = 8,
) -> Size:
    """Work out width and height from proportions and an area.

    Args:
        aspect_ratio: Width to height.
        megapixels: The area; 1 is that of 1024 by 1024 pixels.
        multiple: Both sides become the nearest multiples of it.

    Returns:
        width: In pixels.
        height: In pixels.
    """
    wide, tall = RATIOS[aspect_ratio]
    unit = (megapixels * MEGAPIXEL / (wide * tall)) ** 0.5
    width, height = (max(1, round(side * unit / multiple)) * multiple for side in (wide, tall))
    return Size(width, height)
