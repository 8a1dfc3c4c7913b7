"""Guidance: how strongly, and which way, a sampling follows its prompts."""

from typing import Annotated

from nodes.api import Choice, Range, node
from nodes.diffusion.model_sampling import sigma_at
from nodes.diffusion.patches import guidance as guidance_patches
from nodes.diffusion.patches.patch import GuidancePatch, PerpNegPatch, ScalePatch, with_patch
from nodes.types import Conditioning, Guider, LatentOperation, Model

GROUP = "sampling"

Scale = Annotated[float, Range(0, 100, step=0.1)]
Moment = Annotated[float, Range(0, 1, step=0.001)]


@node("BasicGuider", title="Basic guider")
def basic_guider(model: Model, conditioning: Conditioning) -> Guider:
    """Follow one prompt, without guidance away from another.

    Args:
        model: The denoiser to sample from.
        conditioning: What the picture should show.
    """
    return Guider(model, "basic", (conditioning,))


@node("CFGGuider", title="CFG guider", aliases=("classifier-free guidance",))
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


@node("DualCFGGuider", title="Dual CFG guider")
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


@node("PerpNegGuider", title="Perp-Neg guider", aliases=("perpendicular negative",))
def perp_neg_guider(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    empty_conditioning: Conditioning,
    cfg: Scale = 8.0,
    neg_scale: Annotated[float, Range(0, 100, step=0.01)] = 1.0,
) -> Guider:
    """Lead away from what the negative prompt says beside the positive one, and from nothing else.

    Args:
        model: The denoiser to sample from.
        positive: What the picture should show.
        negative: What it should not show, even where the positive prompt is near to it.
        empty_conditioning: An empty prompt.
        cfg: How strongly the positive prompt is followed.
        neg_scale: How strongly the negative prompt pushes.

    References:
        Armandpour et al. 2023, Re-imagine the Negative Prompt Algorithm, arXiv:2304.04968.
    """
    scales = {"scale": cfg, "neg_scale": neg_scale}
    return Guider(model, "perp_neg", (positive, negative, empty_conditioning), scales)


@node("PerpNeg", title="Perp-Neg (on the model)")
def perp_neg(
    model: Model,
    empty_conditioning: Conditioning,
    neg_scale: Annotated[float, Range(0, 100, step=0.01)] = 1.0,
) -> Model:
    """Make samplers of a model lead away as the Perp-Neg guider does, which is the newer node.

    Args:
        model: The denoiser.
        empty_conditioning: An empty prompt.
        neg_scale: How strongly the negative prompt pushes.

    References:
        Armandpour et al. 2023, Re-imagine the Negative Prompt Algorithm, arXiv:2304.04968.
    """
    return with_patch(model, PerpNegPatch(empty_conditioning, neg_scale))


@node("RescaleCFG", title="Rescale CFG")
def rescale_cfg(model: Model, multiplier: Annotated[float, Range(0, 1, step=0.01)] = 0.7) -> Model:
    """Keep strong guidance from overexposing: bring the contrast back to that of the prompt alone.

    Args:
        model: The denoiser.
        multiplier: How much of the way back; 0 changes nothing.

    References:
        Lin et al. 2023, Common Diffusion Noise Schedules and Sample Steps Are Flawed,
        arXiv:2305.08891.
    """
    patch = GuidancePatch(guidance_patches.rescaled, {"multiplier": multiplier})
    return with_patch(model, patch)


@node("CFGNorm", title="CFG norm")
def cfg_norm(
    model: Model,
    strength: Annotated[float, Range(0, 100, step=0.01)] = 1.0,
    pre_cfg: bool = False,
) -> Model:
    """Keep guidance from enlarging values beyond those that the prompt alone would give.

    Args:
        model: The denoiser.
        strength: Factor on the result; with pre_cfg, how much of the way is gone.
        pre_cfg: Bring the noise to the length that it has under the prompt, rather than the sample
            to no more.

    References:
        Wu et al. 2025, Qwen-Image Technical Report, arXiv:2508.02324.
    """
    rule = guidance_patches.noise_norm_kept if pre_cfg else guidance_patches.norm_limited
    return with_patch(model, GuidancePatch(rule, {"strength": strength}))


