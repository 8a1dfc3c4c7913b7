"""SigLIP's image encoder, by which Flux Redux looks at pictures.

Zhai et al. 2023, Sigmoid Loss for Language Image Pre-Training, arXiv:2303.15343.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import SiglipVisionConfig, SiglipVisionModel

from nodes.diffusion.files.checkpoint_networks import configured, filled

_TRUNK = "vision_model."
# By width, the attention heads of the published encoders, which leave no trace in the shapes.
_HEADS = {768: 12, 1024: 16, 1152: 16}
_HEAD_WIDTH = 64


def is_siglip(names: Mapping[str, object]) -> bool:
    """Tell SigLIP's image encoder from CLIP's: its patches have a bias, and no token for all."""
    return _TRUNK + "embeddings.patch_embedding.bias" in names


def siglip_encoder(weights: Mapping[str, Tensor], dtype: str) -> tuple[nn.Module, int]:
    """Build SigLIP's image encoder around its weights.

    Args:
        weights: Named as transformers saves them, with `vision_model.` before each.
        dtype: What to compute in.

    Returns:
        The network, and the side of the pictures that it sees.

    Raises:
        FileProblem: If a weight is missing, surplus, or of another shape.
    """
    own = {name.removeprefix(_TRUNK): tensor for name, tensor in weights.items()}
    config = _config({name: tuple(tensor.shape) for name, tensor in own.items()})
    with torch.device("meta"):
        settings = configured("image encoder", SiglipVisionConfig.from_dict, config)
        network: Any = SiglipVisionModel(settings)
    # A buffer that is in no file, which the meta device has left without values.
    positions = torch.arange(network.embeddings.num_positions)[None]
    network.embeddings.register_buffer("position_ids", positions, persistent=False)
    return filled(network, own, dtype, "image encoder"), config["image_size"]


def _config(shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    width, _, patch, _ = shapes["embeddings.patch_embedding.weight"]
    layers = {name.split(".")[2] for name in shapes if name.startswith("encoder.layers.")}
    patches = shapes["embeddings.position_embedding.weight"][0]
    return {
        "hidden_size": width,
        "intermediate_size": shapes["encoder.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": len(layers),
        "num_attention_heads": _HEADS.get(width) or max(1, width // _HEAD_WIDTH),
        "image_size": round(patches**0.5) * patch,
        "patch_size": patch,
        "vision_use_head": "head.probe" in shapes,
    }
