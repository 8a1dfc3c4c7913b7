"""Refined tiles are decoded as parts of what was made; `test_cascade` runs the rest."""

from typing import Any

import torch
from torch import Tensor

from nodes import cascade
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.refine import cascade_stage_refine
from nodes.text import clip_text_encode
from nodes.types import Image
from tests.nodes.diffusion.tiny_sampling import Told
from tests.nodes.test_cascade import MINIATURE


def test_tiles_of_a_blank_picture_get_the_colours_of_what_is_drawn_there() -> None:
    parts = load_checkpoint(MINIATURE, "float32")
    texts = [clip_text_encode(text, parts.clip) for text in ("a red star on blue", "")]
    given: dict[str, Any] = {"positive": texts[0], "negative": texts[1], "seed": 7, "steps": 4}
    given |= {"cfg": 3.5, "denoise": 1.0, "overlap": 32, "colours": "none"}
    blank = Image(torch.full((1, 3, 160, 160), 0.5))

    def drawn(tile: int) -> Tensor:
        stage = cascade_stage_refine(parts.model, parts.vae, tile_size=tile, **given)
        made = cascade.run_cascade_stage(stage, image=blank, ctx=Told())
        assert isinstance(made, Image)
        return made.pixels

    whole, tiled = drawn(4096), drawn(128)
    # By statistics of the blank picture, colours would be off by half of what there is.
    assert (tiled.mean((2, 3)) - whole.mean((2, 3))).abs().max() < 0.1
