"""Guidance within attention: how far it leads, where, and what it leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from nodes.attention import na_guidance
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.guidance import guide_for
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.patches.attention_guidance import guided_layers, normalised
from nodes.diffusion.patches.patch import one_by_one
from nodes.errors import NodeError
from nodes.types import Cond, Conditioning, Guider, LatentFormat, Model
from tests.nodes.diffusion.tiny_sampling import prompt, reader, tiny_model
from tests.nodes.diffusion.transformer_files import transformer


def joint(family: str) -> Model:
    network = transformer(family)
    sampling, space = ModelSampling.from_flow(1.0), LatentFormat(16, 1.0)
    return Model(network, sampling, space, "float32", family)


def text(model: Model, seed: int, tokens: int = 5) -> Conditioning:
    config: Any = model.network.config
    if not hasattr(config, "joint_attention_dim"):
        return prompt(seed, tokens)
    generator = torch.Generator().manual_seed(seed)
    embeds = torch.randn(1, tokens, config.joint_attention_dim, generator=generator)
    pooled = torch.randn(1, config.pooled_projection_dim, generator=generator)
    guided = {"guidance": torch.tensor([3.5])} if getattr(config, "guidance_embeds", 0) else {}
    return Conditioning((Cond(embeds, pooled, extras=guided),))


def asked(model: Model, *texts: Conditioning, scale: float = 1.0) -> Tensor:
    channels = model.latent_format.channels
    x = torch.randn(2, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    prompts = fit_conditionings(texts, model.sampling, x, 8)
    kind = "cfg" if len(texts) > 1 else "basic"
    guide = guide_for(Guider(model, kind, texts, {"scale": scale}), prompts)
    return guide(x, 0.7)[0]


def test_the_way_is_led_on_up_to_a_length_and_mixed() -> None:
    positive, negative = torch.tensor([3.0, 1.0]), torch.tensor([1.0, 1.0])
    led = normalised(positive, negative, 2.0, 1.0, 10.0)
    assert led.tolist() == [5.0, 1.0]
    short = normalised(positive, negative, 2.0, 1.0, 1.25)
    assert short.tolist() == pytest.approx([5 * 5 / 6, 5 / 6])
    half = normalised(positive, negative, 2.0, 0.5, 10.0)
    assert half.tolist() == [4.0, 1.0]


MODELS: dict[str, Callable[[], Model]] = {
    "unet": tiny_model,
    "sd3": lambda: joint("sd3"),
    "flux": lambda: joint("flux"),
}


@pytest.mark.parametrize("family", MODELS)
def test_a_prompt_is_led_away_from_the_negative_without_other_guidance(family: str) -> None:
    model = MODELS[family]()
    positive, negative, other = (text(model, seed) for seed in (1, 2, 3))
    plain = asked(model, positive, negative)
    patched = na_guidance(model, 3.0, 0.5, 2.0)
    led = asked(patched, positive, negative)
    assert not torch.allclose(led, plain, atol=1e-4)
    assert not torch.allclose(led, asked(patched, positive, other), atol=1e-4)
    # What is led away from nothing, or from itself, stays.
    for changed in (na_guidance(model, 1.0), na_guidance(model, 3.0, 0.0)):
        torch.testing.assert_close(asked(changed, positive, negative), plain)
    torch.testing.assert_close(asked(patched, positive, positive), plain)
    assert torch.equal(asked(model, positive, negative), plain)


@pytest.mark.parametrize("family", MODELS)
def test_calls_of_their_own_give_the_same(family: str) -> None:
    model = na_guidance(MODELS[family](), 3.0, 0.5, 2.0)
    positive, negative = text(model, 1), text(model, 2)
    together = asked(model, positive, negative, scale=2.0)
    apart = asked(one_by_one(model), positive, negative, scale=2.0)
    torch.testing.assert_close(apart, together, rtol=1e-4, atol=1e-5)
    # Texts of unlike lengths cannot share a call of a transformer.
    longer = asked(model, positive, text(model, 2, 9))
    assert not torch.allclose(longer, asked(MODELS[family](), positive), atol=1e-4)


def test_the_negative_s_own_estimate_is_not_led() -> None:
    model = tiny_model()
    positive, negative = text(model, 1), text(model, 2)
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    prompts = fit_conditionings((positive, negative), model.sampling, x, 8)
    estimates = []
    for each in (model, na_guidance(model)):
        guider = Guider(each, "cfg", (positive, negative), {"scale": 3.0})
        estimates.append(guide_for(guider, prompts)(x, 0.7)[1])
    assert torch.equal(*estimates)


def test_it_has_nothing_to_lead_away_from_in_a_guider_of_one_prompt() -> None:
    model = tiny_model()
    assert torch.equal(asked(na_guidance(model), text(model, 1)), asked(model, text(model, 1)))


def test_only_attention_to_the_text_is_guided() -> None:
    names = [name for name, _, _ in guided_layers(tiny_model().network)]
    assert names
    assert all(name.endswith("attn2") for name in names)
    singles = [single for _, _, single in guided_layers(transformer("flux"))]
    blocks = transformer("flux")
    assert singles.count(True) == len(blocks.single_transformer_blocks)
    assert singles.count(False) == len(blocks.transformer_blocks)


def test_networks_without_such_attention_are_refused() -> None:
    model, _ = reader()
    with pytest.raises(NodeError, match="no attention"):
        na_guidance(replace(model))
