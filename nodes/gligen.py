"""GLIGEN: say what is to be where in a picture."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated

from nodes.api import QUIET, Context, File, Multiline, Range, node
from nodes.diffusion.adapters.gligen import load_gligen, with_box
from nodes.diffusion.adapters.hooks import encoders_by_time
from nodes.diffusion.text.encoding import encode
from nodes.errors import NodeError
from nodes.types import Clip, Conditioning, Gligen

GROUP = "prompts"

Side = Annotated[int, Range(8, 16_384, step=8)]
Offset = Annotated[int, Range(0, 16_384, step=8)]


@node("GLIGENLoader", title="Load GLIGEN")
def gligen_loader(gligen_name: Annotated[str, File("gligen")], *, ctx: Context = QUIET) -> Gligen:
    """Load the layers by which Stable Diffusion 1 puts things at places.

    Args:
        gligen_name: A .safetensors file, for boxes with texts.

    Returns:
        GLIGEN.

    References:
        Li et al. 2023, GLIGEN: Open-Set Grounded Text-to-Image Generation, arXiv:2301.07093.
    """
    return load_gligen(ctx.files.path("gligen", gligen_name), ctx.dtype)


@node("GLIGENTextBoxApply", title="Place by GLIGEN", aliases=("box", "layout"))
def gligen_text_box_apply(
    conditioning_to: Conditioning,
    clip: Clip,
    gligen_textbox_model: Gligen,
    text: Annotated[str, Multiline()] = "",
    width: Side = 64,
    height: Side = 64,
    x: Offset = 0,
    y: Offset = 0,
    *,
    ctx: Context = QUIET,
) -> Conditioning:
    """Have a thing drawn within a box; the prompt should name it too.

    Several boxes follow one another, up to thirty.

    Args:
        conditioning_to: The prompt.
        clip: The text encoder of the prompt.
        gligen_textbox_model: GLIGEN.
        text: What is to be in the box.
        width: Of the box, in pixels.
        height: Of the box, in pixels.
        x: Where the box begins, from the left.
        y: Where the box begins, from the top.

    Returns:
        The prompt with the box.

    References:
        Li et al. 2023, GLIGEN: Open-Set Grounded Text-to-Image Generation, arXiv:2301.07093.
    """
    with nullcontext(clip) if clip.on_cpu else ctx.resident(clip) as placed:
        changed, _ = next(encoders_by_time(placed))
        _, summary = encode(replace(changed, projection=None), text)
    if summary is None:
        raise NodeError(
            "This text encoder gives no summary of a text.",
            "Use the text encoder of Stable Diffusion 1.",
            "conditioning.width",
        )
    return with_box(conditioning_to, gligen_textbox_model, summary, (x, y, x + width, y + height))
