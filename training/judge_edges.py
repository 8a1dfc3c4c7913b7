"""Measure how well pictures follow the edges that a ControlNet was given."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from training.control import edges_of
from training.pictures import SIZE, draw, pixels
from training.score import MARGIN, questions

# How far an edge may lie from the asked one, in pixels.
REACH = 2
# Of so many pictures of any kind, one at least has edges.
MOST_WITHOUT_EDGES = 4

# Makes uint8 (B, H, W, 3) of captions and hints (B, 3, H, W).
DrawSteered = Callable[[list[str], torch.Tensor], np.ndarray]


def _near(edges: torch.Tensor) -> torch.Tensor:
    return functional.max_pool2d(edges.float(), 2 * REACH + 1, 1, REACH) > 0


def agreement(made: torch.Tensor, asked: torch.Tensor) -> float:
    """Return F1 of the edges of one picture: 1 where all lie within `REACH` pixels of each other.

    Martin, Fowlkes and Malik 2004, Learning to Detect Natural Image Boundaries, IEEE TPAMI 26(5),
    with distance alone in place of a matching.

    Args:
        made: bool (1, H, W), the edges of what was drawn.
        asked: bool (1, H, W), some of it true.
    """
    if not made.any():
        return 0.0
    precision = float(_near(asked)[made].float().mean())
    recall = float(_near(made)[asked].float().mean())
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def hinted(kind: str, count: int) -> tuple[list[str], torch.Tensor]:
    """Return captions of held-out pictures and their edges (N, 3, 128, 128), 0 or 1.

    Pictures of two colours that are equally bright have no edges, and are left out.
    """
    asked = questions(kind, count)
    edges = edges_of(pixels([draw(picture) for picture in asked]))
    kept = edges.flatten(1).any(1)
    captions = [picture.caption for picture, has in zip(asked, kept.tolist(), strict=True) if has]
    return captions, edges[kept].float().expand(-1, 3, -1, -1)


def measure_edges(draw_steered: DrawSteered, kind: str, count: int) -> np.ndarray:
    """Draw held-out captions of a kind with their edges; return the agreement of each (N,)."""
    captions, hints = hinted(kind, count)
    drawn = edges_of(draw_steered(captions, hints).transpose(0, 3, 1, 2))
    pairs = zip(drawn, hints[:, :1] > 0, strict=True)
    return np.array([agreement(made, asked) for made, asked in pairs])


def steered_grid(draw_steered: DrawSteered, kinds: list[str], count: int) -> Image.Image:
    """Lay out the first held-out pictures of each kind, a kind a row: each hint, then the result.

    Args:
        draw_steered: makes pictures of captions and hints.
        kinds: the rows.
        count: pictures of each.
    """
    cell = SIZE + MARGIN
    sheet = Image.new("RGB", (2 * count * cell, len(kinds) * cell), "white")
    for row, kind in enumerate(kinds):
        captions, hints = hinted(kind, MOST_WITHOUT_EDGES * count)
        captions, hints = captions[:count], hints[:count]
        asked = (255 * hints).byte().permute(0, 2, 3, 1).numpy()
        made = draw_steered(captions, hints)
        for column, both in enumerate(zip(asked, made, strict=True)):
            for right, picture in enumerate(both):
                place = ((2 * column + right) * cell, row * cell)
                sheet.paste(Image.fromarray(picture), place)
    return sheet
