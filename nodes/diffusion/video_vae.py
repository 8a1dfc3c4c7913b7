"""The VAE of Stable Video Diffusion: it decodes frames together, so that they do not flicker.

Blattmann et al. 2023, Stable Video Diffusion, arXiv:2311.15127, appendix D.
"""

from collections.abc import Collection
from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder
from torch import nn

from nodes.diffusion.files.weight_shapes import Config

_CONFIG = ("block_out_channels", "layers_per_block", "down_block_types", "latent_channels")


class VideoVae(AutoencoderKLTemporalDecoder):
    """Decodes a batch of latents as the frames of one video."""

    post_quant_conv: nn.Module

    def decode(self, z: torch.Tensor, return_dict: bool = True) -> Any:
        """Decode latents (F, C, h, w) in the order of their frames."""
        plain: Any = super()
        return plain.decode(self.post_quant_conv(z), len(z), return_dict)


def video_vae(config: Config, names: Collection[str]) -> Any:
    """Build one without values.

    Args:
        config: Of its class.
        names: Of its weights: some files have projections about the latents, and some none.
    """
    kind: Any = VideoVae
    made = kind.from_config({name: config[name] for name in _CONFIG if name in config})
    channels = made.config.latent_channels
    if "quant_conv.weight" not in names:
        made.quant_conv = nn.Identity()
    has_post = "post_quant_conv.weight" in names
    made.post_quant_conv = nn.Conv2d(channels, channels, 1) if has_post else nn.Identity()
    return made
