"""Narrow models of every family, written as single files in the layouts of the real ones."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.families import STABLE_DIFFUSION_NOISE
from nodes.diffusion.text.tokenizer import clip_vocabulary
from tests.nodes.diffusion.tiny_models import SD1_TEXT, SD1_VAE, Config

BIG_TEXT: Config = SD1_TEXT | {
    "hidden_size": 1280,
    "num_attention_heads": 20,
    "projection_dim": 1280,
    "hidden_act": "gelu",
    "pad_token_id": 0,
}
H_TEXT: Config = BIG_TEXT | {
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "projection_dim": 1024,
}
SD2_UNET: Config = {
    "block_out_channels": (64, 64, 64, 64),
    "layers_per_block": 1,
    "cross_attention_dim": 1024,
    "attention_head_dim": (1, 1, 1, 1),
    "use_linear_projection": True,
}
SDXL_UNET: Config = {
    "block_out_channels": (64, 64, 128),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 1, 2),
    "attention_head_dim": (1, 1, 2),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
REFINER_UNET: Config = SDXL_UNET | {
    "cross_attention_dim": 1280,
    "projection_class_embeddings_input_dim": 2560,
}


@cache
def text_with_projection(width: int) -> Any:
    """Make a CLIP whose vocabulary repeats, since a random one of this size takes seconds."""
    torch.manual_seed(width)
    config = {768: SD1_TEXT, 1024: H_TEXT, 1280: BIG_TEXT}[width]
    with torch.device("meta"):
        model: Any = CLIPTextModelWithProjection(CLIPTextConfig(**config))
    weights = {
        name: torch.randn(64, width).repeat(772, 1)
        if tensor.shape[0] == 49408
        else torch.randn(tensor.shape) * 0.03
        for name, tensor in model.state_dict().items()
    }
    model.load_state_dict(weights, assign=True)
    positions = torch.arange(77)[None]
    model.text_model.embeddings.register_buffer("position_ids", positions, persistent=False)
    return model.requires_grad_(False).eval()


@cache
def unet(name: str, channels: int = 4) -> Any:
    torch.manual_seed(0)
    config = {"sd2": SD2_UNET, "sdxl": SDXL_UNET, "refiner": REFINER_UNET}[name]
    network: Any = UNet2DConditionModel(**config, in_channels=channels)
    return network.requires_grad_(False).eval()


@cache
def vae() -> Any:
    torch.manual_seed(0)
    network: Any = AutoencoderKL(**SD1_VAE)
    return network.requires_grad_(False).eval()


def open_clip(model: Any, prefix: str) -> dict[str, Tensor]:
    """Name the weights of a CLIP as OpenCLIP does."""
    weights = {n.removeprefix("text_model."): t for n, t in model.state_dict().items()}
    named = {
        "token_embedding.weight": weights["embeddings.token_embedding.weight"],
        "positional_embedding": weights["embeddings.position_embedding.weight"],
        "ln_final.weight": weights["final_layer_norm.weight"],
        "ln_final.bias": weights["final_layer_norm.bias"],
        "text_projection": weights["text_projection.weight"].T.contiguous(),
        "logit_scale": torch.ones(()),
    }
    for layer in range(model.config.num_hidden_layers):
        ours, theirs = f"encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            parts = [weights[f"{ours}self_attn.{part}_proj.{kind}"] for part in "qkv"]
            named[f"{theirs}attn.in_proj_{kind}"] = torch.cat(parts)
            named[f"{theirs}attn.out_proj.{kind}"] = weights[f"{ours}self_attn.out_proj.{kind}"]
            for number in "12":
                named[f"{theirs}ln_{number}.{kind}"] = weights[f"{ours}layer_norm{number}.{kind}"]
            named[f"{theirs}mlp.c_fc.{kind}"] = weights[f"{ours}mlp.fc1.{kind}"]
            named[f"{theirs}mlp.c_proj.{kind}"] = weights[f"{ours}mlp.fc2.{kind}"]
    return {prefix + name: tensor for name, tensor in named.items()}


def plain_clip(prefix: str) -> dict[str, Tensor]:
    """Name CLIP L's weights as transformers does, without a projection."""
    return {
        prefix + name.removeprefix("text_model."): tensor
        for name, tensor in text_with_projection(768).state_dict().items()
        if name != "text_projection.weight"
    }


def file_of(name: str, channels: int = 4) -> dict[str, Tensor]:
    """Collect the weights of a family's file."""
    network = unet(name, channels)
    weights = ldm_keys.unet_to_ldm(network.state_dict(), dict(network.config))
    weights |= ldm_keys.vae_to_ldm(vae().state_dict(), dict(vae().config))
    if name == "sd2":
        weights |= open_clip(text_with_projection(1024), "cond_stage_model.model.")
    if name == "sdxl":
        weights |= plain_clip("conditioner.embedders.0.transformer.text_model.")
        weights |= open_clip(text_with_projection(1280), "conditioner.embedders.1.model.")
    if name == "refiner":
        weights |= open_clip(text_with_projection(1280), "conditioner.embedders.0.model.")
    return {key: tensor.contiguous() for key, tensor in weights.items()}


def write(path: Path, weights: Mapping[str, Tensor]) -> Path:
    save_file(dict(weights), path)
    return path


def write_folder(folder: Path, name: str, channels: int = 4) -> Path:
    """Write the folder of a family's pipeline, as its makers' are."""
    config = dict(SD1_VAE)
    texts: dict[str, tuple[Any, str]] = {}
    if name == "sd2":
        # Its folder leaves the layer out that is not read.
        texts["text_encoder"] = _without_last_layer(text_with_projection(1024)), "!"
    else:
        config["scaling_factor"] = 0.13025
        texts["text_encoder_2"] = text_with_projection(1280), "!"
    if name == "sdxl":
        texts["text_encoder"] = text_with_projection(768), "<|endoftext|>"
    coder: Any = AutoencoderKL(**config)
    coder.load_state_dict(vae().state_dict())
    coder.save_pretrained(folder / "vae")
    unet(name, channels).save_pretrained(folder / "unet")
    does = "Inpaint" if channels == 9 else "Img2Img" if name == "refiner" else ""
    family = "StableDiffusion" if name == "sd2" else "StableDiffusionXL"
    index: Config = {"_class_name": f"{family}{does}Pipeline"}
    for part in ("text_encoder", "text_encoder_2"):
        index[part] = [None, None]
    for part, (model, pad) in texts.items():
        index[part] = ["transformers", type(model).__name__]
        model.save_pretrained(folder / part)
        write_clip_vocabulary(folder / part.replace("text_encoder", "tokenizer"), pad)
    noise = {"_class_name": "EulerDiscreteScheduler", **STABLE_DIFFUSION_NOISE}
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(noise), encoding="utf-8")
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def _without_last_layer(model: Any) -> Any:
    last = model.config.num_hidden_layers - 1
    config = CLIPTextConfig(**model.config.to_dict() | {"num_hidden_layers": last})
    with torch.device("meta"):
        shorter: Any = CLIPTextModelWithProjection(config)
    weights = {n: t for n, t in model.state_dict().items() if f".layers.{last}." not in n}
    shorter.load_state_dict(weights, assign=True)
    return shorter


def write_clip_vocabulary(folder: Path, pad: str) -> None:
    clip_vocabulary()._tokenizer.save_pretrained(folder)
    whole = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    files = {
        "vocab.json": json.dumps(whole["vocab"]),
        "merges.txt": "#version: 0.2\n" + "\n".join(" ".join(pair) for pair in whole["merges"]),
        "tokenizer_config.json": json.dumps({"pad_token": pad}),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
