"""Stable Video Diffusion: a batch of latents are the frames of one video.

Blattmann et al. 2023, Stable Video Diffusion: Scaling Latent Video Diffusion Models to Large
Datasets, arXiv:2311.15127.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from diffusers import UNetSpatioTemporalConditionModel
from torch import Tensor, nn

from nodes.diffusion.patches.patch import Combine, Estimates
from nodes.types import Cond, Latent

VIDEO_NETWORK = "UNetSpatioTemporalConditionModel"
# What is told where nothing else is asked for.
FPS, MOTION, AUGMENTATION = 6, 127, 0.0


def is_video(network: nn.Module) -> bool:
    """Say whether a network denoises the frames of a video together."""
    return isinstance(network, UNetSpatioTemporalConditionModel)


def told_motion(part: Cond, latent: Latent) -> Cond:
    """Give a part what a network for videos reads beside the picture, as tensors.

    `motion` (1, 3) are the frames a second, less one, as it was trained; how much moves; and the
    noise on the first picture. `frames` (1,) counts those of the video.
    """
    said = part.extras
    numbers = [
        float(said[name]) if isinstance(said.get(name), int | float) else otherwise  # type: ignore[arg-type]
        for name, otherwise in (
            ("fps", FPS),
            ("motion_bucket_id", MOTION),
            ("augmentation_level", AUGMENTATION),
        )
    ]
    numbers[0] -= 1
    rest = {n: v for n, v in said.items() if n not in _SAID}
    told = {"motion": torch.tensor([numbers]), "frames": torch.tensor([len(latent.samples)])}
    return replace(part, extras=rest | told)


_SAID = frozenset({"fps", "motion_bucket_id", "augmentation_level"})


def predict_video(
    network: Any, x: Tensor, timestep: Tensor, text: Tensor, added: Mapping[str, Tensor]
) -> Tensor:
    """Call a network for videos.

    Args:
        network: The network.
        x: (V * F, C, h, w), the frames of V videos one after another.
        timestep: (V * F,).
        text: (V * F, T, D); each video's is that of its first frame.
        added: `motion` (V * F, 3) and `frames` (V * F,).

    Returns:
        Its prediction (V * F, C', h, w).
    """
    frames = int(added["frames"][0])
    output: Tensor = network(
        x.reshape(-1, frames, *x.shape[1:]),
        timestep[::frames],
        text[::frames],
        added["motion"][::frames].to(x.dtype),
        return_dict=False,
    )[0]
    return output.flatten(0, 1)


def rising(combine: Combine, estimates: Estimates, *, least: float) -> Tensor:
    """Guide the first frame by a scale of `least`, and the others ever more, up to the whole."""
    return _guided(combine, estimates, least, _places(estimates.x))


def rising_and_falling(combine: Combine, estimates: Estimates, *, least: float) -> Tensor:
    """Guide the middle frame most, and the ends by a scale of `least`: for turns about a thing.

    Voleti et al. 2024, SV3D, arXiv:2403.12008, section 3: both ends show the first view.
    """
    return _guided(combine, estimates, least, 1 - (2 * _places(estimates.x) - 1).abs())


def _places(x: Tensor) -> Tensor:
    """Give the place of each frame, from 0 to 1, as (F, 1, 1, 1)."""
    return torch.linspace(0, 1, len(x), device=x.device).reshape(-1, 1, 1, 1)


def _guided(combine: Combine, estimates: Estimates, least: float, shares: Tensor) -> Tensor:
    less = (1 - shares) * (least - estimates.scale)
    return combine(estimates) + less * (estimates.cond - estimates.uncond)
