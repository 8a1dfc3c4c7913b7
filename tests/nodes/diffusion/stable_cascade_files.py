"""Narrow networks of Stable Cascade under the names of its makers."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from diffusers.models.unets.unet_stable_cascade import StableCascadeUNet
from torch import Tensor

from nodes.diffusion.cascades.efficientnet import Group
from nodes.diffusion.cascades.stable_cascade import StageA
from tests.nodes.diffusion.enlarging_models import made
from tests.nodes.diffusion.tiny_models import Config

# Attention has heads of 64 channels in all that was published.
STAGE_C: Config = {
    "conditioning_dim": 64,
    "block_out_channels": (64, 128),
    "num_attention_heads": (1, 2),
    "down_num_layers_per_block": (1, 2),
    "up_num_layers_per_block": (2, 1),
    "switch_level": (False,),
    "clip_image_in_channels": 24,
    "clip_text_in_channels": 1280,
    "clip_text_pooled_in_channels": 1280,
}
STAGE_B: Config = {
    "in_channels": 4,
    "out_channels": 4,
    "conditioning_dim": 32,
    "block_out_channels": (16, 64),
    "num_attention_heads": (-1, 1),
    "down_num_layers_per_block": (1, 2),
    "up_num_layers_per_block": (2, 1),
    "up_blocks_repeat_mappers": (3, 2),
    "block_types_per_layer": (
        ("SDCascadeResBlock", "SDCascadeTimestepBlock"),
        ("SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"),
    ),
    "timestep_conditioning_type": ("sca",),
    "switch_level": None,
    "clip_text_pooled_in_channels": 1280,
    "effnet_in_channels": 16,
    "pixel_mapper_in_channels": 3,
    "patch_size": 2,
}
STAGE_A: Config = {"bottleneck_blocks": 2, "num_vq_embeddings": 2, "embed_dim": 16}
# The small network's kinds of blocks and strides, with fewer and narrower blocks.
EFFICIENTNET = (
    8,
    (
        Group(8, 1, 2, 1, weighed=False),
        Group(16, 4, 2, 2, weighed=False),
        Group(16, 4, 1, 2, weighed=False),
        Group(16, 4, 2, 2, weighed=True),
        Group(16, 6, 1, 1, weighed=True),
        Group(24, 6, 1, 2, weighed=True),
    ),
    24,
)


@cache
def stage(name: str) -> Any:
    return made(StableCascadeUNet, STAGE_C if name == "c" else STAGE_B)


@cache
def stage_a() -> Any:
    return made(StageA, STAGE_A)


def of_makers(weights: Mapping[str, Tensor], of_b: bool) -> dict[str, Tensor]:
    """Give a stage's weights the names of its makers, who keep what attention reads together."""
    named: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if ".to_q." in name:
            parts = [weights[name.replace("to_q", f"to_{part}")] for part in "qkv"]
            named[name.replace("to_q.", "attn.in_proj_")] = torch.cat(parts)
        elif ".to_out.0." in name:
            named[name.replace("to_out.0", "attn.out_proj")] = tensor
        elif ".to_k." not in name and ".to_v." not in name:
            summary = "clip_mapper" if of_b else "clip_txt_pooled_mapper"
            named[name.replace("clip_txt_pooled_mapper", summary)] = tensor
    return named


def stage_a_of_makers() -> dict[str, Tensor]:
    weights: Mapping[str, Tensor] = stage_a().state_dict()
    return {n.replace("vquantizer.embedding", "vquantizer.codebook"): w for n, w in weights.items()}


def prefixed(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor.contiguous() for name, tensor in weights.items()}
