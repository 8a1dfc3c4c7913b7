"""Attention: change how networks look around, by factors on their weights."""

from typing import Annotated

from nodes.api import Range, node
from nodes.diffusion.adapters.merging import by_projections, merged_clips, merged_models
from nodes.diffusion.patches.attention_guidance import attention_guidance, guided_layers
from nodes.diffusion.patches.patch import unet_of, with_patch
from nodes.errors import NodeError
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


@node("NAGuidance", title="Normalized attention guidance", aliases=("NAG", "negative prompt"))
def na_guidance(
    model: Model,
    nag_scale: Annotated[float, Range(0, 50, step=0.1)] = 5.0,
    nag_alpha: Annotated[float, Range(0, 1, step=0.01)] = 0.5,
    nag_tau: Annotated[float, Range(1, 10, step=0.01)] = 1.5,
) -> Model:
    """Lead away from the negative prompt within attention, also where a model wants a cfg of 1.

    Args:
        model: The denoiser; its sampler is given a negative prompt.
        nag_scale: How far to go beyond what the prompt makes of attention; 1 goes nowhere.
        nag_alpha: The share of the result; the rest is what the prompt makes by itself.
        nag_tau: How many times as long as what the prompt makes the result may be.

    References:
        Chen et al. 2025, Normalized Attention Guidance: Universal Negative Guidance for Diffusion
        Models, arXiv:2505.21179.
    """
    if next(guided_layers(model.network), None) is None:
        raise NodeError(
            "This model has no attention between text and picture that could be guided.",
            "Leave the node out for this model.",
            "patch.family",
        )
    return with_patch(model, attention_guidance(nag_scale, nag_alpha, nag_tau))
