"""Changes of weights that hold for some prompts alone: where, how far, and when."""

import logging
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nodes import conditioning, conditioning_pairs, hook_keyframes, hooks, loaders, sampling
from nodes.diffusion.adapters.hooks import HookedNetwork, clip_with_hooks
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.model_sampling import sigma_at
from nodes.errors import FileProblem
from nodes.text import clip_text_encode
from nodes.types import Area, Conditioning, Hooks, Latent, Mask, Model
from tests.nodes.diffusion.tiny_models import (
    TEXT,
    UNET,
    VAE,
    make_parts,
    tiny_parts,
    weft_config,
    write_checkpoint,
)
from tests.nodes.diffusion.tiny_sampling import flat, prompt, reader
from tests.nodes.folder_context import FolderContext

QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
WORDS = "text_encoder.text_model.encoder.layers.0.self_attn.v_proj"
X = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
EMPTY = Latent(torch.zeros(1, 4, 8, 8))


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> FolderContext:
    root = tmp_path_factory.mktemp("hooks")
    for kind in ("checkpoints", "loras", "embeddings"):
        (root / kind).mkdir()
    told = {"weft.config": weft_config()}
    write_checkpoint(root / "checkpoints" / "one.safetensors", tiny_parts(), told)
    torch.manual_seed(9)
    other = make_parts(UNET, VAE, TEXT)
    for network in (other.unet, other.text_encoder):
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    write_checkpoint(root / "checkpoints" / "other.safetensors", other, told)
    for name, of_model in (("lora", f"unet.{QUERY}"), ("strange", "unet.nowhere")):
        factors = {
            f"{of_model}.lora_down.weight": random(2, 16),
            f"{of_model}.lora_up.weight": 4 * random(16, 2),
        }
        if name == "lora":
            factors |= {
                f"{WORDS}.lora_down.weight": random(2, 16),
                f"{WORDS}.lora_up.weight": 4 * random(16, 2),
            }
        save_file(factors, root / "loras" / f"{name}.safetensors")
    return FolderContext(root)


@pytest.fixture(scope="module")
def parts(ctx: FolderContext) -> loaders.ModelParts:
    return loaders.checkpoint_loader_simple("one.safetensors", ctx=ctx)


@pytest.fixture(scope="module")
def lora(ctx: FolderContext) -> Hooks:
    return hooks.create_hook_lora("lora.safetensors", 0.75, 0.5, ctx=ctx)


def sampled(model: Model, positive: Conditioning, negative: Conditioning) -> Tensor:
    made = sampling.k_sampler(model, positive, negative, EMPTY, seed=3, steps=4, cfg=5.0)
    return made.samples


def estimates(model: Model, *asked: Conditioning, sigma: float = 3.0) -> list[Tensor]:
    return denoise(model, X, sigma, fit_conditionings(asked, model.sampling, X, 8))


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_a_lora_on_all_prompts_is_the_lora_on_the_model_and_leaves_nothing_behind(
    ctx: FolderContext, parts: loaders.ModelParts, lora: Hooks
) -> None:
    positive, negative = prompt(1), prompt(2)
    before, plain = weights(parts.model.network), sampled(parts.model, positive, negative)
    pair = conditioning_pairs.pair_conditioning_set_properties(positive, negative, hooks=lora)
    hooked = sampled(parts.model, *pair)
    changed = loaders.lora_loader_model_only(parts.model, "lora.safetensors", 0.75, ctx=ctx)
    assert torch.equal(hooked, sampled(changed, positive, negative))
    assert not torch.allclose(hooked, plain, atol=1e-3)
    assert torch.equal(sampled(parts.model, positive, negative), plain)
    for name, tensor in parts.model.network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_lora_on_one_prompt_holds_for_that_prompt_alone(
    ctx: FolderContext, parts: loaders.ModelParts, lora: Hooks
) -> None:
    one, two = prompt(1), prompt(2)
    changed = loaders.lora_loader_model_only(parts.model, "lora.safetensors", 0.75, ctx=ctx)
    hooked = conditioning.conditioning_set_properties(one, hooks=lora)
    positive, negative = estimates(parts.model, hooked, two)
    assert torch.equal(positive, estimates(changed, one)[0])
    assert torch.equal(negative, estimates(parts.model, two)[0])
    both = conditioning.conditioning_set_properties_and_combine(two, one, hooks=lora)
    mixed = estimates(parts.model, both)[0]
    torch.testing.assert_close(mixed, (positive + negative) / 2)


