"""Stable Cascade: latents for its stages, and what the second sees of the first."""

from typing import Annotated, NamedTuple

import torch

from nodes.api import Range, node
from nodes.diffusion.prompts import with_extras
from nodes.diffusion.stable_cascade import COMPRESSION, REDUCED, STAGE_B, STAGE_C
from nodes.types import Conditioning, Latent

GROUP = "latent"

Side = Annotated[int, Range(256, 16_384, step=8)]


class StageLatents(NamedTuple):
    """An empty latent for each stage."""

    stage_c: Latent
    stage_b: Latent


@node("StableCascade_EmptyLatentImage", title="Stable Cascade: empty latents")
def stable_cascade_empty_latent_image(
    width: Side = 1024,
    height: Side = 1024,
    compression: Annotated[int, Range(4, 128)] = COMPRESSION,
    batch_size: Annotated[int, Range(1, 4096)] = 1,
) -> StageLatents:
    """Make a latent of nothing for each stage of Stable Cascade.

    Args:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        compression: Pixels of a side that stage C makes one cell of.
        batch_size: How many pictures are drawn at once.

    Returns:
        stage_c: For the stage that draws by the text.
        stage_b: For the stage that enlarges what it drew.
    """
    sides = (height // compression, width // compression)
    cells = (height // STAGE_B.downscale, width // STAGE_B.downscale)
    return StageLatents(
        Latent(torch.zeros(batch_size, STAGE_C.channels, *sides), space=STAGE_C),
        Latent(torch.zeros(batch_size, STAGE_B.channels, *cells), space=STAGE_B),
    )


@node("StableCascade_StageB_Conditioning", title="Stable Cascade: stage B conditioning")
def stable_cascade_stage_b_conditioning(
    conditioning: Conditioning, stage_c: Latent
) -> Conditioning:
    """Show Stable Cascade's second stage what the first one made.

    Args:
        conditioning: The prompt.
        stage_c: What stage C made.
    """
    return with_extras(conditioning, {REDUCED: stage_c.samples})
