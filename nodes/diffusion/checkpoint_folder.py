"""Diffusers folders: a configuration and weights for each part."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from nodes.diffusion import ldm_keys
from nodes.diffusion.checkpoint_file import read_header, read_weights
from nodes.diffusion.checkpoint_networks import Weights
from nodes.diffusion.families import Config, Family, latents_of
from nodes.diffusion.tokenizer import ClipVocabulary, read_vocabulary
from nodes.errors import FileProblem

_WEIGHTS = ("diffusion_pytorch_model", "model")
_VARIANTS = (".safetensors", ".fp16.safetensors", ".non_ema.safetensors")

# What attention of a VAE was called in early exports.
_OLD_ATTENTION = {
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}


def read_folder(folder: Path) -> tuple[Family, Weights, ClipVocabulary]:
    """Read a folder that StableDiffusionPipeline.save_pretrained has written.

    Raises:
        FileProblem: If a part is missing or damaged, or the pipeline is of another kind.
    """
    index = _json(folder, "model_index.json")
    pipeline = index.get("_class_name", "")
    if not str(pipeline).startswith("StableDiffusion") or "text_encoder_2" in index:
        raise FileProblem(
            f"{folder.name} holds a {pipeline}, and that kind cannot be loaded yet.",
            "Choose a folder of Stable Diffusion 1.x.",
            "checkpoint.family",
        )
    unet, vae, text = (
        _json(folder / part, "config.json") for part in ("unet", "vae", "text_encoder")
    )
    if "scaling_factor" not in vae:
        # Folders older than the setting are all of Stable Diffusion 1.
        vae["scaling_factor"] = 0.18215
    scheduler = _json(folder / "scheduler", "scheduler_config.json")
    family = Family("diffusers", latents_of(vae), unet, vae, text, scheduler)
    weights = Weights(
        _weights(folder / "unet"),
        _new_attention(_weights(folder / "vae")),
        _text_weights(_weights(folder / "text_encoder")),
    )
    try:
        words = read_vocabulary(folder / "tokenizer", text.get("max_position_embeddings", 77))
    except (OSError, ValueError, KeyError) as error:
        raise FileProblem(
            f"The tokenizer of {folder.name} is missing or damaged.",
            "It needs vocab.json and merges.txt.",
            "checkpoint.tokenizer",
        ) from error
    return family, weights, words


def diffusers_vae_to_ldm(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a VAE's weights from diffusers to LDM, telling its layers from the names.

    Raises:
        UnknownKeysError: If a weight has no place in an AutoencoderKL.
    """
    down = "encoder.down_blocks."
    levels = {name.removeprefix(down).split(".")[0] for name in weights if name.startswith(down)}
    first = down + "0.resnets."
    layers = {name.removeprefix(first).split(".")[0] for name in weights if name.startswith(first)}
    config: Config = {
        "block_out_channels": tuple(levels),
        "layers_per_block": len(layers),
    }
    return ldm_keys.vae_to_ldm(_new_attention(weights), config, "")


def _new_attention(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in weights.items():
        for old, new in _OLD_ATTENTION.items():
            name = name.replace(old, new)
        is_projection = ".attentions." in name and tensor.ndim == 4
        renamed[name] = tensor[:, :, 0, 0] if is_projection else tensor
    return renamed


def _text_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    bare = {name.removeprefix("text_model."): tensor for name, tensor in weights.items()}
    bare.pop("embeddings.position_ids", None)
    return bare


def _weights(folder: Path) -> dict[str, Tensor]:
    for stem in _WEIGHTS:
        for variant in _VARIANTS:
            path = folder / (stem + variant)
            if path.exists():
                read_header(path)
                return read_weights(path, lambda name: True)
    raise FileProblem(
        f"{folder.parent.name}/{folder.name} has no weights as .safetensors.",
        "Fetch the .safetensors files of the model too.",
        "checkpoint.weights",
    )


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        data = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileProblem(
            f"{folder.name}/{name} is missing or damaged.",
            "Fetch the folder again.",
            "checkpoint.config",
        ) from error
    if not isinstance(data, dict):
        raise FileProblem(f"{folder.name}/{name} is damaged.", code="checkpoint.config")
    return data
