"""Style: prompts that pictures are a part of."""

from typing import Annotated

from nodes.api import QUIET, Choice, Context, File, Range, node
from nodes.diffusion.adapters.style_model import (
    STRENGTH_TYPES,
    load_style_model,
    style_words,
    with_style,
)
from nodes.types import ClipVisionOutput, Conditioning, StyleModel

GROUP = "prompts"


@node("StyleModelLoader", title="Load style model", aliases=("redux",))
def style_model_loader(
    style_model_name: Annotated[str, File("style_models")], *, ctx: Context = QUIET
) -> StyleModel:
    """Load a model that turns pictures into words of a prompt: Flux Redux.

    Args:
        style_model_name: A .safetensors file.

    Returns:
        The style model.
    """
    return load_style_model(ctx.files.path("style_models", style_model_name), ctx.dtype)


@node("StyleModelApply", title="Apply style model", aliases=("redux", "image prompt"))
def style_model_apply(
    conditioning: Conditioning,
    style_model: StyleModel,
    clip_vision_output: ClipVisionOutput,
    strength: Annotated[float, Range(0, 10, step=0.001)] = 1.0,
    strength_type: Annotated[str, Choice(tuple(STRENGTH_TYPES))] = "multiply",
    *,
    ctx: Context = QUIET,
) -> Conditioning:
    """Put pictures behind a prompt, as if they were words of it.

    Args:
        conditioning: The prompt of a Flux model.
        style_model: Flux Redux.
        clip_vision_output: What SigLIP says of the pictures.
        strength: How strongly the pictures are heeded; 1 is as in training.
        strength_type: Whether it is a factor on the words, or on the attention paid to them.

    References:
        Black Forest Labs 2024, FLUX.1 Redux.
    """
    with ctx.resident(style_model) as placed:
        words = style_words(placed, clip_vision_output)
    return with_style(conditioning, words, strength, strength_type)
