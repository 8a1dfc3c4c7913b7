"""The kinds of files that nodes read, and where each lies in the layouts that people have.

A kind is named by the folder that ComfyUI uses for it; a models folder of AUTOMATIC1111's web UI
or of ComfyUI itself can be given as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
UNSAFE_SUFFIXES = (".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle")
"""Formats that run code when they are read: refused by name with a reason, unless a kind takes
them because its loader reads the weights alone."""
PIPELINE_FILE = "model_index.json"
"""What marks a folder as a whole diffusers pipeline."""
CONFIG_FILE = "config.json"
"""What marks a folder as one part of a pipeline, such as a text encoder."""


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        suffixes: The file name endings that belong to it, lower case.
        folders: Where it lies under a models folder, POSIX-style; the first is ours.
        pipelines: Whether folders with a `model_index.json` count as one entry.
        plain_folders: Whether folders with a `config.json` count as one entry too.
        placed: Whether it lies in the input folder, and a name may say another of our own.
    """

    suffixes: tuple[str, ...]
    folders: tuple[str, ...] = ()
    pipelines: bool = False
    plain_folders: bool = False
    placed: bool = False


_WEIGHTS = (".safetensors", ".sft")

KINDS: Mapping[str, Kind] = {
    "input": Kind(IMAGE_SUFFIXES, placed=True),
    "latents": Kind((".latent",), placed=True),
    "checkpoints": Kind(_WEIGHTS, ("checkpoints", "Stable-diffusion"), pipelines=True),
    "diffusion_models": Kind(_WEIGHTS, ("diffusion_models", "unet"), plain_folders=True),
    "text_encoders": Kind(_WEIGHTS, ("text_encoders", "clip", "text_encoder"), plain_folders=True),
    "clip_vision": Kind(_WEIGHTS, ("clip_vision",), plain_folders=True),
    "vae": Kind(_WEIGHTS, ("vae", "VAE"), plain_folders=True),
    "loras": Kind(_WEIGHTS, ("loras", "Lora", "LyCORIS")),
    "controlnet": Kind(
        _WEIGHTS,
        ("controlnet", "ControlNet", "t2i_adapter", "extensions/sd-webui-controlnet/models"),
        plain_folders=True,
    ),
    # Most of these three were only ever published pickled.
    "hypernetworks": Kind((".pt",), ("hypernetworks",)),
    "embeddings": Kind((*_WEIGHTS, ".pt", ".bin"), ("embeddings",)),
    "upscale_models": Kind(
        (*_WEIGHTS, ".pth"),
        ("upscale_models", "ESRGAN", "RealESRGAN", "SwinIR", "DAT"),
        pipelines=True,
    ),
    "gligen": Kind(_WEIGHTS, ("gligen",)),
    "style_models": Kind(_WEIGHTS, ("style_models",)),
    "diffusers": Kind((), ("diffusers",), pipelines=True),
    "ipadapter": Kind(_WEIGHTS, ("ipadapter",)),
}
