"""Diffusers folders: a configuration and weights for each part."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint_file import Header, read_header, read_weights
from nodes.diffusion.files.checkpoint_networks import Weights
from nodes.diffusion.files.families import Family, TextUse
from nodes.diffusion.files.t5_keys import T5Place
from nodes.diffusion.files.text_keys import PROJECTED_WIDTH
from nodes.diffusion.files.transformers import FLUX_NETWORK, SD3_NETWORK
from nodes.diffusion.files.unet_shapes import UNET_NETWORK
from nodes.diffusion.files.vae_shapes import SD_LATENTS, latents_of
from nodes.diffusion.files.weight_shapes import Config
from nodes.diffusion.inputs.video import VIDEO_NETWORK
from nodes.diffusion.pixel_space import PIXEL_SPACE
from nodes.diffusion.text.encoders import TextPart, find_vocabulary, is_t5
from nodes.diffusion.text.tokenizer import read_vocabulary
from nodes.errors import FileProblem
from nodes.types import TextJoin, Tokenizer

_WEIGHTS = ("diffusion_pytorch_model", "model")
_VARIANTS = (".safetensors", ".fp16.safetensors", ".bf16.safetensors", ".non_ema.safetensors")

# What attention of a VAE was called in early exports.
_OLD_ATTENTION = {
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}


def read_folder(folder: Path) -> tuple[Family, Weights, list[Tokenizer]]:
    """Read a folder that a pipeline's save_pretrained has written.

    Raises:
        FileProblem: If a part is missing or damaged, or the pipeline is of another kind.
    """
    index = read_json(folder, "model_index.json")
    pipeline = str(index.get("_class_name", ""))
    kind = next((kind for kind in _KINDS if kind.pipelines.fullmatch(pipeline)), None)
    config = {} if kind is None else read_json(folder / kind.part, "config.json")
    if kind is None or config.get("in_channels", 4) not in kind.channels:
        raise FileProblem(
            f"{folder.name} holds a {pipeline}, and that kind cannot be loaded yet.",
            "Choose a folder of Stable Diffusion 1, 2, 3 or XL, of Flux, of an inpainting, editing "
            "or enlarging variant, or of DeepFloyd IF.",
            "checkpoint.family",
        )
    vae, vae_weights = PIXELS, dict[str, Tensor]()
    if not kind.on_pixels:
        vae, vae_weights = read_vae_folder(folder / "vae")
    texts = read_text_encoders(folder, index, kind.text_join) if kind.reads_text else []
    family = Family(
        "diffusers",
        latents_of(vae),
        config,
        vae,
        tuple(text.config for text in texts),
        read_json(folder / "scheduler", "scheduler_config.json"),
        text_use=kind.text_use,
        text_join=kind.text_join,
        network=kind.network,
    )
    weights = Weights(
        read_part(folder / kind.part),
        vae_weights,
        [text.weights for text in texts],
    )
    return family, weights, [text.words for text in texts]


def read_text_encoders(folder: Path, index: Config, join: TextJoin) -> list[TextPart]:
    """Read the text encoders of a pipeline, in the order in which they are read.

    Raises:
        FileProblem: If one is missing or damaged.
    """
    parts = [name for name in _TEXTS if (index.get(name) or [None])[0]]
    # Indices of early exports name no classes, and one that says so has no text encoder.
    parts = parts or [name for name in _TEXTS[:1] if name not in index]
    return [_text_part(folder, part, join) for part in parts]


def _text_part(folder: Path, part: str, join: TextJoin) -> TextPart:
    config = read_json(folder / part, "config.json")
    words = _words(folder / part.replace("text_encoder", "tokenizer"), config, join)
    return TextPart(config, _text_weights(read_part(folder / part), config), words)


# In place of a VAE's configuration, for models on pixels.
PIXELS: Config = {"_class_name": PIXEL_SPACE, "scaling_factor": 1.0}
_TEXTS = ("text_encoder", "text_encoder_2", "text_encoder_3")


@dataclass(frozen=True)
class _Kind:
    """A family of pipelines.

    Attributes:
        pipelines: Their names, whatever else they do with the parts.
        part: Where the denoiser stands.
        network: Its class.
        channels: What it may read.
        text_use: Which hidden state of CLIP it reads.
        text_join: How what the text encoders say is put together.
        on_pixels: Whether it denoises pixels, and there is no VAE.
        reads_text: Whether it has text encoders.
    """

    pipelines: re.Pattern[str]
    part: str
    network: str
    channels: tuple[int, ...]
    text_use: TextUse
    text_join: TextJoin = "side by side"
    on_pixels: bool = False
    reads_text: bool = True


_LAST_BUT_ONE = TextUse(2, normed=False)
_DOES = "(Inpaint|Img2Img|InstructPix2Pix)?Pipeline"
_KINDS = (
    _Kind(re.compile("StableDiffusion" + _DOES), "unet", UNET_NETWORK, (4, 8, 9), TextUse()),
    _Kind(
        re.compile("StableVideoDiffusionPipeline"),
        "unet",
        VIDEO_NETWORK,
        (8,),
        TextUse(),
        reads_text=False,
    ),
    _Kind(re.compile("StableUnCLIPImg2ImgPipeline"), "unet", UNET_NETWORK, (4,), TextUse()),
    _Kind(re.compile("StableDiffusionUpscalePipeline"), "unet", UNET_NETWORK, (7,), TextUse()),
    _Kind(
        re.compile("StableDiffusionLatentUpscalePipeline"),
        "unet",
        UNET_NETWORK,
        (8,),
        TextUse(normed=False),
    ),
    _Kind(re.compile("StableDiffusionXL" + _DOES), "unet", UNET_NETWORK, (4, 9), _LAST_BUT_ONE),
    _Kind(
        re.compile("StableDiffusion3" + _DOES),
        "transformer",
        SD3_NETWORK,
        (16,),
        _LAST_BUT_ONE,
        "sd3",
    ),
    _Kind(
        re.compile(r"Flux(Inpaint|Img2Img|Fill|Control|ControlImg2Img|ControlInpaint)?Pipeline"),
        "transformer",
        FLUX_NETWORK,
        (64, 128, 384),
        TextUse(),
        "flux",
    ),
    _Kind(
        re.compile("IF(Img2Img|Inpainting)?(SuperResolution)?Pipeline"),
        "unet",
        UNET_NETWORK,
        (3, 6),
        TextUse(),
        "deepfloyd",
        on_pixels=True,
    ),
)


def read_vae_folder(folder: Path) -> tuple[Config, dict[str, Tensor]]:
    """Read the folder of a VAE: its configuration, and its weights named as in diffusers.

    Raises:
        FileProblem: If one is missing or damaged.
    """
    config = read_json(folder, "config.json")
    # Folders older than the setting are all of Stable Diffusion 1.
    config.setdefault("scaling_factor", SD_LATENTS.scaling_factor)
    return config, _new_attention(read_part(folder))


def _words(folder: Path, encoder: Config, join: TextJoin) -> Tokenizer:
    if is_t5(encoder):
        return find_vocabulary({}, encoder, folder, join)
    try:
        return read_vocabulary(folder, encoder.get("max_position_embeddings", 77))
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


def _text_weights(weights: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    if is_t5(config):
        return T5Place("", config).weights(weights)
    bare = {name.removeprefix("text_model."): tensor for name, tensor in weights.items()}
    bare.pop("embeddings.position_ids", None)
    if config.get("hidden_size") != PROJECTED_WIDTH:
        bare.pop("text_projection.weight", None)
    return bare


def read_part(folder: Path) -> dict[str, Tensor]:
    """Map the weights of one part of a pipeline, which may lie in several files.

    Raises:
        FileProblem: If there are none, or a file is damaged.
    """
    names = (stem + variant for stem in _WEIGHTS for variant in _VARIANTS)
    for path in (folder / name for name in names):
        if path.exists():
            return _mapped(path)
        index = path.with_name(path.name + ".index.json")
        if index.exists():
            files = sorted(set(read_json(folder, index.name).get("weight_map", {}).values()))
            return {n: t for file in files for n, t in _mapped(folder / str(file)).items()}
    raise FileProblem(
        f"{folder.parent.name}/{folder.name} has no weights as .safetensors.",
        "Fetch the .safetensors files of the model too.",
        "checkpoint.weights",
    )


def read_named(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Map the weights of a file, or of a folder of one network.

    Raises:
        FileProblem: If there are none, or a file is damaged.
    """
    if path.is_dir():
        weights = read_part(path)
        return Header(path, {name: tuple(t.shape) for name, t in weights.items()}, {}), weights
    return read_header(path), read_weights(path, lambda _: True)


def _mapped(path: Path) -> dict[str, Tensor]:
    read_header(path)
    return read_weights(path, lambda _: True)


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Read a file of settings.

    Raises:
        FileProblem: If it is missing or damaged.
    """
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
