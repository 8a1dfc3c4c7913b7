"""Write the trained parts as one float16 file in Stable Diffusion 1's layout, and read it back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.adapters import control_file
from nodes.diffusion.cascades.upscalers import RRDBNet
from nodes.diffusion.files.ldm_keys import (
    text_encoder_from_ldm,
    text_encoder_to_ldm,
    unet_from_ldm,
    unet_to_ldm,
    vae_from_ldm,
    vae_to_ldm,
)
from nodes.diffusion.pixel_space import FOLDED_UNET, PIXEL_SPACE
from training import control, pixel_base, super_resolution, unet, vae
from training.clip import text_config
from training.networks import (
    Autoencoder,
    ControlNetwork,
    DenoisingNetwork,
    make_autoencoder,
    make_denoiser,
    make_pixel_denoiser,
)
from training.tokens import MAX_LENGTH, vocabulary
from training.unet import Denoiser

LARGEST_FILE, LARGEST_BASE, LARGEST_COMPANION = 16_000_000, 10_000_000, 8_000_000
UPSCALER_PARTS = {
    "first": "conv_first",
    "trunk_end": "conv_body",
    "fine": "conv_hr",
    "last": "conv_last",
}
CONFIG_FIELD = "weft.config"
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
    return texts() | {
        "unet": unet.CONFIG | {"in_channels": 4, "out_channels": 4},
        "vae": vae.CONFIG | {"scaling_factor": scale},
        "scheduler": unet.SCHEDULER,
    }


def texts() -> dict[str, Any]:
    """Return what a loader must know of the text encoder."""
    vocab, merges = vocabulary()
    text = text_config().to_dict()
    return {
        "text_encoder": {name: text[name] for name in TEXT_FIELDS},
        "tokenizer": {"vocab": vocab, "merges": merges, "model_max_length": MAX_LENGTH},
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
    metadata = {
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "Weft Mini",
        "modelspec.description": "Draws coloured shapes and small scenes, 128 pixels a side.",
        "modelspec.resolution": "128x128",
        "modelspec.prediction_type": "v",
        CONFIG_FIELD: json.dumps(config, separators=(",", ":")),
    }
    write(weights, path, metadata, LARGEST_FILE)


def export_pixel_base(model: Denoiser, path: Path) -> None:
    """Write the denoiser of small pictures, as a checkpoint whose pixels are its latents.

    Raises:
        ValueError: the file would be larger than what this repository ships.
    """
    config = texts() | {
        "unet": pixel_base.CONFIG | {"_class_name": FOLDED_UNET},
        "vae": {"_class_name": PIXEL_SPACE, "scaling_factor": pixel_base.SCALING_FACTOR},
        "scheduler": pixel_base.SCHEDULER,
    }
    weights = {
        **unet_to_ldm(model.unet.state_dict(), config["unet"]),
        **text_encoder_to_ldm(model.text.state_dict(), config["text_encoder"]),
    }
    metadata = {
        "modelspec.architecture": "weft-pixel",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "Weft Pixel",
        "modelspec.description": "Draws coloured shapes and small scenes, 64 pixels a side.",
        "modelspec.resolution": "64x64",
        "modelspec.prediction_type": "sample",
        CONFIG_FIELD: json.dumps(config, separators=(",", ":")),
    }
    write(weights, path, metadata, LARGEST_BASE)


def load_pixel_base(path: Path) -> Denoiser:
    """Read an exported denoiser of small pictures back."""
    config, weights = _read(path)
    return _denoiser(config, weights)


def export_control(network: ControlNetwork, path: Path) -> None:
    """Write a ControlNet in the layout of the first ones, its configuration in the header.

    Raises:
        ValueError: the file would be larger than what this repository ships.
    """
    weights = {
        control_file.PREFIX + name: weight
        for name, weight in control_file.control_to_ldm(network.state_dict(), unet.CONFIG).items()
    }
    metadata = {
        "modelspec.architecture": "stable-diffusion-v1/controlnet",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "Weft Mini, edges",
        "modelspec.description": "Steers Weft Mini by the edges that the Canny node finds.",
        "modelspec.resolution": "128x128",
        CONFIG_FIELD: json.dumps({"controlnet": control.CONFIG}, separators=(",", ":")),
    }
    write(weights, path, metadata, LARGEST_COMPANION)


def load_control(path: Path) -> ControlNetwork:
    """Read an exported ControlNet back."""
    return control_file.load_control_net(path, "float32").network


def export_upscaler(network: RRDBNet, path: Path) -> None:
    """Write an ESRGAN under the names of BasicSR, in which most such files are today."""
    weights = {_upscaler_name(name): weight for name, weight in network.state_dict().items()}
    metadata = {
        "modelspec.architecture": "esrgan",
        "modelspec.title": "Weft Mini, four times",
        "modelspec.description": "Enlarges drawn pictures four times.",
    }
    write(weights, path, metadata, LARGEST_COMPANION)


def export_super_resolution(network: DenoisingNetwork, path: Path) -> None:
    """Write a diffusion model that enlarges, under diffusers' names, its configuration included."""
    config = {
        "unet": super_resolution.CONFIG,
        "scheduler": super_resolution.SCHEDULER,
        "upscaler": {
            "scale": super_resolution.SCALE,
            "detail": super_resolution.DETAIL,
            "most_noise": super_resolution.MOST_NOISE,
        },
    }
    metadata = {
        "modelspec.architecture": "weft-super-resolution",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "Weft Mini, four times, by diffusion",
        "modelspec.description": "Enlarges drawn pictures four times, removing noise from them.",
        CONFIG_FIELD: json.dumps(config, separators=(",", ":")),
    }
    write(network.state_dict(), path, metadata, LARGEST_COMPANION)


