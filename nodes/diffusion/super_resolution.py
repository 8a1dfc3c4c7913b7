"""Diffusion models that enlarge pictures: how they see the small one, and what they make of it.

The small picture stands beside what is denoised, and noise that is added to it first, told to the
network as its class, hides what should not be kept: Ho et al. 2021, Cascaded Diffusion Models,
arXiv:2106.15282. What is denoised are the pixels that bicubic enlarging misses (Li et al. 2021,
SRDiff, arXiv:2104.14951), folded into channels (Shi et al. 2016, arXiv:1609.05158).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel
from torch import Tensor
from torch.nn.functional import interpolate, pixel_shuffle

from nodes.diffusion.checkpoint_file import Header, read_header, read_weights, stamp
from nodes.diffusion.checkpoint_networks import configured, filled, model_sampling
from nodes.errors import FileProblem
from nodes.types import Cond, Conditioning, DiffusionUpscaler, LatentFormat, Model, Plain


def load_diffusion_upscaler(path: Path, dtype: str) -> DiffusionUpscaler:
    """Load a file that this project's training made.

    It holds a UNet2DModel's weights under diffusers' names, and in its header's `weft.config` the
    configurations `unet` and `scheduler` and, as `upscaler`, the scale, the factor `detail` on what
    is folded, and `most_noise`.

    Raises:
        FileProblem: If it holds something else.
    """
    header = read_header(path)
    config = _config(header)
    own = config["upscaler"]
    with torch.device("meta"):
        network = configured("UNet", UNet2DModel.from_config, config["unet"])
    network = filled(network, read_weights(path, lambda name: True), dtype, "UNet")
    sampling = model_sampling(config["scheduler"])
    scale = int(own["scale"])
    latents = LatentFormat(3 * scale**2, 1.0, downscale=scale)
    return DiffusionUpscaler(
        model=Model(network, sampling, latents, dtype, f"{stamp(path)}#unet"),
        scale=scale,
        most_noise=int(own["most_noise"]),
        detail=float(own["detail"]),
    )


def _config(header: Header) -> Mapping[str, Any]:
    try:
        config: Mapping[str, Any] = json.loads(header.metadata["weft.config"])
        missing = {"scale", "most_noise", "detail"} - config["upscaler"].keys()
        if missing or not {"unet", "scheduler"} <= config.keys():
            raise KeyError(*missing)
    except (KeyError, TypeError, ValueError) as error:
        raise FileProblem(
            f"{header.path.name} holds no diffusion upscaler that can be read here.",
            "Choose a file of this project's, or load a network like ESRGAN with the upscale model"
            " loader.",
            "upscaler.kind",
        ) from error
    return config


def with_noise(upscaler: DiffusionUpscaler, small: Tensor, noise: Tensor, level: int) -> Tensor:
    """Add noise to small pictures.

    Args:
        upscaler: Its schedule says how much a level is.
        small: (B, 3, h, w) in [-1, 1].
        noise: Like them, of unit variance.
        level: A timestep of the schedule; 0 adds none.
    """
    if level == 0:
        return small
    return small + float(upscaler.model.sampling.sigma(float(level))) * noise


def shown(conditioning: Conditioning, small: Tensor, level: int) -> Conditioning:
    """Give every part of a conditioning the small picture, in [-1, 1], and its noise's level."""
    seen: Mapping[str, Tensor | Plain] = {"small_picture": small, "noise_level": level}
    return Conditioning(
        tuple(replace(part, extras={**part.extras, **seen}) for part in conditioning.parts)
    )


def unconditioned() -> Conditioning:
    """Give the conditioning of a network that reads no text."""
    return Conditioning((Cond(torch.zeros(1, 1, 1)),))


def enlarged_by(upscaler: DiffusionUpscaler, samples: Tensor, small: Tensor) -> Tensor:
    """Make pictures of what was denoised.

    Args:
        upscaler: Says how it was folded.
        samples: (B, C, h, w), folded detail.
        small: (B, 3, h, w) in [-1, 1], as the network saw them.

    Returns:
        (B, 3, h * scale, w * scale) in [0, 1], on the CPU.
    """
    size = [side * upscaler.scale for side in small.shape[-2:]]
    base = interpolate(small, size, mode="bicubic", align_corners=False)
    made = base + pixel_shuffle(samples, upscaler.scale) / upscaler.detail
    return (made / 2 + 0.5).clamp(0, 1)
