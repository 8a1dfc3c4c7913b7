"""Measure enlarged pictures against the same pictures drawn large, and against Lanczos."""

from collections.abc import Callable

import numpy as np
import torch

from nodes.imaging.resize import resize
from training.pictures import draw, unit_pixels
from training.reductions import reduced
from training.run import SEED
from training.score import KINDS, questions

# Pictures at a time: large ones take much memory within a network.
BATCH = 4

# Enlarges (B, 3, H, W) in [0, 1].
Enlarge = Callable[[torch.Tensor], torch.Tensor]


def decibels(made: torch.Tensor, wanted: torch.Tensor) -> np.ndarray:
    """Return the peak signal-to-noise ratio of each picture (B, 3, H, W) in [0, 1]."""
    errors = (made.clamp(0, 1) - wanted).square().flatten(1).mean(1)
    ratios: np.ndarray = (-10 * errors.log10()).numpy()
    return ratios


def held_out_pairs(
    side: int, scale: int, how: str, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw held-out pictures of every kind in turn, and make them small.

    Args:
        side: of the large pictures, in pixels.
        scale: how many times smaller the small ones are.
        how: one of `training.reductions.WAYS`.
        count: pictures of each kind.

    Returns:
        small (B, 3, side / scale, side / scale) and large (B, 3, side, side), in [0, 1].
    """
    rng = np.random.default_rng([SEED, 9, side])
    large = [draw(picture, side) for kind in KINDS for picture in questions(kind, count)]
    small = [reduced(image, scale, how, rng) for image in large]
    return unit_pixels(small), unit_pixels(large)


def lanczos(small: torch.Tensor, scale: int) -> torch.Tensor:
    """Enlarge as the node that resizes pictures does."""
    return resize(small, scale * small.shape[-1], scale * small.shape[-2], "lanczos")


@torch.no_grad()
def measure_enlarged(
    enlarge: Enlarge, side: int, scale: int, how: str, count: int
) -> tuple[float, float]:
    """Return the mean decibels of enlarged held-out pictures, and those of Lanczos."""
    small, large = held_out_pairs(side, scale, how, count)
    parts = list(zip(torch.split(small, BATCH), torch.split(large, BATCH), strict=True))
    made = np.concatenate([decibels(enlarge(few), wanted) for few, wanted in parts])
    plain = np.concatenate([decibels(lanczos(few, scale), wanted) for few, wanted in parts])
    return float(made.mean()), float(plain.mean())
