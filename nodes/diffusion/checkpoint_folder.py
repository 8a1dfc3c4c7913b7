"""Diffusers folders: a configuration and weights for each part."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from nodes.diffusion import ldm_keys
from nodes.diffusion.checkpoint_file import read_header, read_weights
from nodes.diffusion.checkpoint_networks import Weights
from nodes.diffusion.families import Config, Family, TextUse, latents_of
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


def read_folder(folder: Path) -> tuple[Family, Weights, list[ClipVocabulary]]:
    """Read a folder that a Stable Diffusion pipeline's save_pretrained has written.

    Raises:
        FileProblem: If a part is missing or damaged, or the pipeline is of another kind.
    """
    index = _json(folder, "model_index.json")
    pipeline = str(index.get("_class_name", ""))
    unet = _json(folder / "unet", "config.json") if _KNOWN.fullmatch(pipeline) else {}
    if unet.get("in_channels", 4) not in (4, 9) or not unet:
        raise FileProblem(
            f"{folder.name} holds a {pipeline}, and that kind cannot be loaded yet.",
            "Choose a folder of Stable Diffusion 1, 2 or XL, or of an inpainting variant.",
            "checkpoint.family",
        )
    vae = _json(folder / "vae", "config.json")
    if "scaling_factor" not in vae:
        # Folders older than the setting are all of Stable Diffusion 1.
        vae["scaling_factor"] = 0.18215
    # A refiner's folder has the second text encoder alone.
    alone = "text_encoder_2" in index and not (index.get("text_encoder") or [None])[0]
    parts = ("text_encoder_2",) if alone else ("text_encoder", "text_encoder_2")
    parts = parts if "text_encoder_2" in index else ("text_encoder",)
    texts = [_json(folder / part, "config.json") for part in parts]
    xl = "XL" in pipeline
    family = Family(
        "diffusers",
        latents_of(vae),
        unet,
        vae,
        texts[0],
        _json(folder / "scheduler", "scheduler_config.json"),
        text_encoder_2=texts[1] if len(texts) > 1 else {},
        text_use=TextUse(2, normed=False) if xl else TextUse(),
    )
    weights = Weights(
        _weights(folder / "unet"),
        _new_attention(_weights(folder / "vae")),
        *(_text_weights(_weights(folder / part), keep_projection=xl) for part in parts),
    )
    names = [part.replace("text_encoder", "tokenizer") for part in parts]
    lengths = [text.get("max_position_embeddings", 77) for text in texts]
    return (
        family,
        weights,
        [_words(folder / name, n) for name, n in zip(names, lengths, strict=True)],
    )


# Pipelines of these families, whatever else they do with the parts.
_KNOWN = re.compile(r"StableDiffusion(XL)?(Inpaint|Img2Img)?Pipeline")


def _words(folder: Path, length: int) -> ClipVocabulary:
    try:
        return read_vocabulary(folder, length)
    except (OSError, ValueError, KeyError) as error:
        raise FileProblem(
            f"The {folder.name} of {folder.parent.name} is missing or damaged.",
            "It needs vocab.json and merges.txt.",
            "checkpoint.tokenizer",
        ) from error


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


def _text_weights(weights: Mapping[str, Tensor], *, keep_projection: bool) -> dict[str, Tensor]:
    bare = {name.removeprefix("text_model."): tensor for name, tensor in weights.items()}
    bare.pop("embeddings.position_ids", None)
    if not keep_projection:
        bare.pop("text_projection.weight", None)
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
