"""Keep what a model on pixels estimates between black and white, where guidance leads beyond them.

Saharia et al. 2022, Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding
(Imagen), arXiv:2205.11487, 2.3; options are named as in the schedulers of diffusers.
"""

import torch
from torch import Tensor

from nodes.diffusion.files.weight_shapes import Config
from nodes.diffusion.patches.patch import Combine, Estimates, GuidancePatch
from nodes.diffusion.pixel_space import COLOURS
from nodes.types import LatentFormat


def thresholds(scheduler: Config, latents: LatentFormat) -> tuple[GuidancePatch, ...]:
    """Read from a scheduler's configuration how estimates are limited; latents never are.

    Args:
        scheduler: `thresholding` asks for the dynamic kind, `clip_sample` for the static one.
        latents: The space that the estimates are in.
    """
    if latents.channels != COLOURS:
        return ()
    white = latents.scaling_factor
    if scheduler.get("thresholding"):
        options = {
            "white": white,
            "ratio": float(scheduler.get("dynamic_thresholding_ratio", 0.995)),
            "most": float(scheduler.get("sample_max_value", 1.0)),
        }
        return (GuidancePatch(dynamically_limited, options),)
    if scheduler.get("clip_sample"):
        limit = white * float(scheduler.get("clip_sample_range", 1.0))
        return (GuidancePatch(limited, {"limit": limit}),)
    return ()


def limited(combine: Combine, estimates: Estimates, *, limit: float) -> Tensor:
    """Cut the guided estimate to [-limit, limit]."""
    return combine(estimates).clamp(-limit, limit)


def dynamically_limited(
    combine: Combine, estimates: Estimates, *, white: float, ratio: float, most: float
) -> Tensor:
    """Cut the guided estimate to what all but a few values keep within, and bring that to white.

    Args:
        combine: What it is put around.
        estimates: Of this step.
        white: The value of white; black is its negative.
        ratio: The share of a picture's values that are kept as they are.
        most: The limit is never more than so many times white.
    """
    guided = combine(estimates)
    lengths = guided.abs().flatten(1).float() / white
    limit = torch.quantile(lengths, ratio, dim=1).clamp(1, max(1.0, most)).reshape(-1, 1, 1, 1)
    limit = limit.to(guided.dtype)
    return guided.clamp(-limit * white, limit * white) / limit
