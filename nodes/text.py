"""Text: prompts to conditioning."""

from dataclasses import replace
from typing import Annotated, Any

from nodes.api import QUIET, Context, Multiline, Range, node
from nodes.diffusion.text import encode
from nodes.errors import NodeError
from nodes.types import Clip, Cond, Conditioning


@node("CLIPTextEncode", title="CLIP text encode (prompt)", aliases=("prompt", "text"))
def clip_text_encode(
    text: Annotated[str, Multiline()], clip: Clip, *, ctx: Context = QUIET
) -> Conditioning:
    r"""Encode a prompt for the denoiser to follow.

    `(word:1.2)` weighs a word, `(word)` weighs it 1.1; both nest, and `\(` is a plain
    parenthesis. A text of more tokens than the encoder takes is encoded in several chunks.

    Args:
        text: What the picture should show, or in a negative prompt what it should not.
        clip: The text encoder.

    Returns:
        What to condition on.

    References:
        Radford et al. 2021, Learning Transferable Visual Models From Natural Language
        Supervision, arXiv:2103.00020.
    """
    with ctx.resident(clip) as placed:
        embeds, pooled = encode(placed, text)
    return Conditioning((Cond(embeds, pooled),))


@node("CLIPSetLastLayer", title="CLIP set last layer", aliases=("clip skip",))
def clip_set_last_layer(
    clip: Clip, stop_at_clip_layer: Annotated[int, Range(-24, -1, step=1)] = -1
) -> Clip:
    """Take the text encoder's output after an earlier layer ("CLIP skip").

    Args:
        clip: The text encoder.
        stop_at_clip_layer: The layer to stop after, counted from the end; -1 is the last.

    Returns:
        The text encoder, which stops there.
    """
    network: Any = clip.encoder
    layers = network.config.num_hidden_layers
    if -stop_at_clip_layer > layers:
        raise NodeError(
            f"This text encoder has {layers} layers, so it cannot stop at {stop_at_clip_layer}.",
            f"Set stop_at_clip_layer between -{layers} and -1.",
            "clip.layer",
        )
    return replace(clip, skip=-stop_at_clip_layer)