@node("CFGOverride", title="CFG override")
def cfg_override(
    model: Model, cfg: Scale = 1.0, start_percent: Moment = 0.0, end_percent: Moment = 1.0
) -> Model:
    """Guide with another strength during a part of the sampling.

    Where several hold at once, the one nearest the sampler counts. A strength of 1 saves the
    evaluations of the negative prompt.

    Args:
        model: The denoiser.
        cfg: How strongly the prompt is followed then, whatever the sampler says.
        start_percent: When it begins to hold, 0 being pure noise.
        end_percent: When it ceases to hold, 1 being the finished picture.

    References:
        Kynkäänniemi et al. 2024, Applying Guidance in a Limited Interval Improves Sample and
        Distribution Quality in Diffusion Models, arXiv:2404.07724.
    """
    first, last = (sigma_at(model.sampling, end) for end in (start_percent, end_percent))
    return with_patch(model, ScalePatch(cfg, first, last))


@node("FreSca", title="FreSca", aliases=("frequency",))
def fre_sca(
    model: Model,
    scale_low: Annotated[float, Range(0, 10, step=0.01)] = 1.0,
    scale_high: Annotated[float, Range(0, 10, step=0.01)] = 1.25,
    freq_cutoff: Annotated[int, Range(1, 10_000)] = 20,
) -> Model:
    """Let guidance change outlines and details with strengths of their own.

    Args:
        model: The denoiser.
        scale_low: Factor on the coarse part of what the prompt adds.
        scale_high: Factor on the fine part.
        freq_cutoff: How many of the lowest frequencies, along each axis, are coarse.

    References:
        Huang et al. 2025, FreSca: Scaling in Frequency Space Enhances Diffusion Models,
        arXiv:2504.02154.
    """
    options = {"low": scale_low, "high": scale_high, "cutoff": freq_cutoff}
    return with_patch(model, GuidancePatch(guidance_patches.frequencies_scaled, options))


@node("APG", title="Adaptive projected guidance")
def adaptive_projected_guidance(
    model: Model,
    eta: Annotated[float, Range(-10, 10, step=0.01)] = 1.0,
    norm_threshold: Annotated[float, Range(0, 50, step=0.1)] = 5.0,
    momentum: Annotated[float, Range(-5, 1, step=0.01)] = 0.0,
) -> Model:
    """Guide strongly without colours that burn.

    Args:
        model: The denoiser.
        eta: How much of the guidance along the picture itself is kept; less burns less.
        norm_threshold: The greatest length of a step of guidance; 0 for any.
        momentum: How much of the steps before is added; less than 0 pushes away from them.

    References:
        Sadat et al. 2024, Eliminating Oversaturation and Artifacts of High Guidance Scales in
        Diffusion Models, arXiv:2410.02416.
    """
    options = {"eta": eta, "norm_threshold": norm_threshold, "momentum": momentum}
    return with_patch(model, GuidancePatch(guidance_patches.adaptive_projected, options))


@node("TCFG", title="Tangential damping CFG")
def tangential_damping_cfg(model: Model) -> Model:
    """Lead away from the negative prompt along the direction that both prompts share only.

    Args:
        model: The denoiser.

    References:
        Kwon et al. 2025, TCFG: Tangential Damping Classifier-free Guidance, arXiv:2503.18137.
    """
    return with_patch(model, GuidancePatch(guidance_patches.tangentially_damped))


@node("CFGZeroStar", title="CFG-Zero*")
def cfg_zero_star(model: Model) -> Model:
    """Bring the negative prompt's estimate as near to the positive one's as a factor can.

    Args:
        model: The denoiser; made for flow models.

    References:
        Fan et al. 2025, CFG-Zero*: Improved Classifier-Free Guidance for Flow Matching Models,
        arXiv:2503.18886.
    """
    return with_patch(model, GuidancePatch(guidance_patches.zero_star))


@node("Mahiro", title="Mahiro guidance")
def mahiro(model: Model) -> Model:
    """Let the prompt's own direction weigh more where guidance would turn away from it.

    Args:
        model: The denoiser.
    """
    return with_patch(model, GuidancePatch(guidance_patches.direction_kept))


@node("LatentApplyOperationCFG", title="Apply latent operation to guidance")
def latent_apply_operation_cfg(model: Model, operation: LatentOperation) -> Model:
    """Change what the prompt adds to the picture, at every step.

    Args:
        model: The denoiser.
        operation: The change, such as a tone curve that tames strong guidance.
    """
    patch = GuidancePatch(guidance_patches.operation_applied, {"operation": operation})
    return with_patch(model, patch)
