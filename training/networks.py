"""The networks of diffusers, under names that say what they are: the library declares no types."""

from collections.abc import Mapping
from typing import Any

import diffusers

Autoencoder = Any
DenoisingNetwork = Any


def make_autoencoder(config: Mapping[str, Any]) -> Autoencoder:
    """Return an untrained AutoencoderKL."""
    make: Any = diffusers.AutoencoderKL
    return make(**config)


def make_denoiser(config: Mapping[str, Any]) -> DenoisingNetwork:
    """Return an untrained UNet2DConditionModel."""
    make: Any = diffusers.UNet2DConditionModel
    return make(**config)
