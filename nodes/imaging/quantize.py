"""Reduce pictures to few colours, with several ways of dithering."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nodes.imaging.picture_files import eight_bits

DITHERS = ("none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16")


def quantized(pixels: Tensor, colours: int, dither: str) -> Tensor:
    """Reduce a picture to the colours of a palette of its own (median cut).

    Args:
        pixels: (3, H, W) in [0, 1].
        colours: How many there may be, from 1 to 256.
        dither: One of DITHERS; bayer-N adds the ordered pattern of that side.

    Returns:
        (3, H, W).
    """
    picture = Image.fromarray(eight_bits(pixels))
    palette = picture.quantize(colours)
    if dither.startswith("bayer-"):
        picture = _patterned(picture, int(dither.removeprefix("bayer-")), colours)
    way = Image.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Image.Dither.NONE
    made = picture.quantize(colours, palette=palette, dither=way).convert("RGB")
    return torch.from_numpy(np.array(made)).movedim(-1, 0).float() / 255


def bayer(side: int) -> Tensor:
    """Make the ordered pattern of a side that is a power of two: (side, side), in all
    0, the steps 1 / side^2 apart.

    Bayer 1973, An Optimum Method for Two-Level Rendition of Continuous-Tone Pictures.
    """
    pattern = torch.zeros(1, 1)
    while len(pattern) < side:
        rows = torch.cat([4 * pattern, 4 * pattern + 2], dim=1)
        pattern = torch.cat([rows, torch.cat([4 * pattern + 3, 4 * pattern + 1], dim=1)])
    return (pattern - pattern.mean()) / side**2


def _patterned(picture: Image.Image, side: int, colours: int) -> Image.Image:
    """Add the pattern, twice as strong as so many even steps of brightness are far apart."""
    values = torch.from_numpy(np.array(picture)).float()
    rows, columns = values.shape[:2]
    repeats = (-(-rows // side), -(-columns // side))
    pattern = bayer(side).repeat(*repeats)[:rows, :columns, None]
    spread = 2 * 256 / colours
    made = (values + pattern * spread).round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(made.numpy())
