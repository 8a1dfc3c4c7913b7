"""Image encoders: from pictures to what CLIP says of them.

Radford et al. 2021, Learning Transferable Visual Models From Natural Language Supervision,
arXiv:2103.00020.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from nodes.diffusion.adapters.siglip import is_siglip, siglip_encoder
from nodes.diffusion.files.checkpoint_file import read_header, read_weights, stamp
from nodes.diffusion.files.checkpoint_networks import configured, filled
from nodes.diffusion.files.text_keys import from_open_clip
from nodes.diffusion.memory.by_layer import work_place
from nodes.errors import FileProblem
from nodes.types import ClipVision, ClipVisionOutput

# Mean and deviation of the colours that encoders were trained on.
_COLOURS = {
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "siglip": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}

# By width, the attention heads of the encoders that are in use, which leave no trace in the shapes;
# others have heads of 64.
_HEADS = {768: 12, 1024: 16, 1280: 16, 1664: 16}
# OpenAI's encoders, up to ViT-L, were trained with another approximation of GELU.
_QUICK_WIDTH = 1024

# Where files keep an image encoder under OpenCLIP's names.
_OPEN_CLIP = (
    "visual.",
    "embedder.model.visual.",
    "conditioner.embedders.0.open_clip.model.visual.",
    "cond_stage_model.model.visual.",
)
_OUTSIDE = {
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
    "proj": "visual_projection.weight",
}
_TRUNK, _PROJECTION = "vision_model.", "visual_projection.weight"


def load_clip_vision(path: Path, dtype: str) -> ClipVision:
    """Load an image encoder of CLIP's kind, or of SigLIP's.

    Args:
        path: A .safetensors file under the names of transformers or of OpenCLIP, other weights
            beside it are passed over; or a folder that transformers has written.
        dtype: What to compute in.

    Raises:
        FileProblem: If there is none in it.
    """
    file = path / "model.safetensors" if path.is_dir() else path
    header = read_header(file)
    weights = _weights(read_weights(file, lambda _: True))
    key = f"{stamp(path)}#clip_vision"
    if is_siglip(weights):
        encoder, size = siglip_encoder(weights, dtype)
        return ClipVision(encoder, size, dtype, key, "siglip")
    if "vision_model.embeddings.class_embedding" not in weights or _PROJECTION not in weights:
        raise FileProblem(
            f"{path.name} holds no image encoder of CLIP's or SigLIP's.",
            "Choose a file from the clip_vision folder.",
            "clip_vision.kind",
        )
    config = _told(path, header.metadata) or _config({n: t.shape for n, t in weights.items()})
    with torch.device("meta"):
        settings = configured("image encoder", CLIPVisionConfig.from_dict, config)
        network: Any = CLIPVisionModelWithProjection(settings)
    # A buffer that is in no file, which the meta device has left without values.
    embeddings = network.vision_model.embeddings
    positions = torch.arange(embeddings.num_positions)[None]
    embeddings.register_buffer("position_ids", positions, persistent=False)
    network = filled(network, weights, dtype, "image encoder")
    return ClipVision(network, settings.image_size, dtype, key)


def prepared(pixels: Tensor, size: int, crop: bool, colours: str = "clip") -> Tensor:
    """Bring pictures to an image encoder's size and colours.

    Args:
        pixels: (B, 3|4, H, W) in [0, 1]; alpha is passed over.
        size: Side of the result.
        crop: Cut what is beyond the middle square; otherwise pictures are stretched to a square.
        colours: Of the encoder; see `ClipVision`.

    Returns:
        (B, 3, size, size), normalised.
    """
    pixels = pixels[:, :3]
    height, width = pixels.shape[-2:]
    if crop:
        short = min(height, width)
        height, width = size * height // short, size * width // short
    else:
        height = width = size
    pixels = interpolate(pixels, (height, width), mode="bicubic", antialias=True)
    top, left = (height - size) // 2, (width - size) // 2
    pixels = pixels[..., top : top + size, left : left + size].clamp(0, 1)
    # Encoders were trained on pictures of 8 bits.
    pixels = (pixels * 255).round() / 255
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in _COLOURS[colours])
    return (pixels - mean) / deviation


@torch.no_grad()
def encode_image(vision: ClipVision, pictures: Tensor) -> ClipVisionOutput:
    """Say what is seen in prepared pictures (B, 3, size, size).

    An encoder without a summary of its own gives the mean of what it says of the patches.

    Args:
        vision: On the device to compute on.
        pictures: See `prepared`.
    """
    network: Any = vision.network
    made = network(pictures.to(*work_place(network)), output_hidden_states=True)
    summary = made.get("image_embeds", made.get("pooler_output"))
    if summary is None:
        summary = made.last_hidden_state.mean(1)
    found = (summary, made.last_hidden_state, made.hidden_states[-2])
    return ClipVisionOutput(*(each.float().cpu() for each in found))


def _weights(file: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Pick an image encoder's weights out of a file, under transformers' names."""
    for prefix in _OPEN_CLIP:
        if prefix + "class_embedding" in file:
            found = from_open_clip(file, prefix, _OUTSIDE)
            # OpenCLIP multiplies from the left.
            own = {_PROJECTION: found.pop(_PROJECTION).T} if _PROJECTION in found else {}
            return {_TRUNK + name: each for name, each in found.items()} | own
    return {
        name: tensor
        for name, tensor in file.items()
        if (name.startswith(_TRUNK) or name == _PROJECTION) and not name.endswith("position_ids")
    }


def _told(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Read what a file or a folder says of its encoder; nothing if it says nothing."""
    try:
        if path.is_dir():
            told = json.loads((path / "config.json").read_text(encoding="utf-8"))
            return dict(told.get("vision_config", told))
        return dict(json.loads(metadata.get("weft.config", "{}")).get("clip_vision", {}))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise FileProblem(
            f"The configuration of {path.name} is missing or damaged.", code="clip_vision.config"
        ) from error


def _config(shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    embeddings, layers = _TRUNK + "embeddings.", _TRUNK + "encoder.layers."
    width, _, patch, _ = shapes[embeddings + "patch_embedding.weight"]
    patches = shapes[embeddings + "position_embedding.weight"][0] - 1
    return {
        "hidden_size": width,
        "intermediate_size": shapes[layers + "0.mlp.fc1.weight"][0],
        "num_hidden_layers": len(
            {name.removeprefix(layers).split(".")[0] for name in shapes if name.startswith(layers)}
        ),
        "num_attention_heads": _HEADS.get(width) or max(1, width // 64),
        "image_size": round(patches**0.5) * patch,
        "patch_size": patch,
        "projection_dim": shapes[_PROJECTION][0],
        "hidden_act": "quick_gelu" if width <= _QUICK_WIDTH else "gelu",
    }
