"""Between latent spaces that differ in scale alone: a VAE's file does not tell which is its own."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nodes.types import Latent, LatentFormat


def in_space(latent: Latent, space: LatentFormat) -> Tensor:
    """Give the samples of a latent in a model's or a VAE's space, as far as theirs is known."""
    return latent.samples if latent.space is None else moved(latent.samples, latent.space, space)


def moved(samples: Tensor, own: LatentFormat, space: LatentFormat) -> Tensor:
    """Bring scaled latents from one space to another."""
    if own.channels != space.channels or _scale(own) == _scale(space):
        return samples
    raw = samples / own.scaling_factor + own.shift
    return (raw - space.shift) * space.scaling_factor


def told_scale(space: LatentFormat) -> dict[str, float]:
    """Write down a space's scale beside samples in it; `picture_in` reads it."""
    return {"picture_scaling": space.scaling_factor, "picture_shift": space.shift}


def picture_in(samples: Tensor, said: Mapping[str, Any], space: LatentFormat) -> Tensor:
    """Bring samples to a space, where `told_scale` has written down their own."""
    if "picture_scaling" not in said:
        return samples
    own = LatentFormat(space.channels, said["picture_scaling"], shift=said["picture_shift"])
    return moved(samples, own, space)


def _scale(space: LatentFormat) -> tuple[float, float]:
    return space.scaling_factor, space.shift
