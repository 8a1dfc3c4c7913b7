"""T2I-Adapters: small networks that read a hint once, and add to a U-Net on its way down.

Mou et al. 2023, T2I-Adapter: Learning Adapters to Dig out More Controllable Ability for
Text-to-Image Diffusion Models, arXiv:2302.08453.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from diffusers import T2IAdapter
from torch import Tensor, nn

from nodes.diffusion.files.checkpoint_networks import configured, filled
from nodes.diffusion.files.weight_shapes import Config, Shapes, count
from nodes.diffusion.memory.by_layer import work_place

_PREFIX = "adapter."
# Residual blocks of each level, which the original numbers throughout.
_BLOCKS = 2
# Hints are folded into channels: by 8 for the levels of Stable Diffusion 1, by 16 for SDXL's.
_FOLD, _FOLD_XL = 8, 16


def is_t2i_adapter(names: Mapping[str, object]) -> bool:
    """Say whether a file is one, by the names of its weights."""
    return any(re.match(r"(adapter\.)?body\.0\.(resnets|block1|body|in_conv)\b", n) for n in names)


def make_t2i_adapter(weights: Mapping[str, Tensor], dtype: str) -> nn.Module:
    """Build an adapter around its weights.

    Args:
        weights: Named as in the original files, or as diffusers does.
        dtype: What to compute in.

    Raises:
        FileProblem: If a weight is missing, surplus, or of another shape.
        KeyError: If a weight that tells the configuration is missing.
    """
    own = _by_levels(weights)
    config = _config({name: tuple(tensor.shape) for name, tensor in own.items()})
    with torch.device("meta"):
        network = configured("T2I-Adapter", T2IAdapter.from_config, config)
    named = {_PREFIX + name: tensor for name, tensor in own.items()}
    return filled(network, named, dtype, "T2I-Adapter")


@torch.no_grad()
def features(network: Any, hint: Tensor) -> list[Tensor]:
    """Read a hint (B, 3, H, W): planes (B, C, h, w) for each level of a U-Net."""
    fold = network.config.downscale_factor
    height, width = (-(-side // fold) * fold for side in hint.shape[-2:])
    if hint.shape[-2:] != (height, width):
        hint = nn.functional.interpolate(hint, (height, width), mode="nearest-exact")
    if network.config.in_channels == 1:
        hint = hint.mean(1, keepdim=True)
    found: list[Tensor] = network(hint.to(*work_place(network)))
    return found


def _by_levels(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give weights the names of diffusers, where the original numbers blocks otherwise."""
    own = {name.removeprefix(_PREFIX): tensor for name, tensor in weights.items()}
    if "body.0.block1.weight" in own:
        own = {_FLAT.sub(_place, name): tensor for name, tensor in own.items()}
    return {re.sub(r"^(body\.\d+)\.body\.", r"\1.resnets.", name): t for name, t in own.items()}


_FLAT = re.compile(r"^body\.(\d+)\.(in_conv|block)")


def _place(found: re.Match[str]) -> str:
    level, block = divmod(int(found[1]), _BLOCKS)
    return f"body.{level}." + ("in_conv" if found[2] == "in_conv" else f"resnets.{block}.block")


def _config(shapes: Shapes) -> Config:
    light = "body.0.out_conv.weight" in shapes
    folded = shapes["body.0.in_conv.weight" if light else "conv_in.weight"][1]
    large = folded not in (_FOLD**2, 3 * _FOLD**2)
    fold = _FOLD_XL if large else _FOLD
    end = "out_conv.weight" if light else "resnets.0.block1.weight"
    levels = count(shapes, "body.")
    return {
        "in_channels": folded // fold**2,
        # A light one repeats the last level by itself.
        "channels": [shapes[f"body.{level}.{end}"][0] for level in range(levels - light)],
        "num_res_blocks": count(shapes, "body.0.resnets."),
        "downscale_factor": fold,
        "adapter_type": "light_adapter"
        if light
        else ("full_adapter_xl" if large else "full_adapter"),
    }
