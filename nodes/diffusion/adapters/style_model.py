"""Flux Redux: pictures as words behind those of a prompt.

Black Forest Labs 2024, FLUX.1 Redux: what SigLIP says of each patch of a picture is brought by two
layers to the width of T5's words.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from diffusers.pipelines.flux.modeling_flux import ReduxImageEncoder
from torch import Tensor

from nodes.diffusion.files.checkpoint_file import read_header, read_weights, stamp
from nodes.diffusion.files.checkpoint_networks import filled
from nodes.diffusion.memory.by_layer import work_place
from nodes.errors import FileProblem, NodeError
from nodes.types import ClipVisionOutput, Cond, Conditioning, StyleModel

_UP, _DOWN = "redux_up.weight", "redux_down.weight"


def load_style_model(path: Path, dtype: str) -> StyleModel:
    """Load Redux.

    Raises:
        FileProblem: If the file holds something else.
    """
    shapes = read_header(path).shapes
    if _UP not in shapes or _DOWN not in shapes:
        raise FileProblem(
            f"{path.name} holds no style model that is known here.",
            "Choose Flux Redux.",
            "style_model.kind",
        )
    with torch.device("meta"):
        network: Any = ReduxImageEncoder(shapes[_UP][1], shapes[_DOWN][0])
    network = filled(network, read_weights(path, lambda _: True), dtype, "style model")
    return StyleModel(network, dtype, f"{stamp(path)}#style_model")


@torch.no_grad()
def style_words(style: StyleModel, seen: ClipVisionOutput) -> Tensor:
    """Turn what an image encoder says of pictures into words (1, T, C), float32 on the CPU.

    Raises:
        NodeError: If they were seen by another image encoder than the style model knows.
    """
    network: Any = style.network
    width = network.config.redux_dim
    states = seen.last_hidden_state
    if states.shape[2] != width:
        raise NodeError(
            f"The style model reads {width} numbers, and this image encoder gives "
            f"{states.shape[2]}.",
            "Choose the image encoder that it was trained with: SigLIP for Flux Redux.",
            "style_model.encoder",
        )
    words: Tensor = network(states.to(*work_place(network))).image_embeds
    return words.float().cpu().flatten(0, 1)[None]


def _louder(part: Cond, words: Tensor, strength: float) -> Cond:
    """Multiply the words themselves."""
    return _with_words(part, words * strength, 0.0)


def _more_looked_at(part: Cond, words: Tensor, strength: float) -> Cond:
    """Leave the words as they are, and multiply the attention that all else pays to them."""
    return _with_words(part, words, math.log(strength) if strength > 0 else -math.inf)


STRENGTH_TYPES: Mapping[str, Any] = MappingProxyType(
    {"multiply": _louder, "attn_bias": _more_looked_at}
)


def with_style(
    conditioning: Conditioning, words: Tensor, strength: float, strength_type: str
) -> Conditioning:
    """Put words (1, T, C) behind those of every part.

    Args:
        conditioning: What is asked for.
        words: See `style_words`.
        strength: 1 takes the words as they are.
        strength_type: One of STRENGTH_TYPES.

    Raises:
        NodeError: If the prompt was encoded for another model.
    """
    change = STRENGTH_TYPES[strength_type]
    return Conditioning(tuple(change(part, words, strength) for part in conditioning.parts))


def _with_words(part: Cond, words: Tensor, bias: float) -> Cond:
    if part.embeds.shape[2] != words.shape[2]:
        raise NodeError(
            f"The style model gives words of {words.shape[2]} numbers, and the prompt has "
            f"{part.embeds.shape[2]}.",
            "Use the style model of the model's family: Redux is for Flux.",
            "style_model.family",
        )
    text, batch = part.embeds, len(part.embeds)
    extras = dict(part.extras)
    before = extras.get("text_bias")
    if bias or isinstance(before, Tensor):
        old = before if isinstance(before, Tensor) else torch.zeros(1, text.shape[1])
        extras["text_bias"] = torch.cat([old, torch.full((1, words.shape[1]), bias)], dim=1)
    embeds = torch.cat([text, words.expand(batch, -1, -1)], dim=1)
    return replace(part, embeds=embeds, extras=extras)
