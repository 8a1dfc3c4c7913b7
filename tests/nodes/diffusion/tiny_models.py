"""Tiny models with random weights in real layouts, for the tests of what reads and uses them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.files import ldm_keys

Config = dict[str, Any]

UNET: Config = {
    "sample_size": 16,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": 2,
    "cross_attention_dim": 16,
    "norm_num_groups": 4,
}
VAE: Config = {
    "block_out_channels": (4, 8, 8, 8),
    "layers_per_block": 1,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "norm_num_groups": 2,
    "mid_block_add_attention": False,
    "scaling_factor": 0.5,
}
TEXT: Config = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "bos_token_id": 38,
    "eos_token_id": 39,
    "pad_token_id": 39,
}
SCHEDULER: Config = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.02,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
}

# What Stable Diffusion 1's shapes tell by themselves, as narrow as GroupNorm's 32 groups allow.
SD1_UNET: Config = {
    "block_out_channels": (32, 64, 64, 64),
    "layers_per_block": 1,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
SD1_VAE: Config = {
    "block_out_channels": (32, 32, 32, 32),
    "layers_per_block": 1,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "scaling_factor": 0.18215,
}
SD1_TEXT: Config = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 12,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
}


@dataclass(frozen=True)
class Parts:
    """The modules of one model, as diffusers and transformers make them."""

    unet: Any
    vae: Any
    text_encoder: Any

    def ldm(self) -> dict[str, Tensor]:
        """All weights under the names of one LDM file."""
        named = ldm_keys.unet_to_ldm(self.unet.state_dict(), dict(self.unet.config))
        named |= ldm_keys.vae_to_ldm(self.vae.state_dict(), dict(self.vae.config))
        text = self.text_encoder.config.to_dict()
        named |= ldm_keys.text_encoder_to_ldm(self.text_encoder.state_dict(), text)
        return {name: tensor.contiguous() for name, tensor in named.items()}


def make_parts(unet: Config, vae: Config, text: Config) -> Parts:
    torch.manual_seed(0)
    parts = Parts(
        UNet2DConditionModel(**unet), AutoencoderKL(**vae), CLIPTextModel(CLIPTextConfig(**text))
    )
    for part in (parts.unet, parts.vae, parts.text_encoder):
        part.requires_grad_(False).eval()
    return parts


@cache
def tiny_parts() -> Parts:
    return make_parts(UNET, VAE, TEXT)


def tiny_vocabulary() -> Config:
    letters = "abcdefghijklmnopqr"
    words = {letter: index for index, letter in enumerate(letters)}
    words |= {letter + "</w>": len(letters) + index for index, letter in enumerate(letters)}
    words |= {"ab": 36, "ab</w>": 37, "<|startoftext|>": 38, "<|endoftext|>": 39}
    return {"vocab": words, "merges": [["a", "b"], ["a", "b</w>"]], "model_max_length": 77}


def weft_config() -> str:
    return json.dumps(
        {
            "unet": UNET,
            "vae": VAE,
            "text_encoder": TEXT,
            "tokenizer": tiny_vocabulary(),
            "scheduler": SCHEDULER,
        }
    )


def write_checkpoint(path: Path, parts: Parts, metadata: Mapping[str, str]) -> Path:
    save_file(parts.ldm(), path, dict(metadata))
    return path


def write_tiny(path: Path) -> Path:
    """Write a checkpoint that carries its own configuration, as the miniature does."""
    return write_checkpoint(path, tiny_parts(), {"weft.config": weft_config()})
