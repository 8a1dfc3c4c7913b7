"""Which models a file of weights is for, told for people by the names and shapes in its header.

A loader finds out for itself what it has (`nodes.diffusion.files.families`); this is a short word
for a list of files, also of adapters that are no models themselves. What is not recognised has no
word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from nodes.errors import FileProblem
from server.file_kinds import PIPELINE_FILE
from server.weights import Header, read_header

_OWN = "weft.config"
"""In the metadata of the files that this project makes."""

# The text width that a UNet attends to: in files of the makers, of diffusers, and of adapters.
_ATTENDED = re.compile(
    r"attn2[._](?:processor\.)?to_k(?:_lora\.down|\.lora\.down|\.lora_down|\.lora_A)?\.weight$"
)
_BY_TEXT_WIDTH = {768: "SD 1.5", 1024: "SD 2", 1280: "SDXL Refiner", 2048: "SDXL"}

# Parts of names that only one family has, the most telling first.
_MARKS = (
    ("distilled_guidance_layer.", "Chroma"),
    ("single_transformer_blocks", "Flux"),
    ("double_blocks", "Flux"),
    ("joint_transformer_blocks", "SD 3"),
    ("joint_blocks", "SD 3"),
    ("context_embedder.", "SD 3"),
    ("clip_txt_pooled_mapper.", "Stable Cascade"),
    ("effnet_mapper.", "Stable Cascade"),
)

# Text encoders and embeddings, by one weight and its last side.
_ENCODERS = (
    (
        "text_model.embeddings.token_embedding.weight",
        {768: "CLIP L", 1024: "CLIP H", 1280: "CLIP G"},
    ),
    ("encoder.block.0.layer.0.SelfAttention.q.weight", {4096: "T5 XXL"}),
    ("emb_params", {768: "SD 1.5", 1024: "SD 2"}),
    ("clip_g", {1280: "SDXL"}),
)

_PIPELINES = {
    "StableDiffusionXLPipeline": "SDXL",
    "StableDiffusionXLImg2ImgPipeline": "SDXL Refiner",
    "StableDiffusion3Pipeline": "SD 3",
    "FluxPipeline": "Flux",
    "IFPipeline": "DeepFloyd IF",
    "IFSuperResolutionPipeline": "DeepFloyd IF",
    "StableCascadePriorPipeline": "Stable Cascade",
    "StableCascadeDecoderPipeline": "Stable Cascade",
}


def family_of(path: Path) -> str | None:
    """Return a short word for the models that a file or folder is for; blocks.

    Args:
        path: A safetensors file, or a folder that diffusers has written.

    Returns:
        Such as "SDXL"; None where it is not recognised or cannot be read.
    """
    try:
        stat = path.stat()
        return _remembered(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, FileProblem, ValueError):
        # A list of files says nothing of one that is broken; whoever loads it is told.
        return None


@lru_cache(maxsize=8192)
def _remembered(path: Path, _modified: int, _size: int) -> str | None:
    return _of_folder(path) if path.is_dir() else _of_header(read_header(path))


def _of_header(header: Header) -> str | None:
    if _OWN in header.metadata:
        return "Weft"
    for name, shape in header.shapes.items():
        if len(shape) > 1 and _ATTENDED.search(name) and shape[1] in _BY_TEXT_WIDTH:
            return _BY_TEXT_WIDTH[shape[1]]
    for mark, family in _MARKS:
        if any(mark in name for name in header.shapes):
            return family
    return _encoder(header.shapes)


def _encoder(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    for end, by_width in _ENCODERS:
        shape = next((shapes[name] for name in _ending(shapes, end)), ())
        if shape and shape[-1] in by_width:
            return by_width[shape[-1]]
    return None


def _ending(names: Iterable[str], end: str) -> Iterable[str]:
    return (name for name in names if name.endswith(end))


def _of_folder(path: Path) -> str | None:
    index = path / PIPELINE_FILE
    if not index.is_file():
        return None
    kind = json.loads(index.read_text("utf-8")).get("_class_name", "")
    if kind in _PIPELINES:
        return _PIPELINES[kind]
    unet = path / "unet" / "config.json"
    if not unet.is_file():
        return None
    return _BY_TEXT_WIDTH.get(json.loads(unet.read_text("utf-8")).get("cross_attention_dim"))
