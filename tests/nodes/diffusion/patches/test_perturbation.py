"""Guidance by a weakened network: what is weakened, and what becomes of it."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel
from diffusers.models.attention_processor import PAGIdentitySelfAttnProcessor2_0
from torch import Tensor

from nodes.diffusion.conditions import Prompts, fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.guidance import guide_for
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.patches import perturbation
from nodes.diffusion.patches.patch import Call, Estimates, GuidancePatch, patched, with_patch
from nodes.errors import NodeError
from nodes.perturbation import (
    perturbed_attention_guidance,
    self_attention_guidance,
    skip_layer_guidance_dit,
    skip_layer_guidance_dit_simple,
    skip_layer_guidance_sd3,
)
from nodes.types import Guider, Model
from tests.nodes.diffusion.tiny_sampling import FORMAT, prompt, tiny_model

SIGMA = 2.0
POSITIVE, NEGATIVE = prompt(1), prompt(2)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


X = draw(1, 4, 16, 16) * SIGMA


def guided(model: Model, scale: float = 5.0) -> Tensor:
    guider = Guider(model, "cfg", (POSITIVE, NEGATIVE), {"scale": scale})
    return guide_for(guider, fitted())(X, SIGMA)[0]


def fitted() -> tuple[Prompts, ...]:
    return fit_conditionings((POSITIVE, NEGATIVE), tiny_model().sampling, X, 8)


def plain() -> tuple[Tensor, Tensor]:
    cond, uncond = denoise(tiny_model(), X, SIGMA, fitted())
    return cond, uncond


def test_perturbed_attention_is_that_of_diffusers() -> None:
    model = tiny_model()
    network: Any = copy.deepcopy(model.network)
    # Its processor leaves the first half of a batch alone and perturbs the second.
    network.mid_block.attentions[0].transformer_blocks[0].attn1.set_processor(
        PAGIdentitySelfAttnProcessor2_0()
    )
    sampling, embeds = model.sampling, POSITIVE.parts[0].embeds
    with torch.no_grad():
        output = network(
            sampling.input(X, SIGMA).repeat(2, 1, 1, 1),
            sampling.timestep(SIGMA),
            encoder_hidden_states=embeds.repeat(2, 1, 1),
        ).sample
    cond, worse = sampling.denoised(output, X.repeat(2, 1, 1, 1), SIGMA).chunk(2)
    made = guided(perturbed_attention_guidance(model, 3.0), scale=1.0)
    torch.testing.assert_close(made, cond + 3 * (cond - worse), rtol=1e-4, atol=1e-4)
    assert float((cond - worse).abs().max()) > 1e-4


@pytest.mark.parametrize(
    "patch", [perturbed_attention_guidance, self_attention_guidance], ids=["pag", "sag"]
)
def test_a_scale_of_zero_is_exactly_without(patch: Any) -> None:
    assert torch.equal(guided(patch(tiny_model(), 0.0)), guided(tiny_model()))


def test_attention_is_summed_over_those_that_look() -> None:
    model = tiny_model()
    network: Any = model.network
    attention = network.mid_block.attentions[0].transformer_blocks[0].attn1
    seen: list[Tensor] = []
    hook = attention.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    memory: dict[str, Tensor] = {}
    watching = with_patch(model, perturbation.attention_watch(memory, 1))
    denoise(watching, X, SIGMA, fitted())
    hook.remove()
    hidden = seen[0][1:]
    heads = attention.heads
    query, key = (
        layer(hidden).unflatten(-1, (heads, -1)).transpose(1, 2)
        for layer in (attention.to_q, attention.to_k)
    )
    weights = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(dim=-1)
    expected = weights.mean(dim=1).sum(dim=1).reshape(1, 1, 8, 8)
    torch.testing.assert_close(memory["attention"], expected, rtol=1e-4, atol=1e-5)
    assert float(memory["attention"].mean()) == pytest.approx(1, abs=1e-4)


def test_self_attention_guidance_leads_away_from_the_blurred() -> None:
    cond, uncond = draw(1, 4, 8, 8, seed=1), draw(1, 4, 8, 8, seed=2)
    seen = torch.zeros(1, 1, 4, 4)
    seen[..., :2, :] = 2
    asked: list[Tensor] = []

    def again(x: Tensor, place: int) -> Tensor:
        assert place == 1
        asked.append(x)
        return uncond

    x = draw(1, 4, 8, 8, seed=3)
    given = Estimates(
        x, SIGMA, cond, uncond, 5.0, again, 1, {"attention": seen}, tiny_model().sampling
    )
    made = perturbation.self_attention_guided(lambda _: cond, given, scale=0.5, blur_sigma=2.0)
    degraded = asked[0] - x + uncond
    # What attention went to is smoother, the rest is as it was.
    torch.testing.assert_close(degraded[..., 4:, :], uncond[..., 4:, :])
    assert float(degraded[..., :4, :].std()) < float(uncond[..., :4, :].std()) / 2
    torch.testing.assert_close(made, cond + 0.5 * (degraded - uncond))


def test_self_attention_guidance_changes_the_estimate() -> None:
    with_it = guided(self_attention_guidance(tiny_model(), 0.5, 2.0))
    assert not torch.allclose(with_it, guided(tiny_model()))


def flux() -> Any:
    torch.manual_seed(0)
    made: Any = FluxTransformer2DModel(
        in_channels=16,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=12,
        pooled_projection_dim=10,
        axes_dims_rope=(2, 2, 4),
    )
    return made.requires_grad_(False).eval()


def ask_flux(network: Any, batch: int = 2) -> Tensor:
    made: Tensor = network(
        hidden_states=draw(batch, 6, 16),
        encoder_hidden_states=draw(batch, 5, 12, seed=1),
        pooled_projections=draw(batch, 10, seed=2),
        timestep=torch.full((batch,), 0.5),
        img_ids=torch.zeros(6, 3),
        txt_ids=torch.zeros(5, 3),
    ).sample
    return made


def sd3() -> Any:
    torch.manual_seed(0)
    made: Any = SD3Transformer2DModel(
        sample_size=8,
        num_layers=3,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=12,
        caption_projection_dim=16,
        pooled_projection_dim=10,
        in_channels=4,
        out_channels=4,
        pos_embed_max_size=8,
    )
    return made.requires_grad_(False).eval()


def ask_sd3(network: Any, batch: int = 2, **named: Any) -> Tensor:
    made: Tensor = network(
        hidden_states=draw(batch, 4, 8, 8),
        encoder_hidden_states=draw(batch, 5, 12, seed=1),
        pooled_projections=draw(batch, 10, seed=2),
        timestep=torch.full((batch,), 500.0),
        **named,
    ).sample
    return made


def call(groups: tuple[int, ...] = (0, 1), sigma: float = 0.5) -> Call:
    return Call(ModelSampling.from_flow(), sigma, (8, 8), groups)


def skipped(double: Sequence[int], single: Sequence[int], places: Sequence[int]) -> dict[str, Any]:
    return {"double_layers": double, "single_layers": single, "places": places}


def test_skipped_layers_of_sd3_are_those_that_diffusers_skips() -> None:
    network = sd3()
    with perturbation.skipping(network, call(), **skipped((0, 2, 9), (), (0, 1))):
        made = ask_sd3(network)
    assert torch.equal(made, ask_sd3(network, skip_layers=[0, 2]))
    assert not torch.equal(made, ask_sd3(network))


def test_skipped_layers_of_flux_have_no_part() -> None:
    network = flux()
    with perturbation.skipping(network, call(), **skipped((1,), (0,), (0, 1))):
        made = ask_flux(network)
    without = copy.deepcopy(network)
    del without.transformer_blocks[1]
    del without.single_transformer_blocks[0]
    assert torch.equal(made, ask_flux(without))
    assert torch.equal(ask_flux(network), ask_flux(flux()))


@pytest.mark.parametrize("ask", [(flux, ask_flux), (sd3, ask_sd3)], ids=["flux", "sd3"])
def test_layers_are_skipped_for_the_conditionings_that_are_named(ask: Any) -> None:
    make, run = ask
    network = make()
    with perturbation.skipping(network, call((0, 1)), **skipped((0, 1), (1,), (1,))):
        made = run(network)
    with perturbation.skipping(network, call((0, 1)), **skipped((0, 1), (1,), (0, 1))):
        all_skipped = run(network)
    torch.testing.assert_close(made[:1], run(network)[:1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(made[1:], all_skipped[1:], rtol=1e-4, atol=1e-5)


def test_layers_are_skipped_between_the_noise_levels_that_are_given() -> None:
    network = sd3()
    model = Model(network, ModelSampling.from_flow(3.0), FORMAT, "float32", "sd3")
    simple = skip_layer_guidance_dit_simple(model, "0", "", 0.2, 0.6)
    inside = (model.sampling.sigma(700.0), model.sampling.sigma(900.0), model.sampling.sigma(300.0))
    made = []
    for sigma in map(float, inside):
        with patched(simple, call((1,), sigma)):
            made.append(torch.equal(ask_sd3(network, 1), ask_sd3(sd3(), 1)))
    assert made == [False, True, True]


@pytest.mark.parametrize("rescale", [0.0, 0.4])
def test_skipped_layers_are_led_away_from_and_the_spread_brought_back(rescale: float) -> None:
    cond, worse, free = (draw(1, 4, 8, 8, seed=seed) for seed in (1, 2, 3))
    model = Model(sd3(), ModelSampling.from_flow(3.0), FORMAT, "float32", "sd3")
    patch = skip_layer_guidance_dit(model, "0, 1", "", 2.5, 0.0, 1.0, rescale).patches[0]
    assert isinstance(patch, GuidancePatch)
    given = Estimates(cond, 0.5, cond, cond, 5.0, lambda *_: worse, 1, {}, model.sampling)
    expected = free + 2.5 * (cond - worse)
    factor = 1 - rescale + rescale * cond.std() / expected.std()
    made = patch.rule(lambda _: free, given, **patch.options)
    torch.testing.assert_close(made, expected * factor)


def test_skip_layer_guidance_reads_its_numbers_and_holds_for_transformers_only() -> None:
    model = Model(sd3(), ModelSampling.from_flow(3.0), FORMAT, "float32", "sd3")
    patch = skip_layer_guidance_sd3(model, "7, 8,9").patches[0]
    assert isinstance(patch, GuidancePatch)
    assert patch.options["double_layers"] == (7, 8, 9)
    assert patch.options["single_layers"] == ()
    with pytest.raises(NodeError, match="this model is a U-Net"):
        skip_layer_guidance_sd3(tiny_model())
