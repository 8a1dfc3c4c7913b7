"""Which transformer a file holds, and its configuration: Stable Diffusion 3, Flux and Chroma."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import TypeVar

import torch
from torch import Tensor

from nodes.diffusion.files.scaled_weights import with_factors, without_marks
from nodes.diffusion.files.transformer_keys import CHROMA, FLUX, SD3, Layout, from_original
from nodes.diffusion.files.weight_shapes import Config, Shapes, count
from nodes.errors import FileProblem

V = TypeVar("V")

SD3_NETWORK, FLUX_NETWORK = "SD3Transformer2DModel", "FluxTransformer2DModel"
CHROMA_NETWORK = "ChromaTransformer2DModel"

# How weights begin where a transformer does not stand alone.
PREFIXES = ("model.diffusion_model.", "")

# What tells each network, under its original names and under those of diffusers. Chroma has names
# of Flux beside its own, and comes first.
_SIGNS = (
    (CHROMA_NETWORK, CHROMA, "distilled_guidance_layer.norms.0.scale"),
    (CHROMA_NETWORK, None, "distilled_guidance_layer.norms.0.weight"),
    (SD3_NETWORK, SD3, "joint_blocks.0.x_block.attn.qkv.weight"),
    (SD3_NETWORK, None, "pos_embed.proj.weight"),
    (FLUX_NETWORK, FLUX, "double_blocks.0.img_attn.norm.key_norm.scale"),
    (FLUX_NETWORK, None, "single_transformer_blocks.0.proj_mlp.weight"),
)

# Models whose blocks have the same names, and that are something else.
_RELATIVES = (
    ("nerf_", "a Chroma Radiance model"),
    ("double_stream_modulation_img.", "a Flux 2 model"),
    ("single_stream_modulation.", "a Flux 2 model"),
    ("controlnet_", "a ControlNet of a transformer"),
    ("caption_projection.", "a PixArt model"),
)

# The rotary positions of Flux: rows of a picture apart, of text, and its two sides.
FLUX_AXES = (16, 56, 56)


@dataclass(frozen=True)
class Transformer:
    """A transformer in a file.

    Attributes:
        network: Name of its class in diffusers.
        prefix: Stands before every name.
        layout: Of its original names; None where it has those of diffusers.
        config: Of its class.
    """

    network: str
    prefix: str
    layout: Layout | None
    config: Config

    def weights(self, file: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pick its weights out of a file, under the names of diffusers; see `with_factors`.

        Raises:
            UnknownKeysError: If a weight has no place in it.
        """
        own = with_factors(_within(file, self.prefix))
        return own if self.layout is None else from_original(own, self.layout)


def find_transformer(shapes: Shapes) -> Transformer | None:
    """Find the transformer of a file by the names and shapes of its weights.

    Args:
        shapes: Shape of every tensor of the file by its name.

    Raises:
        FileProblem: If it is of a family that only resembles the known ones.
        UnknownKeysError: If a weight has no place in its layout.
        KeyError: If a weight that tells the configuration is missing.
    """
    for prefix in PREFIXES:
        for network, layout, sign in _SIGNS:
            if prefix + sign not in shapes:
                continue
            own = without_marks(_within(shapes, prefix))
            _check(own)
            if layout is not None:
                # Tensors without values: the names that they get are those of the weights.
                bare = {n: torch.empty(tuple(s), device="meta") for n, s in own.items()}
                own = {n: tuple(t.shape) for n, t in from_original(bare, layout).items()}
            return Transformer(network, prefix, layout, _CONFIGS[network](own))
    return None


def _within(named: Mapping[str, V], prefix: str) -> dict[str, V]:
    start = len(prefix)
    return {name[start:]: value for name, value in named.items() if name.startswith(prefix)}


def _check(names: Shapes) -> None:
    for sign, what in _RELATIVES:
        if any(name.startswith(sign) for name in names):
            raise FileProblem(
                f"This file is {what}, and that family cannot be loaded yet.",
                "Choose a model of Stable Diffusion 1, 2, 3 or XL, Flux 1 or Chroma.",
                "checkpoint.family",
            )


def _sd3_config(shapes: Shapes) -> Config:
    """Derive an SD3Transformer2DModel's configuration: Esser et al. 2024, arXiv:2403.03206."""
    width, channels, patch, _ = shapes["pos_embed.proj.weight"]
    caption, text = shapes["context_embedder.weight"]
    blocks = count(shapes, "transformer_blocks.")
    normed = "transformer_blocks.0.attn.norm_q.weight"
    # A head is 64 wide in all of them; where queries are normalised their norm says so.
    head = shapes[normed][0] if normed in shapes else 64
    dual = (b for b in range(blocks) if f"transformer_blocks.{b}.attn2.to_q.weight" in shapes)
    return {
        "sample_size": 128,
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": shapes["proj_out.weight"][0] // patch**2,
        "num_layers": blocks,
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": text,
        "caption_projection_dim": caption,
        "pooled_projection_dim": shapes["time_text_embed.text_embedder.linear_1.weight"][1],
        "pos_embed_max_size": isqrt(shapes["pos_embed.pos_embed"][1]),
        "dual_attention_layers": tuple(dual),
        "qk_norm": "rms_norm" if normed in shapes else None,
    }


def _flux_config(shapes: Shapes) -> Config:
    """Derive a FluxTransformer2DModel's configuration."""
    return _flux_blocks(shapes) | {
        "pooled_projection_dim": shapes["time_text_embed.text_embedder.linear_1.weight"][1],
        "guidance_embeds": "time_text_embed.guidance_embedder.linear_1.weight" in shapes,
    }


def _chroma_config(shapes: Shapes) -> Config:
    """Derive a ChromaTransformer2DModel's configuration."""
    hidden, channels = shapes["distilled_guidance_layer.in_proj.weight"]
    return _flux_blocks(shapes) | {
        "approximator_num_channels": channels,
        "approximator_hidden_dim": hidden,
        "approximator_layers": count(shapes, "distilled_guidance_layer.layers."),
    }


def _flux_blocks(shapes: Shapes) -> Config:
    """Derive what the configurations of Flux and Chroma share."""
    width, channels = shapes["x_embedder.weight"]
    head = shapes["transformer_blocks.0.attn.norm_q.weight"][0]
    if head != sum(FLUX_AXES):
        raise FileProblem(
            f"This file's transformer has heads of {head}, and those of Flux are of "
            f"{sum(FLUX_AXES)}.",
            "Choose a model of the Flux 1 family, or Chroma.",
            "checkpoint.family",
        )
    return {
        "in_channels": channels,
        "out_channels": shapes["proj_out.weight"][0],
        "num_layers": count(shapes, "transformer_blocks."),
        "num_single_layers": count(shapes, "single_transformer_blocks."),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": shapes["context_embedder.weight"][1],
        "axes_dims_rope": FLUX_AXES,
    }


_CONFIGS: Mapping[str, Callable[[Shapes], Config]] = {
    SD3_NETWORK: _sd3_config,
    FLUX_NETWORK: _flux_config,
    CHROMA_NETWORK: _chroma_config,
}
