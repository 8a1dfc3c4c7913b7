"""Flux Redux puts pictures behind a prompt, as its pipeline does."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.flux.modeling_flux import ReduxImageEncoder
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from nodes.conditioning import conditioning_concat
from nodes.diffusion.adapters.style_model import load_style_model
from nodes.diffusion.network_calls import attention_bias
from nodes.errors import FileProblem, NodeError
from nodes.style import style_model_apply, style_model_loader
from nodes.types import ClipVisionOutput, StyleModel
from tests.nodes.diffusion.test_network_calls import asked, drawn, model_of, text
from tests.nodes.folder_context import FolderContext


def redux(width: int = 1152) -> Any:
    torch.manual_seed(0)
    network: Any = ReduxImageEncoder(width, 4096)
    return network.requires_grad_(False).eval()


def style() -> StyleModel:
    return StyleModel(redux(), "float32", "redux")


def seen(batch: int = 1, width: int = 1152) -> ClipVisionOutput:
    states = drawn(5, batch, 4, width)
    return ClipVisionOutput(states.mean(1), states, states)


def test_the_words_are_those_of_diffusers_from_the_published_names(tmp_path: Path) -> None:
    (tmp_path / "style_models").mkdir()
    weights = redux().state_dict()
    assert sorted(weights) == [
        f"redux_{w}.{kind}" for w in ("down", "up") for kind in ("bias", "weight")
    ]
    save_file(weights, tmp_path / "style_models" / "redux.safetensors")
    loaded = style_model_loader("redux.safetensors", ctx=FolderContext(tmp_path))
    prompt = text(1, model_of("flux"))
    made = style_model_apply(prompt, loaded, seen(2)).parts[0]
    words = redux()(seen(2).last_hidden_state).image_embeds.flatten(0, 1)[None]
    assert torch.allclose(made.embeds, torch.cat([prompt.parts[0].embeds, words], dim=1))
    assert "text_bias" not in made.extras


def test_a_factor_on_the_words_and_one_on_the_attention_both_lead_from_nothing_to_all() -> None:
    model, x = model_of("flux"), drawn(1, 1, 16, 4, 4)
    plain = text(1, model)
    whole = asked(model, x, style_model_apply(plain, style(), seen()))[0]
    (without,) = asked(model, x, plain)
    biased = [
        asked(model, x, style_model_apply(plain, style(), seen(), strength, "attn_bias"))[0]
        for strength in (0.0, 0.25, 1.0, 4.0)
    ]
    assert torch.allclose(biased[0], without, atol=1e-5)
    assert torch.allclose(biased[2], whole, atol=1e-6)
    distances = [float((each - without).norm()) for each in biased]
    assert distances == sorted(distances)
    louder = style_model_apply(plain, style(), seen(), 0.5).parts[0].embeds
    assert torch.allclose(louder[:, 5:], style_words_of(plain) * 0.5)


def style_words_of(plain: Any) -> Tensor:
    made: Tensor = style_model_apply(plain, style(), seen()).parts[0].embeds[:, 5:]
    return made


def test_a_bias_multiplies_the_attention_that_others_pay() -> None:
    query, key, value = (drawn(seed, 1, 1, 5, 8) for seed in range(3))
    bias = torch.tensor([[0.0, float(torch.tensor(3.0).log()), 0.0]])
    made = scaled_dot_product_attention(query, key, value, attention_bias(bias, 5))
    shares = (query @ key.mT / 8**0.5).exp()
    shares[..., [0, 2, 3, 4], 1] *= 3
    assert torch.allclose(made, shares / shares.sum(-1, keepdim=True) @ value, atol=1e-5)


def test_words_that_come_later_are_attended_to_as_usual() -> None:
    model, x = model_of("flux"), drawn(1, 1, 16, 4, 4)
    styled = style_model_apply(text(1, model), style(), seen(), 2.0, "attn_bias")
    longer = conditioning_concat(styled, text(2, model))
    assert torch.isfinite(asked(model, x, longer)[0]).all()
    twice = style_model_apply(styled, style(), seen(), 0.5)
    bias = twice.parts[0].extras["text_bias"]
    assert isinstance(bias, Tensor)
    assert bias[0].tolist() == pytest.approx([0] * 5 + [0.6931] * 4 + [0] * 4, abs=1e-4)


def test_what_does_not_belong_is_told(tmp_path: Path) -> None:
    prompt = text(1, model_of("flux"))
    with pytest.raises(NodeError, match="reads 1152 numbers, and this image encoder gives 768"):
        style_model_apply(prompt, style(), seen(width=768))
    narrow = StyleModel(ReduxImageEncoder(1152, 64).requires_grad_(False), "float32", "narrow")
    with pytest.raises(NodeError, match="words of 64 numbers"):
        style_model_apply(prompt, narrow, seen())
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(FileProblem, match="no style model"):
        load_style_model(tmp_path / "a.safetensors", "float32")