def test_keyframes_hold_from_their_time_on(parts: loaders.ModelParts, lora: Hooks) -> None:
    frames = hook_keyframes.create_hook_keyframe(0.5, 0.6)
    frames = hook_keyframes.create_hook_keyframe(2.0, 0.3, frames)
    frames = hook_keyframes.create_hook_keyframe(0.0, 0.8, frames)
    timed = hooks.set_hook_keyframes(lora, frames)
    assert hooks.set_hook_keyframes(lora) is lora
    hooked = HookedNetwork(timed.hooks, parts.model.sampling)
    query = weights(parts.model.network)[f"{QUERY}.weight"]
    change = 4 * random(16, 2) @ random(2, 16)
    # The earliest holds before its time, too.
    for fraction, strength in ((0.0, 1.5), (0.3, 1.5), (0.59, 1.5), (0.6, 0.375), (0.8, 0.0)):
        model = hooked.of(parts.model, sigma_at(parts.model.sampling, fraction))
        made = model.network.state_dict()[f"{QUERY}.weight"]
        torch.testing.assert_close(made, query + strength * change)
        again = hooked.of(parts.model, sigma_at(parts.model.sampling, fraction) * 0.9999)
        assert again.network is model.network
    assert model.network is parts.model.network


@pytest.mark.parametrize(
    ("interpolation", "middle"),
    [("linear", 0.5), ("ease_in", 0.25), ("ease_out", 0.75), ("ease_in_out", 0.5)],
)
def test_keyframes_are_spread_evenly_and_written_to_the_log(
    caplog: pytest.LogCaptureFixture, interpolation: str, middle: float
) -> None:
    first = hook_keyframes.create_hook_keyframe(3.0, 1.0)
    with caplog.at_level(logging.INFO, "weft.hooks"):
        made = hook_keyframes.create_hook_keyframes_interpolated(
            0.0, 1.0, interpolation, 0.2, 0.6, 3, True, first
        )
    pairs = [(frame.start, frame.strength) for frame in made.frames]
    expected = [(0.2, 0.0), (0.4, middle), (0.6, 1.0), (1.0, 3.0)]
    assert pairs == [pytest.approx(pair) for pair in expected]
    assert len(caplog.messages) == 3
    given = hook_keyframes.create_hook_keyframes_from_floats([5.0, 6.0], 0.5, 1.0)
    assert [(frame.start, frame.strength) for frame in given.frames] == [(0.5, 5.0), (1.0, 6.0)]


def test_a_prompt_may_be_followed_by_another_model(
    ctx: FolderContext, parts: loaders.ModelParts
) -> None:
    other = loaders.checkpoint_loader_simple("other.safetensors", ctx=ctx)
    whole = hooks.create_hook_model_as_lora_model_only("other.safetensors", ctx=ctx)
    hooked = conditioning.conditioning_set_properties(prompt(1), hooks=whole)
    made, plain = estimates(parts.model, hooked, prompt(1))
    torch.testing.assert_close(made, estimates(other.model, prompt(1))[0])
    assert torch.equal(plain, estimates(parts.model, prompt(1))[0])
    # Each goes its share of the way from the model that is given.
    twice = hooks.create_hook_model_as_lora("other.safetensors", 0.25, 0.5, whole, ctx=ctx)
    twice = Hooks(tuple(replace(hook, strength_model=0.25) for hook in twice.hooks))
    network = HookedNetwork(twice.hooks, parts.model.sampling).of(parts.model, 1.0).network
    ones, others = weights(parts.model.network), weights(other.model.network)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, (ones[name] + others[name]) / 2)
    clip = clip_with_hooks(parts.clip, twice.hooks, [0.0, 0.5])
    ones, others = weights(parts.clip.encoder), weights(other.clip.encoder)
    for name, tensor in clip.encoder.state_dict().items():
        torch.testing.assert_close(tensor, (ones[name] + others[name]) / 2)


def test_text_encoders_read_under_hooks(
    ctx: FolderContext, parts: loaders.ModelParts, lora: Hooks
) -> None:
    _, changed = loaders.lora_loader(parts.model, parts.clip, "lora.safetensors", 1, 0.5, ctx=ctx)
    expected = clip_text_encode("a b", changed, ctx=ctx).parts[0]
    hooked = hooks.set_clip_hooks(parts.clip, True, False, lora)
    (part,) = clip_text_encode("a b", hooked, ctx=ctx).parts
    assert torch.equal(part.embeds, expected.embeds)
    assert part.hooks == lora.hooks
    assert not torch.equal(
        part.embeds, clip_text_encode("a b", parts.clip, ctx=ctx).parts[0].embeds
    )
    (part,) = clip_text_encode("a b", replace(hooked, hooks=None), ctx=ctx).parts
    apart = hooks.set_clip_hooks(parts.clip, False, False, lora)
    assert clip_text_encode("a b", apart, ctx=ctx).parts[0].hooks == ()
    assert hooks.set_clip_hooks(hooked).hooks is None


