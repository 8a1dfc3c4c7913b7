"""Attention is multiplied where the words say, and nowhere else."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nodes.attention import (
    clip_attention_multiply,
    unet_cross_attention_multiply,
    unet_self_attention_multiply,
)
from nodes.diffusion.text.tokenizer import clip_vocabulary
from nodes.errors import NodeError
from nodes.types import Clip, Model
from tests.nodes.diffusion.tiny_models import tiny_parts
from tests.nodes.diffusion.tiny_sampling import tiny_model

FACTORS = {"q": 2.0, "k": 3.0, "v": 5.0, "out": 7.0}


def check(made: nn.Module, own: Mapping[str, Tensor], attention: str) -> None:
    """Look that each weight has the factor of its projection in this attention, or none."""
    found: set[float] = set()
    for name, tensor in made.state_dict().items():
        factor = 1.0
        if f".{attention}." in name:
            word = name.split(f".{attention}.")[1].split(".")[0]
            factor = FACTORS["out" if "out" in word else word.removeprefix("to_")[0]]
        found.add(factor)
        assert torch.allclose(tensor, factor * own[name]), name
    assert found == {1.0, *FACTORS.values()}


@pytest.mark.parametrize(
    ("multiply", "attention"),
    [(unet_self_attention_multiply, "attn1"), (unet_cross_attention_multiply, "attn2")],
)
def test_a_unet_s_attention_is_multiplied(multiply: Callable[..., Model], attention: str) -> None:
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    made = multiply(model, **FACTORS)
    check(made.network, before, attention)
    assert made.key not in (model.key, multiply(model, **{**FACTORS, "q": 1.0}).key)
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_text_encoder_s_attention_is_multiplied() -> None:
    clip = Clip(tiny_parts().text_encoder, clip_vocabulary(), "tiny")
    made = clip_attention_multiply(clip, **FACTORS)
    check(made.encoder, clip.encoder.state_dict(), "self_attn")


def test_a_transformer_is_told_that_it_is_no_unet() -> None:
    model = replace(tiny_model(), network=nn.Linear(2, 2))
    with pytest.raises(NodeError, match="U-Net"):
        unet_self_attention_multiply(model)
