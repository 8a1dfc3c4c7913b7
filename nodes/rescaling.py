"""Rescaling: bring what a model estimates at each step to another measure."""

from typing import Annotated

from nodes.api import Range, node
from nodes.diffusion.patches import guidance as guidance_patches
from nodes.diffusion.patches.patch import GuidancePatch, with_patch
from nodes.types import Model

GROUP = "sampling"


@node("RenormCFG", title="Renorm CFG", aliases=("Lumina",))
def renorm_cfg(
    model: Model,
    cfg_trunc: Annotated[float, Range(0, 100, step=0.01)] = 100.0,
    renorm_cfg: Annotated[float, Range(0, 100, step=0.01)] = 1.0,
) -> Model:
    """Guide late in the sampling only, to values no larger than the prompt alone would give.

    Args:
        model: The denoiser.
        cfg_trunc: Guidance holds at noise levels below this one.
        renorm_cfg: How many times as large as under the prompt alone the result may be; 0 for any.

    References:
        Qin et al. 2025, Lumina-Image 2.0: A Unified and Efficient Image Generative Framework,
        arXiv:2503.21758.
    """
    options = {"below": cfg_trunc, "most": renorm_cfg}
    return with_patch(model, GuidancePatch(guidance_patches.renormed, options))


@node("Epsilon Scaling", title="Epsilon scaling", aliases=("exposure bias",))
def epsilon_scaling(
    model: Model, scaling_factor: Annotated[float, Range(0.5, 1.5, step=0.001)] = 1.005
) -> Model:
    """Take off a little less noise at each step than the network says: better details.

    Args:
        model: The denoiser.
        scaling_factor: What the noise is divided by; 1 changes nothing.

    References:
        Ning et al. 2023, Elucidating the Exposure Bias in Diffusion Models, arXiv:2308.15321.
    """
    options = {"divisor": scaling_factor}
    return with_patch(model, GuidancePatch(guidance_patches.noise_divided, options))


@node("TemporalScoreRescaling", title="Temporal score rescaling", aliases=("TSR",))
def temporal_score_rescaling(
    model: Model,
    tsr_k: Annotated[float, Range(0.01, 100, step=0.001)] = 0.95,
    tsr_sigma: Annotated[float, Range(0.01, 100, step=0.001)] = 1.0,
) -> Model:
    """Steer how varied, or how smooth, the pictures of a model are.

    Args:
        model: The denoiser.
        tsr_k: Less than 1 gives more details, more than 1 smoother pictures; 1 changes nothing.
        tsr_sigma: How early it takes effect: the larger, the earlier.

    References:
        Temporal Score Rescaling for Temperature Sampling in Diffusion and Flow Models,
        arXiv:2510.01184.
    """
    options = {"k": tsr_k, "spread": tsr_sigma}
    return with_patch(model, GuidancePatch(guidance_patches.score_rescaled, options))