def test_a_prompt_is_encoded_anew_where_strengths_change_by_time(
    ctx: FolderContext, parts: loaders.ModelParts, lora: Hooks
) -> None:
    frames = hook_keyframes.create_hook_keyframe(2.0, 0.0)
    for strength, start in ((2.0, 0.25), (0.0, 0.5)):
        frames = hook_keyframes.create_hook_keyframe(strength, start, frames)
    timed = hooks.set_hook_keyframes(lora, frames)
    plain = clip_text_encode("a b", parts.clip, ctx=ctx).parts[0]
    half, whole = (
        clip_text_encode("a b", clip_with_hooks(parts.clip, lora.hooks, [s]), ctx=ctx).parts[0]
        for s in (0.5, 1.0)
    )
    once = hooks.set_clip_hooks(parts.clip, True, False, timed)
    (always,) = clip_text_encode("a b", once, ctx=ctx).parts
    assert torch.equal(always.embeds, half.embeds)
    by_time = hooks.set_clip_hooks(parts.clip, True, True, timed)
    early, late = clip_text_encode("a b", by_time, ctx=ctx).parts
    assert ((early.start, early.end), (late.start, late.end)) == ((0, 0.5), (0.5, 1))
    assert torch.equal(early.embeds, whole.embeds)
    assert torch.equal(late.embeds, plain.embeds)


def test_hooks_are_put_together_in_order_and_once(ctx: FolderContext, lora: Hooks) -> None:
    more = hooks.create_hook_lora_model_only("lora.safetensors", 2.0, lora, ctx=ctx)
    assert [hook.strength_model for hook in more.hooks] == [0.75, 2.0]
    assert hooks.combine_hooks_2(None, lora).hooks == lora.hooks
    assert hooks.combine_hooks_4(lora, None, more, lora).hooks == more.hooks
    assert hooks.combine_hooks_8(hooks_H=more).hooks == more.hooks


def test_a_lora_for_other_models_is_told(ctx: FolderContext, parts: loaders.ModelParts) -> None:
    strange = hooks.create_hook_lora("strange.safetensors", ctx=ctx)
    hooked = conditioning.conditioning_set_properties(prompt(1), hooks=strange)
    with pytest.raises(FileProblem, match="changes nothing"):
        estimates(parts.model, hooked)


def test_a_default_holds_where_others_leave_room() -> None:
    model, network = reader()
    x = torch.zeros(1, 4, 8, 8)
    left = Mask(torch.ones(1, 1, 8, 8) * 0.25)
    left.values[..., 4:] = 0
    here = conditioning.conditioning_set_mask(flat(1.0), left)
    both = conditioning.conditioning_set_default_combine(here, flat(5.0))
    prompts = fit_conditionings((both,), model.sampling, x, 8)
    (made,) = denoise(model, x, 1.0, prompts)
    assert made[0, 0, 0].tolist() == [4.0] * 4 + [5.0] * 4
    # Where all is said already, it is not asked for; outside of the others' time it is alone.
    early = conditioning.conditioning_set_timestep_range(flat(1.0), 0.0, 0.5)
    both = conditioning.conditioning_set_default_combine(early, flat(5.0))
    prompts = fit_conditionings((both,), model.sampling, x, 8)
    for fraction, said in ((0.2, 1.0), (0.8, 5.0)):
        network.calls.clear()
        (made,) = denoise(model, x, sigma_at(model.sampling, fraction), prompts)
        assert made.unique().tolist() == [said]
        assert len(network.calls) == 1


def test_defaults_of_pairs_have_areas_and_hooks_of_their_own(lora: Hooks) -> None:
    area = conditioning.conditioning_set_area(flat(2.0), 64, 64)
    positive, negative = conditioning_pairs.pair_conditioning_set_default_combine(
        flat(1.0), flat(0.0), area, flat(3.0), lora
    )
    assert [part.default for part in (*positive.parts, *negative.parts)] == [False, True] * 2
    assert positive.parts[1].area == Area(64, 64, 0, 0)
    assert negative.parts[1].hooks == lora.hooks
    assert negative.parts[0].hooks == ()
