"""Guidance by a weakened network: better pictures, even without another prompt."""

import re
from typing import Annotated

from nodes.api import Range, node
from nodes.diffusion.model_sampling import sigma_at
from nodes.diffusion.patches import perturbation
from nodes.diffusion.patches.patch import GuidancePatch, NetworkPatch, unet_of, with_patch
from nodes.diffusion.text.arithmetic import changed, zeroed
from nodes.errors import NodeError
from nodes.types import Conditioning, Guider, Model

GROUP = "sampling"

Moment = Annotated[float, Range(0, 1, step=0.001)]
LayerScale = Annotated[float, Range(0, 10, step=0.1)]


@node("PerturbedAttentionGuidance", title="Perturbed-attention guidance", aliases=("PAG",))
def perturbed_attention_guidance(
    model: Model, scale: Annotated[float, Range(0, 100, step=0.01)] = 3.0
) -> Model:
    """Lead away from what the network estimates when its middle cannot look around.

    Structure gets clearer, with or without a prompt. Each step takes one evaluation more.

    Args:
        model: The denoiser, a U-Net.
        scale: How strongly; 0 changes nothing.

    References:
        Ahn et al. 2024, Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance,
        arXiv:2403.17377.
    """
    unet_of(model, "Perturbed-attention guidance")
    return with_patch(model, GuidancePatch(perturbation.perturbed_attention, {"scale": scale}))


@node("SelfAttentionGuidance", title="Self-attention guidance", aliases=("SAG",))
def self_attention_guidance(
    model: Model,
    scale: Annotated[float, Range(-2, 5, step=0.01)] = 0.5,
    blur_sigma: Annotated[float, Range(0, 10, step=0.1)] = 2.0,
) -> Model:
    """Lead away from what the network estimates without the details that it looks at most.

    Each step takes one evaluation more.

    Args:
        model: The denoiser, a U-Net.
        scale: How strongly; 0 changes nothing.
        blur_sigma: How much those details are blurred, in latent cells.

    References:
        Hong et al. 2023, Improving Sample Quality of Diffusion Models Using Self-Attention
        Guidance, arXiv:2210.00939.
    """
    unet_of(model, "Self-attention guidance")
    options = {"scale": scale, "blur_sigma": blur_sigma}
    rule = perturbation.self_attention_guided
    return with_patch(model, GuidancePatch(rule, options, perturbation.attention_watch))


@node("SkipLayerGuidanceSD3", title="Skip layer guidance (SD3)", aliases=("SLG",))
def skip_layer_guidance_sd3(
    model: Model,
    layers: str = "7, 8, 9",
    scale: LayerScale = 3.0,
    start_percent: Moment = 0.01,
    end_percent: Moment = 0.15,
) -> Model:
    """Lead away from what a transformer estimates without some of its blocks.

    Args:
        model: The denoiser, such as Stable Diffusion 3.5.
        layers: Numbers of the blocks that are left out, from 0.
        scale: How strongly; 0 changes nothing.
        start_percent: When it begins to hold, 0 being pure noise.
        end_percent: When it ceases to hold, 1 being the finished picture.
    """
    return skip_layer_guidance_dit(model, layers, "", scale, start_percent, end_percent)


@node("SkipLayerGuidanceDiT", title="Skip layer guidance (DiT)", aliases=("SLG",))
def skip_layer_guidance_dit(
    model: Model,
    double_layers: str = "7, 8, 9",
    single_layers: str = "7, 8, 9",
    scale: LayerScale = 3.0,
    start_percent: Moment = 0.01,
    end_percent: Moment = 0.15,
    rescaling_scale: Annotated[float, Range(0, 10, step=0.01)] = 0.0,
) -> Model:
    """Lead away from what a transformer estimates without some of its blocks.

    Args:
        model: The denoiser, such as Stable Diffusion 3.5 or Flux.
        double_layers: Numbers of the left-out blocks that keep picture and text apart, from 0.
        single_layers: Numbers of the left-out blocks that join them.
        scale: How strongly; 0 changes nothing.
        start_percent: When it begins to hold, 0 being pure noise.
        end_percent: When it ceases to hold, 1 being the finished picture.
        rescaling_scale: How much of the contrast is brought back to that of the prompt alone.
    """
    options = _layers(model, double_layers, single_layers) | {
        "scale": scale,
        "first": sigma_at(model.sampling, start_percent),
        "last": sigma_at(model.sampling, end_percent),
        "rescale": rescaling_scale,
    }
    return with_patch(model, GuidancePatch(perturbation.layers_skipped, options))


@node("SkipLayerGuidanceDiTSimple", title="Skip layer guidance (DiT, simple)")
def skip_layer_guidance_dit_simple(
    model: Model,
    double_layers: str = "7, 8, 9",
    single_layers: str = "7, 8, 9",
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
) -> Model:
    """Leave some blocks out of the negative prompt's estimate: no evaluation more.

    Args:
        model: The denoiser, such as Stable Diffusion 3.5 or Flux.
        double_layers: Numbers of the left-out blocks that keep picture and text apart, from 0.
        single_layers: Numbers of the left-out blocks that join them.
        start_percent: When it begins to hold, 0 being pure noise.
        end_percent: When it ceases to hold, 1 being the finished picture.
    """
    options = _layers(model, double_layers, single_layers) | {
        "places": (1,),
        "first": sigma_at(model.sampling, start_percent),
        "last": sigma_at(model.sampling, end_percent),
    }
    return with_patch(model, NetworkPatch(perturbation.skipping, options))


def _layers(model: Model, double: str, single: str) -> dict[str, object]:
    if hasattr(model.network, "up_blocks"):
        raise NodeError(
            "Skip layer guidance works on transformers, such as Stable Diffusion 3 and Flux; this "
            "model is a U-Net.",
            "Use PerturbedAttentionGuidance for U-Nets.",
            "patch.family",
        )
    return {
        "double_layers": tuple(int(number) for number in re.findall(r"\d+", double)),
        "single_layers": tuple(int(number) for number in re.findall(r"\d+", single)),
    }


@node("DualModelGuider", title="Dual model guider", aliases=("autoguidance", "bad version"))
def dual_model_guider(
    model: Model,
    positive: Conditioning,
    model_negative: Model | None = None,
    negative: Conditioning | None = None,
    cfg: Annotated[float, Range(0, 100, step=0.1)] = 4.0,
) -> Guider:
    """Follow a prompt, and lead away from what another model makes of another.

    Args:
        model: The denoiser that follows the prompt.
        positive: What the picture should show.
        model_negative: The one that is led away from, such as a weaker version of the first.
        negative: What it is told; without it, nothing.
        cfg: How strongly; at 1 the other model has no part.

    References:
        Karras et al. 2024, Guiding a Diffusion Model with a Bad Version of Itself,
        arXiv:2406.02507.
    """
    told = zeroed(positive) if negative is None else negative
    if model_negative is not None:
        spaces = [each.latent_format for each in (model, model_negative)]
        if spaces[0].channels != spaces[1].channels or spaces[0].downscale != spaces[1].downscale:
            raise NodeError(
                "These models work in different latent spaces.",
                "Choose two models of one family.",
                "guider.space",
            )
        told = changed(told, model=model_negative)
    return Guider(model, "cfg", (positive, told), {"scale": cfg})
