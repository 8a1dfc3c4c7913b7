"""Guiders combine estimates as their formulas say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
import torch

from nodes.conditioning import conditioning_zero_out
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.guidance import guide_for, perpendicular, resolved
from nodes.diffusion.memory.residence import on_device
from nodes.errors import NodeError
from nodes.guidance import (
    adaptive_projected_guidance,
    basic_guider,
    cfg_guider,
    cfg_norm,
    cfg_override,
    cfg_zero_star,
    dual_cfg_guider,
    fre_sca,
    latent_apply_operation_cfg,
    mahiro,
    perp_neg,
    perp_neg_guider,
    rescale_cfg,
    tangential_damping_cfg,
)
from nodes.perturbation import dual_model_guider
from nodes.rescaling import epsilon_scaling, renorm_cfg, temporal_score_rescaling
from nodes.sampling import k_sampler
from nodes.types import Guider, Latent, LatentFormat, LatentOperation, Model
from tests.nodes.diffusion.tiny_sampling import flat, prompt, reader, tiny_model

NO_SHARPENING = {"radius": 2.0, "sigma": 1.0, "amount": 0.0}


def guided(guider: Guider) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.zeros(1, 4, 2, 2)
    prompts = fit_conditionings(guider.conditionings, guider.model.sampling, x, 8)
    return guide_for(guider, prompts)(x, 1.0)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        # 2 + 3 * (5 - 2) + 4 * (6 - 5)
        ("regular", 15.0),
        # 2 + 3 * (5 + 4 * (6 - 5) - 2)
        ("nested", 23.0),
    ],
)
def test_two_steps_have_strengths_of_their_own(style: str, expected: float) -> None:
    model, _ = reader()
    guider = dual_cfg_guider(model, flat(6.0), flat(5.0), flat(2.0), 4.0, 3.0, style)
    made, away = guided(guider)
    assert torch.allclose(made, torch.full_like(made, expected))
    assert torch.allclose(away, torch.full_like(away, 2.0))


@pytest.mark.parametrize("style", ["regular", "nested"])
def test_strengths_of_one_follow_the_first_prompt(style: str) -> None:
    model, network = reader()
    guider = dual_cfg_guider(model, flat(6.0), flat(5.0), flat(2.0), 1.0, 1.0, style)
    made, _ = guided(guider)
    assert torch.allclose(made, torch.full_like(made, 6.0))
    assert len(network.calls) == 1


def test_perpendicular_negatives_push_across_the_prompt_only() -> None:
    model, _ = reader()
    # Whatever lies along the positive prompt is not undone: constants all lie along one another.
    guider = perp_neg_guider(model, flat(6.0), flat(5.0), flat(2.0), 3.0, 10.0)
    made, away = guided(guider)
    # 2 + 3 * (6 - 2)
    assert torch.allclose(made, torch.full_like(made, 14.0))
    assert torch.allclose(away, torch.full_like(away, 2.0))


def test_what_lies_across_the_prompt_is_led_away_from() -> None:
    towards, against = torch.zeros(1, 2, 1, 1), torch.zeros(1, 2, 1, 1)
    towards[0, 0], against[0, 0], against[0, 1] = 1.0, 5.0, 2.0
    empty = torch.full((1, 2, 1, 1), 0.5)
    options = {"scale": 3.0, "neg_scale": 0.5}
    made = perpendicular([empty + towards, empty + against, empty], options)
    # Along: 0.5 + 3 * 1; across: 0.5 - 3 * 0.5 * 2.
    assert made.flatten().tolist() == pytest.approx([3.5, -2.5])


def test_a_model_can_carry_the_perpendicular_rule() -> None:
    model, _ = reader()
    patched = perp_neg(model, flat(2.0), 0.7)
    by_patch = resolved(Guider(patched, "cfg", (flat(6.0), flat(5.0)), {"scale": 3.0}))
    assert (by_patch.kind, by_patch.options) == ("perp_neg", {"scale": 3.0, "neg_scale": 0.7})
    made, _ = guided(by_patch)
    assert torch.allclose(made, torch.full_like(made, 14.0))
    basic = Guider(patched, "basic", (flat(6.0),))
    assert resolved(basic) is basic


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        # Guidance gives 2 + 4 * (6 - 2) = 18; no longer than the prompt's own 6:
        (cfg_norm, 6.0),
        (lambda model: cfg_norm(model, 0.5), 3.0),
        # What is along the prompt's own estimate is left out.
        (lambda model: adaptive_projected_guidance(model, 0.0, 0.0), 6.0),
        (lambda model: adaptive_projected_guidance(model, 0.5, 0.0), 14.0),
        # Both prompts point the same way: plain guidance.
        (mahiro, 18.0),
        # The noise beneath 18 is as long as that beneath 6.
        (lambda model: cfg_norm(model, 1.0, True), 6.0),
        (lambda model: cfg_norm(model, 0.5, True), 12.0),
        (renorm_cfg, 6.0),
        # Not above the level: only the prompt.
        (lambda model: renorm_cfg(model, 1.0, 0.0), 6.0),
        (lambda model: renorm_cfg(model, 1.1, 0.0), 18.0),
        (lambda model: epsilon_scaling(model, 1.5), 12.0),
        # What the prompt adds is the same everywhere: as coarse as can be.
        (lambda model: fre_sca(model, 0.5, 7.0), 10.0),
        (lambda model: cfg_override(model, 2.0), 10.0),
        # The last one counts.
        (lambda model: cfg_override(cfg_override(model, 2.0), 3.0), 14.0),
        (lambda model: cfg_override(model, 2.0, 0.9), 18.0),
    ],
)
def test_patches_shape_what_a_guider_gives(
    patch: Callable[[Model], Model], expected: float
) -> None:
    model, _ = reader()
    made, away = guided(cfg_guider(patch(model), flat(6.0), flat(2.0), 4.0))
    assert torch.allclose(made, torch.full_like(made, expected), atol=1e-4)
    assert torch.allclose(away, torch.full_like(away, 2.0))


@pytest.mark.parametrize(("inside", "calls"), [(1.0, 1), (3.0, 2)])
def test_an_overriding_scale_of_one_leaves_the_negative_prompt_out(
    inside: float, calls: int
) -> None:
    model, network = reader()
    made, _ = guided(cfg_guider(cfg_override(model, inside), flat(6.0), flat(2.0), 4.0))
    assert torch.allclose(made, torch.full_like(made, 2 + inside * 4))
    assert sum(shape[0] for shape, *_ in network.calls) == calls


def test_an_overriding_scale_brings_a_negative_prompt_in_that_had_no_part() -> None:
    model, _ = reader()
    made, away = guided(cfg_guider(cfg_override(model, 3.0), flat(6.0), flat(2.0), 1.0))
    assert torch.allclose(made, torch.full_like(made, 14.0))
    assert torch.allclose(away, torch.full_like(away, 2.0))


def test_the_last_patch_is_put_around_the_others() -> None:
    model, _ = reader()
    both = cfg_norm(adaptive_projected_guidance(model, 0.5, 0.0), 0.5)
    # 14 is brought down to 6, then halved.
    made, _ = guided(cfg_guider(both, flat(6.0), flat(2.0), 4.0))
    assert torch.allclose(made, torch.full_like(made, 3.0), atol=1e-4)


@pytest.mark.parametrize(
    "patch",
    [
        lambda model: rescale_cfg(model, 0.0),
        lambda model: latent_apply_operation_cfg(model, LatentOperation("sharpen", NO_SHARPENING)),
        lambda model: epsilon_scaling(model, 1.0),
        lambda model: temporal_score_rescaling(model, 1.0),
        lambda model: fre_sca(model, 1.0, 1.0),
        lambda model: renorm_cfg(model, 100.0, 0.0),
    ],
)
def test_neutral_settings_are_as_without(patch: Callable[[Model], Model]) -> None:
    model = tiny_model()
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    prompts = fit_conditionings((prompt(1), prompt(2)), model.sampling, x, 8)
    plain, shaped = (
        guide_for(Guider(m, "cfg", (), {"scale": 5.0}), prompts)(x, 2.0)[0]
        for m in (model, patch(model))
    )
    torch.testing.assert_close(shaped, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "patch",
    [
        rescale_cfg,
        tangential_damping_cfg,
        cfg_zero_star,
        mahiro,
        cfg_norm,
        renorm_cfg,
        epsilon_scaling,
        temporal_score_rescaling,
        cfg_override,
        partial(fre_sca, freq_cutoff=2),
    ],
)
def test_each_shape_of_guidance_samples_to_numbers_of_its_own(
    patch: Callable[[Model], Model],
) -> None:
    model, empty = tiny_model(), Latent(torch.zeros(1, 4, 8, 8))
    plain, shaped = (
        k_sampler(m, prompt(1), prompt(2), empty, seed=1, steps=2).samples
        for m in (model, patch(model))
    )
    assert bool(shaped.isfinite().all())
    assert not torch.allclose(plain, shaped)


def test_another_model_is_led_away_from() -> None:
    model, weak = tiny_model(), noisy_copy(tiny_model())
    positive, negative = prompt(1), prompt(2)
    made, away = guided(dual_model_guider(model, positive, weak, negative, 3.0))
    good, bad = (guided(basic_guider(*each))[0] for each in ((model, positive), (weak, negative)))
    torch.testing.assert_close(away, bad)
    torch.testing.assert_close(made, bad + 3 * (good - bad))
    plain = guided(dual_model_guider(model, positive, None, negative, 3.0))
    assert torch.equal(plain[0], guided(cfg_guider(model, positive, negative, 3.0))[0])
    # Told nothing, it is told zeros.
    _, untold = guided(dual_model_guider(model, positive, weak))
    zeros = conditioning_zero_out(positive)
    torch.testing.assert_close(untold, guided(basic_guider(weak, zeros))[0])


def test_every_model_of_a_guider_is_held_where_it_works() -> None:
    model, weak = tiny_model(), noisy_copy(tiny_model())
    held: list[Model] = []

    @contextmanager
    def resident(one: Model) -> Iterator[Model]:
        held.append(one)
        yield replace(one, key=f"{one.key} there")

    guider = dual_model_guider(model, prompt(1), weak, prompt(2))
    with on_device(guider, resident) as there:
        assert there.model.key == "tiny there"
        other = there.conditionings[1].parts[0].model
        assert other is not None
        assert other.key == "weak there"
    assert held == [model, weak]
    with pytest.raises(NodeError, match="different latent spaces"):
        dual_model_guider(replace(model, latent_format=LatentFormat(16, 1.0)), prompt(1), weak)


def noisy_copy(model: Model) -> Model:
    network = deepcopy(model.network)
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    return replace(model, network=network, key="weak")
