"""Write the trained parts as one float16 file in Stable Diffusion 1's layout, and read it back."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.ldm_keys import (
    text_encoder_from_ldm,
    text_encoder_to_ldm,
    unet_from_ldm,
    unet_to_ldm,
    vae_from_ldm,
    vae_to_ldm,
)
from training import unet, vae
from training.clip import text_config
from training.networks import Autoencoder, make_autoencoder, make_denoiser
from training.tokens import MAX_LENGTH, vocabulary
from training.unet import Denoiser

LARGEST_FILE = 16_000_000
LICENCE = "Apache-2.0"
TEXT_FIELDS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
    "hidden_act",
    "layer_norm_eps",
    "projection_dim",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
)


def configuration(scale: float) -> dict[str, Any]:
    """Return everything a loader must know that the weights do not say.

    Args:
        scale: the autoencoder's scaling factor.
    """
    vocab, merges = vocabulary()
    text = text_config().to_dict()
    return {
        "unet": unet.CONFIG | {"in_channels": 4, "out_channels": 4},
        "vae": vae.CONFIG | {"scaling_factor": scale},
        "text_encoder": {name: text[name] for name in TEXT_FIELDS},
        "tokenizer": {"vocab": vocab, "merges": merges, "model_max_length": MAX_LENGTH},
        "scheduler": unet.SCHEDULER,
    }


def export(model: Denoiser, autoencoder: Autoencoder, scale: float, path: Path) -> None:
    """Write the checkpoint.

    Raises:
        ValueError: the file would be larger than what this repository ships.
    """
    config = configuration(scale)
    weights = {
        **unet_to_ldm(model.unet.state_dict(), config["unet"]),
        **vae_to_ldm(autoencoder.state_dict(), config["vae"]),
        **text_encoder_to_ldm(model.text.state_dict(), config["text_encoder"]),
    }
    halves = {name: weight.half().contiguous() for name, weight in weights.items()}
    size = sum(weight.nbytes for weight in halves.values())
    if size > LARGEST_FILE:
        raise ValueError(f"The weights take {size:,} bytes, more than {LARGEST_FILE:,}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {
        "format": "pt",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "Weft Mini",
        "modelspec.author": "The Weft project",
        "modelspec.description": "Draws coloured shapes and small scenes, 128 pixels a side.",
        "modelspec.license": LICENCE,
        "modelspec.resolution": "128x128",
        "modelspec.prediction_type": "v",
        "weft.config": json.dumps(config, separators=(",", ":")),
    }
    save_file(halves, path, metadata=metadata)


def load(path: Path) -> tuple[Denoiser, Autoencoder, float]:
    """Read an exported checkpoint back: the denoiser, the autoencoder, its scaling factor."""
    with safe_open(path, framework="pt") as file:
        config = json.loads(file.metadata()["weft.config"])
        weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    text = CLIPTextModel(CLIPTextConfig(**config["text_encoder"]))
    text.load_state_dict(text_encoder_from_ldm(weights, config["text_encoder"]))
    model = Denoiser(text)
    model.unet = make_denoiser(config["unet"])
    model.unet.load_state_dict(unet_from_ldm(weights, config["unet"]))
    autoencoder = make_autoencoder(config["vae"])
    autoencoder.load_state_dict(vae_from_ldm(weights, config["vae"]))
    return model.eval(), autoencoder.eval(), float(config["vae"]["scaling_factor"])


def trained_vae(path: Path) -> Autoencoder:
    """Return the autoencoder of a training checkpoint."""
    autoencoder = vae.build()
    saved = torch.load(path, map_location="cpu", weights_only=True)
    autoencoder.load_state_dict(saved["vae"])
    return autoencoder.eval()
