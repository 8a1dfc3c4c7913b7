"""Narrow image encoders in the layouts of the real ones."""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    SiglipVisionConfig,
    SiglipVisionModel,
)

# What ViT-H's shapes tell, with fewer and thinner layers and fewer patches.
VIT_H: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 16,
    "image_size": 28,
    "patch_size": 14,
    "projection_dim": 24,
    "hidden_act": "gelu",
}
VIT_L: dict[str, Any] = VIT_H | {"hidden_size": 1024, "hidden_act": "quick_gelu"}
TINY: dict[str, Any] = VIT_H | {"hidden_size": 16, "num_attention_heads": 2}


@cache
def image_encoder(width: int = 16) -> Any:
    torch.manual_seed(width)
    config = {1280: VIT_H, 1024: VIT_L, 16: TINY}[width]
    encoder: Any = CLIPVisionModelWithProjection(CLIPVisionConfig(**config))
    for parameter in encoder.parameters():
        parameter.data = torch.randn(parameter.shape) * 0.05
    return encoder.requires_grad_(False).eval()


@cache
def siglip(head: bool = True) -> Any:
    """Make the encoder of Flux Redux with fewer layers and patches, but of its width."""
    torch.manual_seed(0)
    config = SiglipVisionConfig(
        hidden_size=1152,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=16,
        image_size=28,
        patch_size=14,
        vision_use_head=head,
    )
    encoder: Any = SiglipVisionModel(config)
    for parameter in encoder.parameters():
        parameter.data = torch.randn(parameter.shape) * 0.05
    return encoder.requires_grad_(False).eval()


def siglip_file(encoder: Any) -> dict[str, Tensor]:
    """Name an encoder's weights as its file does."""
    return {f"vision_model.{name}": t.contiguous() for name, t in encoder.state_dict().items()}


def open_clip_vision(encoder: Any, prefix: str) -> dict[str, Tensor]:
    """Name an image encoder's weights as OpenCLIP does."""
    weights = {n.removeprefix("vision_model."): t for n, t in encoder.state_dict().items()}
    named = {
        "class_embedding": weights["embeddings.class_embedding"],
        "positional_embedding": weights["embeddings.position_embedding.weight"],
        "conv1.weight": weights["embeddings.patch_embedding.weight"],
        "proj": weights["visual_projection.weight"].T,
    }
    for kind in ("weight", "bias"):
        named[f"ln_pre.{kind}"] = weights[f"pre_layrnorm.{kind}"]
        named[f"ln_post.{kind}"] = weights[f"post_layernorm.{kind}"]
    for layer in range(encoder.config.num_hidden_layers):
        ours, theirs = f"encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            attention = [weights[f"{ours}self_attn.{p}_proj.{kind}"] for p in "qkv"]
            named[f"{theirs}attn.in_proj_{kind}"] = torch.cat(attention)
            named[f"{theirs}attn.out_proj.{kind}"] = weights[f"{ours}self_attn.out_proj.{kind}"]
            named[f"{theirs}mlp.c_fc.{kind}"] = weights[f"{ours}mlp.fc1.{kind}"]
            named[f"{theirs}mlp.c_proj.{kind}"] = weights[f"{ours}mlp.fc2.{kind}"]
            for number in "12":
                named[f"{theirs}ln_{number}.{kind}"] = weights[f"{ours}layer_norm{number}.{kind}"]
    return {prefix + name: tensor.contiguous() for name, tensor in named.items()}
