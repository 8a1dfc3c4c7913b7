"""Between latent spaces that differ in scale alone: a VAE's file does not tell which is its own."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nodes.types import Latent, LatentFormat, Plain


def in_space(latent: Latent, space: LatentFormat) -> Tensor:
    """Give the samples of a latent in a model's or a VAE's space, as far as theirs is known."""
    return latent.samples if latent.space is None else moved(latent.samples, latent.space, space)


def moved(samples: Tensor, own: LatentFormat, space: LatentFormat) -> Tensor:
    """Bring scaled latents from one space to another."""
    if own.channels != space.channels or _scale(own) == _scale(space):
        return samples
    return scaled(raw(samples, own), space)


def scaled(latents: Tensor, space: LatentFormat) -> Tensor:
    """Bring latents (B, C, h, w), as a VAE's network gives them, to a space."""
    means, deviations = _of_channels(space, latents)
    return (latents - space.shift - means) / deviations * space.scaling_factor


def raw(samples: Tensor, space: LatentFormat) -> Tensor:
    """Bring samples (B, C, h, w) in a space to what a VAE's network reads."""
    means, deviations = _of_channels(space, samples)
    return samples / space.scaling_factor * deviations + means + space.shift


def told_scale(space: LatentFormat) -> dict[str, Plain]:
    """Write down a space's scale beside samples in it; `picture_in` reads it."""
    return {
        "picture_scaling": space.scaling_factor,
        "picture_shift": space.shift,
        "picture_means": space.means,
        "picture_deviations": space.deviations,
    }


def picture_in(samples: Tensor, said: Mapping[str, Any], space: LatentFormat) -> Tensor:
    """Bring samples to a space, where `told_scale` has written down their own."""
    if "picture_scaling" not in said:
        return samples
    own = LatentFormat(
        space.channels,
        said["picture_scaling"],
        shift=said["picture_shift"],
        means=tuple(said["picture_means"]),
        deviations=tuple(said["picture_deviations"]),
    )
    return moved(samples, own, space)


def _scale(space: LatentFormat) -> tuple[object, ...]:
    return space.scaling_factor, space.shift, space.means, space.deviations


def _of_channels(space: LatentFormat, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """Give means and deviations in the form of latents."""
    if not space.means:
        return 0.0, 1.0
    both = torch.tensor([space.means, space.deviations]).to(like)
    means, deviations = both[:, :, None, None]
    return means, deviations
