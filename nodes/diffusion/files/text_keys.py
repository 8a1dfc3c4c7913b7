"""Text encoders in files: where each stands, what it is, and its weights by transformers' names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.scaled_weights import multiplied
from nodes.diffusion.files.t5_keys import T5Place, t5_place
from nodes.diffusion.files.weight_shapes import Shapes, count

# Where checkpoints and files of their own keep CLIP's text encoders, the first of two first; the
# ones that OpenCLIP trained keep its names.
_PLACES = (
    (ldm_keys.TEXT_PREFIX, False),
    (ldm_keys.TEXT_PREFIX.removesuffix("text_model."), False),
    ("cond_stage_model.model.", True),
    ("conditioner.embedders.0.transformer.text_model.", False),
    ("conditioner.embedders.0.model.", True),
    ("conditioner.embedders.1.model.", True),
    ("text_encoders.clip_l.transformer.text_model.", False),
    ("text_encoders.clip_g.transformer.text_model.", False),
    ("text_encoder.clip_g.transformer.text_model.", False),
    ("text_model.", False),
    ("", False),
    ("", True),
)

_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_OUTSIDE = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
# Parts of OpenCLIP's training that have no share in encoding.
_PASSED_OVER = ("logit_scale", "attn_mask")
# The width of the encoder whose projected summary a model reads: OpenCLIP's bigG.
PROJECTED_WIDTH = 1280
# CLIP ViT-L was trained with another approximation of GELU than all that came later.
_QUICK_WIDTH = 768


@dataclass(frozen=True)
class TextPlace:
    """A CLIP text encoder in a file.

    Attributes:
        prefix: Stands before every name of it.
        open_clip: Whether the names are those of OpenCLIP, or those of transformers.
        config: Of a CLIPTextModel; `projection_dim` is there if its summary is projected.
    """

    prefix: str
    open_clip: bool
    config: dict[str, Any]

    def holds(self, name: str) -> bool:
        """Say whether a name in the file may be this encoder's, and not the image encoder's."""
        if self.open_clip and name.startswith(self.prefix + "visual."):
            return False
        return name.startswith(self.prefix) or name == self._projection

    def weights(self, file: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pick the encoder's weights out of a file, under the names of a CLIPTextModel.

        `text_projection.weight` is among them if the configuration has a projection.

        Raises:
            UnknownKeysError: If a weight has no place in an encoder of this configuration.
        """
        file = multiplied({name: tensor for name, tensor in file.items() if self.holds(name)})
        projection = file.pop(self._projection, None)
        own = from_open_clip(file, self.prefix, _OUTSIDE) if self.open_clip else file
        prefix = "" if self.open_clip else self.prefix
        found = ldm_keys.text_encoder_from_ldm(own, self.config, prefix)
        if projection is not None and "projection_dim" in self.config:
            # OpenCLIP multiplies from the left.
            found["text_projection.weight"] = projection.T if self.open_clip else projection
        return found

    @property
    def _projection(self) -> str:
        if self.open_clip:
            return self.prefix + "text_projection"
        return self.prefix.removesuffix("text_model.") + "text_projection.weight"


def from_open_clip(
    file: Mapping[str, Tensor], prefix: str, outside: Mapping[str, str]
) -> dict[str, Tensor]:
    """Pick a transformer's weights out of a file of OpenCLIP's, under transformers' names.

    Args:
        file: Weights by name.
        prefix: Stands before every name that is wanted.
        outside: The names of what is in no layer, and their new names.
    """
    renamed: dict[str, Tensor] = {}
    for full, tensor in file.items():
        name = full.removeprefix(prefix)
        if not full.startswith(prefix) or name in _PASSED_OVER:
            continue
        if ".attn.in_proj_" in name:
            layer, _, kind = name.partition(".attn.in_proj_")
            path = layer.replace("transformer.resblocks.", "encoder.layers.")
            for part, rows in zip("qkv", tensor.chunk(3), strict=True):
                renamed[f"{path}.self_attn.{part}_proj.{kind}"] = rows
        else:
            renamed[outside.get(name) or _layer_renamed(name)] = tensor
    return renamed


def to_open_clip(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Give a CLIP text encoder's weights the names of OpenCLIP.

    Args:
        weights: Under the names of a CLIPTextModel; `text_projection.weight` may be among them.
        prefix: Is put before every name.
    """
    made: dict[str, Tensor] = {}
    outside = {ours: theirs for theirs, ours in _OUTSIDE.items()}
    for name, tensor in weights.items():
        path = name.replace("encoder.layers.", "transformer.resblocks.")
        if name == "text_projection.weight":
            # OpenCLIP multiplies from the left.
            made["text_projection"] = tensor.T
        elif name in outside:
            made[outside[name]] = tensor
        elif ".self_attn.q_proj." in name:
            parts = (weights[name.replace("q_proj", f"{part}_proj")] for part in "qkv")
            made[path.replace("self_attn.q_proj.", "attn.in_proj_")] = torch.cat(list(parts))
        elif not re.search(r"\.self_attn\.[kv]_proj\.", name):
            for theirs, ours in _LAYER.items():
                path = path.replace(f".{ours}.", f".{theirs}.")
            made[path] = tensor
    return {prefix + name: tensor for name, tensor in made.items()}


def text_places(shapes: Shapes) -> tuple[TextPlace | T5Place, ...]:
    """Find the text encoders of a file, in the order in which a model reads them."""
    found: list[TextPlace | T5Place] = []
    for prefix, open_clip in _PLACES:
        words = prefix + ("" if open_clip else "embeddings.") + "token_embedding.weight"
        if words in shapes:
            config = _open_clip_config(shapes, prefix) if open_clip else _config(shapes, prefix)
            found.append(TextPlace(prefix, open_clip, config))
    t5 = t5_place(shapes)
    return (*found, *([] if t5 is None else [t5]))


def _layer_renamed(name: str) -> str:
    path = name.replace("transformer.resblocks.", "encoder.layers.")
    for theirs, ours in _LAYER.items():
        path = path.replace(f".{theirs}.", f".{ours}.")
    return path


def _config(shapes: Shapes, prefix: str) -> dict[str, Any]:
    return _settings(
        shapes[prefix + "embeddings.token_embedding.weight"],
        shapes[prefix + "encoder.layers.0.mlp.fc1.weight"][0],
        shapes[prefix + "embeddings.position_embedding.weight"][0],
        count(shapes, prefix + "encoder.layers."),
    )


def _open_clip_config(shapes: Shapes, prefix: str) -> dict[str, Any]:
    return _settings(
        shapes[prefix + "token_embedding.weight"],
        shapes[prefix + "transformer.resblocks.0.mlp.c_fc.weight"][0],
        shapes[prefix + "positional_embedding"][0],
        count(shapes, prefix + "transformer.resblocks."),
    )


def _settings(words: Sequence[int], inner: int, length: int, layers: int) -> dict[str, Any]:
    count, width = words
    quick = width <= _QUICK_WIDTH
    settings = {
        "vocab_size": count,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        # Every CLIP has heads of 64.
        "num_attention_heads": max(1, width // 64),
        "max_position_embeddings": length,
        "hidden_act": "quick_gelu" if quick else "gelu",
        "bos_token_id": count - 2,
        "eos_token_id": count - 1,
        # OpenAI's CLIP fills up with its end mark, OpenCLIP with zeros.
        "pad_token_id": count - 1 if quick else 0,
    }
    return settings | ({"projection_dim": width} if width == PROJECTED_WIDTH else {})
