"""Transformers are called as their pipelines call them."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import FluxPipeline
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.inputs.model_inputs import completed
from nodes.diffusion.latent_space import scaled
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.network_calls import packed, unpacked
from nodes.errors import NodeError
from nodes.text import flux_disable_guidance, flux_guidance
from nodes.types import Cond, Conditioning, Latent, LatentFormat, Mask, Model
from tests.nodes.diffusion.transformer_files import transformer

FORMAT = LatentFormat(16, 0.3611, shift=0.1159)
SIGMA = 0.7


def model_of(name: str, **changes: Any) -> Model:
    network = transformer(name, **changes)
    return Model(network, ModelSampling.from_flow(3.0), FORMAT, "float32", name)


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def text(seed: int, model: Model, tokens: int = 5, **extras: Any) -> Conditioning:
    network: Any = model.network
    pooled = drawn(seed + 100, 1, network.config.pooled_projection_dim)
    return Conditioning((Cond(drawn(seed, 1, tokens, 4096), pooled, extras=extras),))


def asked(
    model: Model, x: Tensor, *conditionings: Conditioning, latent: Latent | None = None
) -> list[Tensor]:
    given = completed(conditionings, model, latent or Latent(torch.zeros_like(x)))
    return denoise(model, x, SIGMA, fit_conditionings(given, model.sampling, x, 8))


def by_pipeline(model: Model, x: Tensor, prompt: Conditioning, **inputs: Any) -> Tensor:
    """Call Flux by the functions of diffusers' pipeline; give the prediction."""
    pipeline: Any = FluxPipeline
    network: Any = model.network
    batch, channels, height, width = x.shape
    (part,) = prompt.parts
    assert part.pooled is not None
    output = network(
        hidden_states=pipeline._pack_latents(x, batch, channels, height, width),
        timestep=torch.tensor([SIGMA] * batch),
        encoder_hidden_states=part.embeds.expand(batch, -1, -1),
        pooled_projections=part.pooled.expand(batch, -1),
        txt_ids=torch.zeros(part.embeds.shape[1], 3),
        img_ids=pipeline._prepare_latent_image_ids(
            batch, height // 2, width // 2, "cpu", torch.float32
        ),
        **inputs,
    ).sample
    made: Tensor = pipeline._unpack_latents(output, height * 8, width * 8, 8)
    return made


@pytest.mark.parametrize("name", ["sd3", "sd35"])
def test_stable_diffusion_3_is_called_as_it_stands(name: str) -> None:
    model, x = model_of(name), drawn(1, 2, 16, 8, 12)
    prompt = text(2, model)
    (part,) = prompt.parts
    assert part.pooled is not None
    network: Any = model.network
    velocity = network(
        x,
        part.embeds.expand(2, -1, -1),
        part.pooled.expand(2, -1),
        torch.tensor([SIGMA * 1000] * 2),
    ).sample
    (ours,) = asked(model, x, prompt)
    assert torch.allclose(ours, x - SIGMA * velocity, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "extras", "guidance"),
    [("flux", {}, 3.5), ("flux", {"guidance": 7.0}, 7.0), ("schnell", {"guidance": 7.0}, None)],
)
def test_flux_is_called_as_by_its_pipeline(
    name: str, extras: dict[str, Any], guidance: float | None
) -> None:
    model, x = model_of(name), drawn(1, 2, 16, 8, 12)
    prompt = text(2, model, 5, **extras)
    inputs = {} if guidance is None else {"guidance": torch.tensor([guidance] * 2)}
    theirs = x - SIGMA * by_pipeline(model, x, prompt, **inputs)
    (ours,) = asked(model, x, prompt)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_packing_is_undone() -> None:
    x = drawn(1, 2, 16, 6, 10)
    assert torch.equal(unpacked(packed(x), 3, 5), x)


def test_sides_that_are_no_whole_patches_go_round_the_edge() -> None:
    for name in ("sd3", "flux"):
        model, x = model_of(name), drawn(1, 1, 16, 7, 5)
        around = torch.cat([x, x[..., :1]], dim=3)
        around = torch.cat([around, around[..., :1, :]], dim=2)
        prompt = text(2, model)
        (ours,), (whole,) = asked(model, x, prompt), asked(model, around, prompt)
        assert ours.shape == x.shape
        assert torch.allclose(ours, whole[..., :7, :5], atol=1e-4)


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_texts_keep_their_lengths_beside_one_another(name: str) -> None:
    model, x = model_of(name), drawn(1, 1, 16, 6, 6)
    short, long = text(2, model, 3), text(3, model, 6)
    together = asked(model, x, short, long)
    apart = [*asked(model, x, short), *asked(model, x, long)]
    for one, two in zip(together, apart, strict=True):
        assert torch.allclose(one, two, atol=1e-4)


