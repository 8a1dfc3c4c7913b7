"""Vision: what image encoders see in pictures."""

from typing import Annotated

from nodes.api import QUIET, Choice, Context, File, node
from nodes.diffusion.adapters.clip_vision import encode_image, load_clip_vision, prepared
from nodes.types import ClipVision, ClipVisionOutput, Image

GROUP = "prompts"


@node("CLIPVisionLoader", title="Load CLIP vision", aliases=("image encoder",))
def clip_vision_loader(
    clip_name: Annotated[str, File("clip_vision")], *, ctx: Context = QUIET
) -> ClipVision:
    """Load an image encoder: CLIP's ViT-L, OpenCLIP's ViT-H or bigG, or SigLIP's.

    Args:
        clip_name: A .safetensors file, or a folder that transformers has written.

    Returns:
        The image encoder.
    """
    return load_clip_vision(ctx.files.path("clip_vision", clip_name), ctx.dtype)


@node("CLIPVisionEncode", title="CLIP vision encode")
def clip_vision_encode(
    clip_vision: ClipVision,
    image: Image,
    crop: Annotated[str, Choice(("center", "none"))] = "center",
    *,
    ctx: Context = QUIET,
) -> ClipVisionOutput:
    """Say what is in pictures, in the numbers that adapters and some models read.

    Args:
        clip_vision: The image encoder.
        image: The pictures; alpha is passed over.
        crop: Look at the middle square, or at the whole picture squeezed into a square.

    Returns:
        What the encoder says of each picture.

    References:
        Radford et al. 2021, Learning Transferable Visual Models From Natural Language
        Supervision, arXiv:2103.00020.
    """
    with ctx.resident(clip_vision) as placed:
        return encode_image(
            placed, prepared(image.pixels, placed.size, crop == "center", placed.colours)
        )
