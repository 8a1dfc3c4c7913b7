"""Stable Cascade: latents for its stages, and what the second sees of the first."""

from typing import Annotated, NamedTuple

import torch

from nodes.api import QUIET, Context, Range, node
from nodes.diffusion import vae as coding
from nodes.diffusion.cascades.stable_cascade import COMPRESSION, REDUCED, STAGE_B, STAGE_C
from nodes.diffusion.cascades.stage_c_coder import REDUCTION, StageCCoder
from nodes.diffusion.text.arithmetic import with_extras
from nodes.errors import NodeError
from nodes.imaging.resize import resize
from nodes.types import Conditioning, Image, Latent, Vae

GROUP = "latent"

Side = Annotated[int, Range(256, 16_384, step=8)]
Compression = Annotated[int, Range(4, 128)]


class StageLatents(NamedTuple):
    """A latent for each stage."""

    stage_c: Latent
    stage_b: Latent


@node("StableCascade_EmptyLatentImage", title="Stable Cascade: empty latents")
def stable_cascade_empty_latent_image(
    width: Side = 1024,
    height: Side = 1024,
    compression: Compression = COMPRESSION,
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


@node("StableCascade_StageC_VAEEncode", title="Stable Cascade: encode for stage C")
def stable_cascade_stage_c_vae_encode(
    image: Image, vae: Vae, compression: Compression = COMPRESSION, *, ctx: Context = QUIET
) -> StageLatents:
    """Encode pictures for stage C, which can then draw them anew in part.

    They are resized first, so that the encoder's squares of 32 pixels stand for what is asked for.

    Args:
        image: The pictures; alpha is passed over, and what does not fit is cut about the middle.
        vae: What comes with stage C, or its effnet_encoder.
        compression: Pixels of a side that become one cell.

    Returns:
        stage_c: The pictures, for the stage that draws by the text.
        stage_b: Nothing, for the stage that enlarges what it drew.
    """
    if not isinstance(vae.network, StageCCoder):
        raise NodeError(
            "This VAE does not encode for Stable Cascade's stage C.",
            "Take the VAE of a checkpoint of stage C, or load effnet_encoder.safetensors.",
            "vae.kind",
        )
    count, _, height, width = image.pixels.shape
    tall, wide = (max(1, side // compression) * REDUCTION for side in (height, width))
    pixels = resize(image.pixels[:, :3], wide, tall, "bicubic", "center")
    with ctx.resident(vae) as placed:
        calls = coding.calls(count, pixels.shape[-2] * pixels.shape[-1])
        reduced = torch.cat(list(ctx.track(coding.encode(placed, pixels), calls)))
    # Stage B sees its cells in squares of two a side.
    cells = [max(1, side // (2 * STAGE_B.downscale)) * 2 for side in (height, width)]
    empty = torch.zeros(count, STAGE_B.channels, *cells)
    return StageLatents(Latent(reduced, space=STAGE_C), Latent(empty, space=STAGE_B))


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
