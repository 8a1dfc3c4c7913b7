"""Attention: change how networks look around, by factors on their weights."""

from typing import Annotated

from nodes.api import Range, node
from nodes.diffusion.adapters.merging import by_projections, merged_clips, merged_models
from nodes.diffusion.patches.patch import unet_of
from nodes.types import Clip, Model

GROUP = "models"

Factor = Annotated[float, Range(0, 10, step=0.01)]


@node("UNetSelfAttentionMultiply", title="U-Net self-attention (multiply)")
def unet_self_attention_multiply(
    model: Model, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Model:
    """Change how places of the picture look at one another.

    Args:
        model: The denoiser, a U-Net.
        q: Factor on queries; more than 1 looks at fewer places, more closely.
        k: Factor on keys, which does the same.
        v: Factor on what is seen.
        out: Factor on what comes of it.
    """
    return _multiplied(model, "attn1", q, k, v, out)


@node("UNetCrossAttentionMultiply", title="U-Net cross-attention (multiply)")
def unet_cross_attention_multiply(
    model: Model, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Model:
    """Change how places of the picture look at the prompt.

    Args:
        model: The denoiser, a U-Net.
        q: Factor on queries; more than 1 looks at fewer places, more closely.
        k: Factor on keys, which does the same.
        v: Factor on what is seen.
        out: Factor on what comes of it.
    """
    return _multiplied(model, "attn2", q, k, v, out)


@node("CLIPAttentionMultiply", title="CLIP attention (multiply)")
def clip_attention_multiply(
    clip: Clip, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Clip:
    """Change how words of a prompt look at one another.

    Args:
        clip: The text encoder, or a set of them; T5 stays as it is.
        q: Factor on queries; more than 1 looks at fewer places, more closely.
        k: Factor on keys, which does the same.
        v: Factor on what is seen.
        out: Factor on what comes of it.
    """
    factors = by_projections("self_attn", q=q, k=k, v=v, out=out)
    return merged_clips((clip, clip), factors, f"self_attn({q},{k},{v},{out})")


def _multiplied(model: Model, attention: str, q: float, k: float, v: float, out: float) -> Model:
    unet_of(model, "Multiplying attention")
    factors = by_projections(attention, q=q, k=k, v=v, out=out)
    return merged_models((model, model), factors, f"{attention}({q},{k},{v},{out})")
