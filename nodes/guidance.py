"""Guidance: how strongly, and which way, a sampling follows its prompts."""

from typing import Annotated

from nodes.api import Choice, Range, node
from nodes.types import Conditioning, Guider, Model

Scale = Annotated[float, Range(0, 100, step=0.1)]


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
    cfg: Scale = 8.0,
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


@node("DualCFGGuider", title="Dual CFG Guider")
def dual_cfg_guider(
    model: Model,
    cond1: Conditioning,
    cond2: Conditioning,
    negative: Conditioning,
    cfg_conds: Scale = 8.0,
    cfg_cond2_negative: Scale = 8.0,
    style: Annotated[str, Choice(("regular", "nested"))] = "regular",
) -> Guider:
    """Follow two prompts that build on one another: each step between them has its own strength.

    Args:
        model: The denoiser to sample from.
        cond1: The whole wish, such as a picture and what to change in it.
        cond2: A part of it, such as the picture alone.
        negative: What the picture should not show.
        cfg_conds: How strongly to go from the second prompt to the first.
        cfg_cond2_negative: How strongly to go from the negative prompt to the second.
        style: Add both steps, or let the second strength hold for the sum.

    References:
        Brooks et al. 2023, InstructPix2Pix: Learning to Follow Image Editing Instructions,
        arXiv:2211.09800.
    """
    scales = {"scale": cfg_conds, "scale_2": cfg_cond2_negative}
    kind = "dual" if style == "regular" else "dual_nested"
    return Guider(model, kind, (cond1, cond2, negative), scales)