def load_super_resolution(path: Path) -> DenoisingNetwork:
    """Read an exported diffusion model that enlarges back."""
    config, weights = _read(path)
    network = make_pixel_denoiser(config["unet"])
    network.load_state_dict(weights)
    return network.eval()


def _upscaler_name(name: str) -> str:
    part, _, rest = name.partition(".")
    if part == "trunk":
        block, _, dense, _, conv, kind = rest.split(".")
        return f"body.{block}.rdb{int(dense) + 1}.conv{int(conv) + 1}.{kind}"
    if part == "ups":
        number, kind = rest.split(".")
        return f"conv_up{int(number) + 1}.{kind}"
    return f"{UPSCALER_PARTS[part]}.{rest}"


def write(
    weights: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str], largest: int
) -> None:
    """Write weights as float16, with what every file of this project says of itself.

    Args:
        weights: by their names in the file.
        path: the file.
        metadata: what the header says besides.
        largest: bytes of weights.

    Raises:
        ValueError: the file would be larger.
    """
    halves = {name: weight.half().contiguous() for name, weight in weights.items()}
    size = sum(weight.nbytes for weight in halves.values())
    if size > largest:
        raise ValueError(f"The weights take {size:,} bytes, more than {largest:,}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    common = {
        "format": "pt",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.author": "The Weft project",
        "modelspec.license": LICENCE,
    }
    save_file(halves, path, metadata=common | dict(metadata))
    print(f"{path}: {path.stat().st_size:,} bytes")


def load(path: Path) -> tuple[Denoiser, Autoencoder, float]:
    """Read an exported checkpoint back: the denoiser, the autoencoder, its scaling factor."""
    config, weights = _read(path)
    autoencoder = make_autoencoder(config["vae"])
    autoencoder.load_state_dict(vae_from_ldm(weights, config["vae"]))
    scale = float(config["vae"]["scaling_factor"])
    return _denoiser(config, weights), autoencoder.eval(), scale


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    with safe_open(path, framework="pt") as file:
        config = json.loads(file.metadata()[CONFIG_FIELD])
        return config, {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118


def _denoiser(config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Denoiser:
    text = CLIPTextModel(CLIPTextConfig(**config["text_encoder"]))
    text.load_state_dict(text_encoder_from_ldm(weights, config["text_encoder"]))
    model = Denoiser(text)
    model.unet = make_denoiser(config["unet"])
    model.unet.load_state_dict(unet_from_ldm(weights, config["unet"]))
    return model.eval()


def trained_vae(path: Path) -> Autoencoder:
    """Return the autoencoder of a training checkpoint."""
    autoencoder = vae.build()
    saved = torch.load(path, map_location="cpu", weights_only=True)
    autoencoder.load_state_dict(saved["vae"])
    return autoencoder.eval()
