"""Guidance: how strongly, and which way, a sampling follows its prompts."""

from typing import Annotated

from nodes.api import Range, node
from nodes.types import Conditioning, Guider, Model


@node("BasicGuider", title="Basic Guider")
def basic_guider(model: Model, conditioning: Conditioning) -> Guider:
    """Follow one prompt, without guidance away from another.

    Args:
        model: The denoiser to sample from.
        conditioning: What the picture should show.
    """
    return Guider(model, "basic", (conditioning,))


@node("CFGGuider", title="CFG Guider", aliases=("classifier-free guidance",))
def cfg_guider(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    cfg: Annotated[float, Range(0, 100, step=0.1)] = 8.0,
) -> Guider:
    """Follow a prompt, and lead away from another: classifier-free guidance.

    Args:
        model: The denoiser to sample from.
        positive: What the picture should show.
        negative: What it should not show.
        cfg: How strongly; at 1 the negative prompt has no part.

    References:
        Ho and Salimans 2022, Classifier-Free Diffusion Guidance, arXiv:2207.12598.
    """
    return Guider(model, "cfg", (positive, negative), {"scale": cfg})