def test_texts_of_one_length_share_a_call() -> None:
    model, x = model_of("flux"), drawn(1, 1, 16, 6, 6)
    first, second = text(2, model, guidance=2.0), text(3, model)
    network: Any = model.network
    batches: list[int] = []
    hook = network.register_forward_pre_hook(
        lambda module, args, kwargs: batches.append(len(kwargs["hidden_states"])),
        with_kwargs=True,
    )
    together = asked(model, x, first, second)
    hook.remove()
    assert batches == [2]
    apart = [*asked(model, x, first), *asked(model, x, second)]
    for one, two in zip(together, apart, strict=True):
        assert torch.allclose(one, two, atol=1e-4)


def test_flux_fill_reads_the_hidden_picture_and_every_pixel_of_the_mask() -> None:
    model = model_of("flux", in_channels=384, out_channels=64)
    x, picture = drawn(1, 1, 16, 4, 6), drawn(4, 1, 16, 4, 6)
    mask = (drawn(5, 1, 1, 32, 48) > 0).float()
    prompt = text(2, model, inpaint_mask=mask, inpaint_picture=picture)
    pixels = mask.view(1, 4, 8, 6, 8).permute(0, 2, 4, 1, 3).reshape(1, 64, 4, 6)
    beside = torch.cat([x, picture, pixels], dim=1)
    velocity = by_pipeline(model, beside, prompt, guidance=torch.tensor([3.5]))
    (ours,) = asked(model, x, prompt)
    assert torch.allclose(ours, x - SIGMA * velocity, atol=1e-4)


def test_flux_fill_takes_the_latents_own_mask() -> None:
    model = model_of("flux", in_channels=384, out_channels=64)
    x, samples = drawn(1, 1, 16, 4, 4), drawn(4, 1, 16, 4, 4)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., 2:] = 1
    (ours,) = asked(model, x, text(2, model), latent=Latent(samples, Mask(mask)))
    large = mask.repeat_interleave(8, 2).repeat_interleave(8, 3)
    named = text(2, model, inpaint_mask=large, inpaint_picture=samples)
    assert torch.allclose(ours, asked(model, x, named)[0], atol=1e-5)


def test_flux_with_a_control_picture_reads_it_behind_the_latent() -> None:
    model = model_of("flux", in_channels=128, out_channels=64)
    x, picture = drawn(1, 1, 16, 4, 6), drawn(4, 1, 16, 4, 6)
    shown, without = text(2, model, edit_picture=picture), text(2, model)
    # A VAE's zeros stand in for it.
    zeros = scaled(torch.zeros_like(picture), FORMAT)
    for prompt, beside in ((shown, picture), (without, zeros)):
        both = torch.cat([x, beside], dim=1)
        velocity = by_pipeline(model, both, prompt, guidance=torch.tensor([3.5]))
        (ours,) = asked(model, x, prompt)
        assert torch.allclose(ours, x - SIGMA * velocity, atol=1e-4)


def test_a_prompt_without_a_summary_is_refused() -> None:
    model = model_of("flux")
    nothing = Conditioning((Cond(drawn(1, 1, 5, 4096)),))
    with pytest.raises(NodeError, match="summary has 0 numbers, but the model reads 768"):
        asked(model, drawn(1, 1, 16, 4, 4), nothing)


def test_a_prompt_of_another_width_is_refused() -> None:
    model = model_of("flux")
    other = Conditioning((Cond(drawn(1, 1, 5, 768), drawn(2, 1, 768)),))
    with pytest.raises(NodeError, match="768 numbers a token, but the model reads 4096"):
        asked(model, drawn(1, 1, 16, 4, 4), other)


def test_a_picture_beyond_the_positions_that_it_knows_is_refused() -> None:
    model = model_of("sd3")
    with pytest.raises(NodeError, match="at most 192 pixels a side, and this one has 64 x 208"):
        asked(model, drawn(1, 1, 16, 26, 8), text(2, model))


def test_flux_without_guidance_is_told_of_none() -> None:
    model = model_of("flux")
    x, prompt = drawn(0, 2, 16, 8, 8), text(1, model)
    (made,) = asked(model, x, flux_disable_guidance(flux_guidance(prompt, 2.0)))
    deaf = deepcopy(model.network)
    for weight in deaf.get_submodule("time_text_embed.guidance_embedder.linear_2").parameters():
        weight.zero_()
    (expected,) = asked(replace(model, network=deaf), x, prompt)
    torch.testing.assert_close(made, expected)
    (guided,) = asked(model, x, prompt)
    assert not torch.allclose(made, guided, atol=1e-4)
    # Beside one that is guided it has a call of its own.
    together = asked(model, x, prompt, flux_disable_guidance(prompt))
    torch.testing.assert_close(together, [guided, made])
