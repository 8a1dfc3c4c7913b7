"""ControlNets of Stable Diffusion 3 and Flux: which one a file holds, and its weights' names.

InstantX, Shakker and Alimama publish them under the names of diffusers; XLabs (Flux) and Stability
(3.5 Large) under names of their own.
"""

import re
from collections.abc import Mapping
from math import isqrt
from typing import Any

import torch
from diffusers import FluxControlNetModel, SD3ControlNetModel
from torch import Tensor, nn

from nodes.diffusion.files.checkpoint_networks import configured, filled, wide_half
from nodes.diffusion.files.transformer_keys import FLUX, SD3_CONTROL, from_original
from nodes.diffusion.files.transformers import FLUX_AXES
from nodes.diffusion.files.weight_shapes import Config, Shapes, count

# What XLabs calls the first layer of the hint.
_XLABS_HINT = "pos_embed_input."
# A head of Stable Diffusion 3 is 64 wide, one of Flux 128.
_SD3_HEAD = 64


def is_transformer_control(names: Mapping[str, object]) -> bool:
    """Say whether a file holds one, by the names of its weights."""
    return "controlnet_blocks.0.weight" in names


def make_transformer_control(
    weights: Mapping[str, Tensor], dtype: str, told: Config
) -> tuple[nn.Module, str]:
    """Build one around its weights.

    Args:
        weights: Under any of its names.
        dtype: What to compute in; those of Flux compute in bfloat16 where float16 is asked for.
        told: What its folder says of it; empty for a file.

    Returns:
        The network, and the dtype that it computes in.

    Raises:
        FileProblem: If a weight is missing, surplus, or of another shape.
        KeyError: If a weight that tells the configuration is missing.
    """
    own = _named(weights)
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    kind: Any
    if "pos_embed_input.proj.weight" in shapes:
        kind, config = SD3ControlNetModel, _sd3_config(shapes, told)
    else:
        kind, config, dtype = FluxControlNetModel, _flux_config(shapes), wide_half(dtype)
    with torch.device("meta"):
        network: Any = configured("ControlNet", kind.from_config, config)
        if kind is FluxControlNetModel:
            # Alimama's reads a mask beside the picture.
            width, channels = shapes["controlnet_x_embedder.weight"]
            network.controlnet_x_embedder = nn.Linear(channels, width)
    return filled(network, own, dtype, "ControlNet"), dtype


def _named(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give weights the names of diffusers."""
    if "double_blocks.0.img_mod.lin.weight" in weights:
        beside = {name: new for name in weights if (new := _of_xlabs(name)) is not None}
        trunk = {name: tensor for name, tensor in weights.items() if name not in beside}
        renamed = {new: weights[name] for name, new in beside.items()}
        return from_original(trunk, FLUX) | renamed
    if "transformer_blocks.0.attn.qkv.weight" in weights:
        return from_original(weights, SD3_CONTROL)
    return dict(weights)


def _of_xlabs(name: str) -> str | None:
    """Rename what XLabs' have beside Flux's blocks; None for these."""
    if name.startswith("controlnet_blocks."):
        return name
    if name.startswith(_XLABS_HINT):
        return f"controlnet_x_embedder.{name.removeprefix(_XLABS_HINT)}"
    found = re.fullmatch(r"input_hint_block\.(\d+)\.(\w+)", name)
    if found is None:
        return None
    # Every other layer is an activation; six convolutions stand between the first and the last.
    number = int(found[1]) // 2
    place = "conv_in" if number == 0 else "conv_out" if number == 7 else f"blocks.{number - 1}"
    return f"input_hint_block.{place}.{found[2]}"


def _flux_config(shapes: Shapes) -> Config:
    width, channels = shapes["x_embedder.weight"]
    head = sum(FLUX_AXES)
    hint = shapes.get("input_hint_block.conv_out.weight")
    modes = shapes.get("controlnet_mode_embedder.weight")
    told = "time_text_embed."
    return {
        # Of the hint's planes, which have the size of the latent, one token stands for a square.
        "patch_size": 1 if hint is None else isqrt(channels // hint[0]),
        "in_channels": channels,
        "num_layers": count(shapes, "controlnet_blocks."),
        "num_single_layers": count(shapes, "controlnet_single_blocks."),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": shapes["context_embedder.weight"][1],
        "pooled_projection_dim": shapes[f"{told}text_embedder.linear_1.weight"][1],
        "guidance_embeds": f"{told}guidance_embedder.linear_1.weight" in shapes,
        "axes_dims_rope": FLUX_AXES,
        "num_mode": None if modes is None else modes[0],
        "conditioning_embedding_channels": None if hint is None else hint[0],
    }


def _sd3_config(shapes: Shapes, told: Config) -> Config:
    width, channels, patch, _ = shapes["pos_embed_input.proj.weight"]
    places = shapes.get("pos_embed.pos_embed")
    text = shapes.get("context_embedder.weight")
    normed = shapes.get("transformer_blocks.0.attn.norm_q.weight")
    blocks = count(shapes, "controlnet_blocks.")
    dual = (b for b in range(blocks) if f"transformer_blocks.{b}.attn2.to_q.weight" in shapes)
    head = _SD3_HEAD if normed is None else normed[0]
    drawn = _SD3_CHANNELS
    return {
        "patch_size": patch,
        "in_channels": drawn,
        "out_channels": drawn,
        "num_layers": blocks,
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": None if text is None else text[1],
        "caption_projection_dim": width if text is None else text[0],
        "pooled_projection_dim": shapes["time_text_embed.text_embedder.linear_1.weight"][1],
        "pos_embed_max_size": None if places is None else isqrt(places[1]),
        "use_pos_embed": places is not None,
        "pos_embed_type": None if places is None else "sincos",
        "extra_conditioning_channels": channels - drawn,
        "dual_attention_layers": tuple(dual),
        "qk_norm": None if normed is None else "rms_norm",
        # Stability's are told the summary of the text; all others were trained without it.
        "force_zeros_for_pooled_projection": told.get(
            "force_zeros_for_pooled_projection", places is not None
        ),
    }


_SD3_CHANNELS = 16
