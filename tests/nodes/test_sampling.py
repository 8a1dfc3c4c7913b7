"""The sampling nodes: what they promise beyond the mathematics below them."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch

from nodes import guidance, model_schedulers, patches, sampling, schedulers, sigmas
from nodes.api import Cancelled
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.noise import initial_noise
from nodes.types import Latent, Mask, Noise, Sampler, Sigmas
from tests.nodes.diffusion.tiny_sampling import Told, flat, prompt, reader, tiny_model

MODEL = tiny_model()
POSITIVE, NEGATIVE = prompt(1), prompt(2)
EMPTY = Latent(torch.zeros(1, 4, 8, 8))


def sample(ctx: Told | None = None, latent: Latent = EMPTY, **widgets: object) -> Latent:
    values = {"seed": 3, "steps": 4, "cfg": 5.0} | widgets
    return sampling.k_sampler(MODEL, POSITIVE, NEGATIVE, latent, **values, ctx=ctx or Told())  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_latent_and_another_another() -> None:
    assert torch.equal(sample().samples, sample().samples)
    assert not torch.equal(sample().samples, sample(seed=4).samples)


def test_every_step_is_counted_and_previewed() -> None:
    told = Told()
    sample(told)
    assert told.tracked == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert len(told.previews) == 4


def test_a_cancelled_sampling_stops_between_steps() -> None:
    told = Told(cancel_after=2)
    with pytest.raises(Cancelled):
        sample(told)
    assert len(told.previews) == 2


def test_inputs_are_not_changed_and_the_mask_travels_on() -> None:
    samples = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    mask = Mask(torch.ones(1, 1, 8, 8) * 0.5)
    before = samples.clone(), mask.values.clone(), POSITIVE.parts[0].embeds.clone()
    result = sample(latent=Latent(samples, mask), denoise=0.5)
    after = samples, mask.values, POSITIVE.parts[0].embeds
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert result.mask is mask


def test_denoising_nothing_gives_the_latent_back() -> None:
    samples = torch.randn(1, 4, 8, 8)
    assert torch.equal(sample(latent=Latent(samples), denoise=0.0).samples, samples)


def test_an_overshooting_pair_is_warned_of_on_the_node() -> None:
    told = Told()
    sample(told, sampler_name="dpmpp_3m_sde", scheduler="normal")
    assert len(told.warnings) == 1
    assert "dpmpp_3m_sde on the normal schedule" in told.warnings[0]


def test_two_samplers_that_share_the_way_do_what_one_does() -> None:
    whole = sample(steps=6).samples
    shared = {"noise_seed": 3, "steps": 6, "cfg": 5.0}
    first = sampling.k_sampler_advanced(
        MODEL,
        POSITIVE,
        NEGATIVE,
        EMPTY,
        end_at_step=2,
        return_with_leftover_noise="enable",
        **shared,  # type: ignore[arg-type]
    )
    second = sampling.k_sampler_advanced(
        MODEL,
        POSITIVE,
        NEGATIVE,
        first,
        add_noise="disable",
        start_at_step=2,
        **shared,  # type: ignore[arg-type]
    )
    torch.testing.assert_close(second.samples, whole, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("leftover", "clean"), [("disable", True), ("enable", False)])
def test_stopping_early_ends_on_the_estimate_unless_noise_is_left(
    leftover: str, clean: bool
) -> None:
    model, _ = reader()
    result = sampling.k_sampler_advanced(
        model,
        flat(2.0),
        flat(2.0),
        EMPTY,
        noise_seed=3,
        steps=6,
        end_at_step=2,
        return_with_leftover_noise=leftover,
    )
    assert torch.allclose(result.samples, torch.tensor(2.0)) == clean


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m_sde"])
def test_four_wires_are_one_sampler(sampler: str) -> None:
    levels = model_schedulers.basic_scheduler(MODEL, "normal", 4)
    guider = guidance.cfg_guider(MODEL, POSITIVE, NEGATIVE, 5.0)
    result = sampling.sampler_custom_advanced(
        sampling.random_noise(3), guider, sampling.k_sampler_select(sampler), levels, EMPTY
    )
    expected = sample(sampler_name=sampler).samples
    assert torch.equal(result.output.samples, expected)
    assert torch.equal(result.denoised_output.samples, expected)
    custom = sampling.sampler_custom(
        MODEL, POSITIVE, NEGATIVE, Sampler(sampler), levels, EMPTY, noise_seed=3, cfg=5.0
    )
    assert torch.equal(custom.output.samples, expected)


def test_split_levels_go_on_where_the_first_part_ended() -> None:
    levels = model_schedulers.basic_scheduler(MODEL, "normal", 4)
    high, low = sigmas.split_sigmas(levels, 2)
    guider, sampler = guidance.cfg_guider(MODEL, POSITIVE, NEGATIVE, 5.0), Sampler("euler")
    first = sampling.sampler_custom_advanced(Noise(3), guider, sampler, high, EMPTY)
    second = sampling.sampler_custom_advanced(
        sampling.disable_noise(), guider, sampler, low, first.output
    )
    torch.testing.assert_close(second.output.samples, sample().samples, rtol=1e-6, atol=1e-6)


def test_a_basic_guider_is_guidance_of_one() -> None:
    levels = model_schedulers.basic_scheduler(MODEL, "normal", 4)
    basic = guidance.basic_guider(MODEL, POSITIVE)
    result = sampling.sampler_custom_advanced(Noise(3), basic, Sampler("euler"), levels, EMPTY)
    torch.testing.assert_close(result.output.samples, sample(cfg=1.0).samples, rtol=1e-5, atol=1e-5)


def test_a_model_without_colours_is_sampled_without_previews() -> None:
    told = Told()
    plain = replace(MODEL, latent_format=replace(MODEL.latent_format, rgb=()))
    sampling.k_sampler(plain, POSITIVE, NEGATIVE, EMPTY, steps=2, ctx=told)
    assert told.previews == []


def test_levels_of_the_nodes_are_those_of_the_schedules() -> None:
    karras = schedulers.karras_scheduler(5, 10.0, 0.1, 7.0).values
    assert karras[0].item() == pytest.approx(10)
    assert karras[-2].item() == pytest.approx(0.1)
    exponential = schedulers.exponential_scheduler(5, 10.0, 0.1).values
    assert (exponential[1] / exponential[0]).item() == pytest.approx(0.1**0.5)
    half = model_schedulers.basic_scheduler(MODEL, "normal", 5, 0.5).values
    assert len(half) == 6
    assert half[0] < MODEL.sampling.sigma_max / 2


def test_levels_can_be_turned_around_set_and_parted() -> None:
    levels = model_schedulers.basic_scheduler(MODEL, "normal", 4)
    turned = sigmas.flip_sigmas(levels).values
    assert turned[0] == 1e-4
    assert torch.equal(turned[1:], levels.values.flip(0)[1:])
    assert sigmas.set_first_sigma(levels, 20.0).values[0] == 20
    high, low = sigmas.split_sigmas_denoise(levels, 0.25)
    assert (len(high.values), len(low.values)) == (4, 2)
    assert high.values[-1] == low.values[0]


def test_noise_that_was_added_before_is_what_a_sampler_adds() -> None:
    levels = model_schedulers.basic_scheduler(MODEL, "normal", 4, 0.5)
    given = Latent(torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)))
    guider, sampler = guidance.cfg_guider(MODEL, POSITIVE, NEGATIVE, 5.0), Sampler("euler")
    whole = sampling.sampler_custom_advanced(Noise(3), guider, sampler, levels, given).output
    covered = sampling.add_noise(MODEL, Noise(3), levels, given)
    parted = sampling.sampler_custom_advanced(Noise(None), guider, sampler, levels, covered).output
    torch.testing.assert_close(parted.samples, whole.samples, rtol=1e-5, atol=1e-5)


def test_noise_of_a_flow_is_mixed_in_so_that_a_sampler_goes_on_from_there() -> None:
    flow = replace(MODEL, sampling=ModelSampling.from_flow())
    levels, given = Sigmas(torch.tensor([0.6, 0.3, 0.0])), Latent(torch.ones(1, 4, 8, 8))
    guider, sampler = guidance.cfg_guider(flow, POSITIVE, NEGATIVE, 5.0), Sampler("euler")
    whole = sampling.sampler_custom_advanced(Noise(3), guider, sampler, levels, given).output
    covered = sampling.add_noise(flow, Noise(3), levels, given)
    parted = sampling.sampler_custom_advanced(Noise(None), guider, sampler, levels, covered).output
    torch.testing.assert_close(parted.samples, whole.samples, rtol=1e-4, atol=1e-4)


def test_noise_between_two_levels_is_their_difference() -> None:
    drawn = initial_noise((1, 4, 8, 8), 3)
    levels = Sigmas(torch.tensor([5.0, 2.0]))
    made = sampling.add_noise(MODEL, Noise(3), levels, EMPTY)
    torch.testing.assert_close(made.samples, drawn * 3)
    single = sampling.add_noise(MODEL, Noise(3), Sigmas(torch.tensor([5.0])), EMPTY)
    torch.testing.assert_close(single.samples, drawn * 5)
    assert sampling.add_noise(MODEL, Noise(3), Sigmas(torch.zeros(0)), EMPTY) is EMPTY


def test_grey_masks_say_when_each_place_begins_to_change() -> None:
    levels = model_schedulers.basic_scheduler(MODEL, "normal", 4)
    shares = torch.tensor([0.0, 0.3, 0.6, 1.0]).repeat_interleave(2).expand(1, 1, 8, 8)
    latent = Latent(torch.full((1, 4, 8, 8), 7.0), Mask(shares))
    model, network = reader()
    seen: list[torch.Tensor] = []
    network.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    gradual = patches.differential_diffusion(model)
    sampling.sampler_custom(
        gradual, flat(2.0), flat(2.0), Sampler("euler"), levels, latent, cfg=1.0
    )
    # What is held is the original with the step's own noise; what has begun goes its way.
    drawn = initial_noise((1, 4, 8, 8), 0)
    held = []
    for x, sigma in zip(seen, levels.values[:-1], strict=True):
        kept = model.sampling.input(7 + sigma * drawn, sigma)
        columns = (x - kept).abs().amax(dim=(0, 1, 2)) < 1e-4
        held.append(columns[::2].tolist())
    # At first all is noise alike; a place of share 0.6 begins when so much of the way is left.
    assert held[1:] == [
        [True, True, True, False],
        [True, True, False, False],
        [True, False, False, False],
    ]


def test_differential_diffusion_of_no_strength_is_exactly_without() -> None:
    masked = Latent(torch.ones(1, 4, 8, 8), Mask(torch.linspace(0, 1, 8).expand(1, 1, 8, 8)))
    levels = model_schedulers.basic_scheduler(MODEL, "normal", 3)

    def run(strength: float | None) -> torch.Tensor:
        model = MODEL if strength is None else patches.differential_diffusion(MODEL, strength)
        guider = guidance.cfg_guider(model, POSITIVE, NEGATIVE, 5.0)
        made = sampling.sampler_custom_advanced(Noise(3), guider, Sampler("euler"), levels, masked)
        return made.output.samples

    assert torch.equal(run(0.0), run(None))
    assert not torch.allclose(run(1.0), run(None))


def test_parts_of_a_sampling_are_told_as_noise_levels() -> None:
    told = sigmas.sampling_percent_to_sigma
    assert told(MODEL, 0.5) == pytest.approx(float(MODEL.sampling.sigma(499.5)))
    assert told(MODEL, 0.0) > 1e8
    assert told(MODEL, 1.0) == 0
    assert told(MODEL, 0.0, True) == MODEL.sampling.sigma_max
    assert told(MODEL, 1.0, True) == MODEL.sampling.sigma_min


def test_intermediate_levels_are_extended_where_they_are_asked_for() -> None:
    levels = Sigmas(torch.tensor([16.0, 14.0, 6.0, 0.0]))
    made = sigmas.extend_intermediate_sigmas(levels, 2, -1.0, 12.0)
    assert made.values.tolist() == [16, 15, 14, 10, 6, 0]
    empty = Sigmas(torch.zeros(0))
    assert sigmas.extend_intermediate_sigmas(empty) is empty


def test_every_schedule_node_gives_falling_levels() -> None:
    for made in (
        schedulers.align_your_steps_scheduler("SDXL", 12),
        schedulers.optimal_steps_scheduler("Wan", 9),
        schedulers.polyexponential_scheduler(),
        schedulers.laplace_scheduler(),
        schedulers.vp_scheduler(),
        model_schedulers.beta_sampling_scheduler(MODEL),
        model_schedulers.sd_turbo_scheduler(MODEL, 4),
    ):
        assert bool((made.values.diff() < 0).all())
        assert made.values[-1] == 0


def test_broken_weights_are_told_on_the_node() -> None:
    # A copy: the tiny model's weights belong to every test of this run.
    broken = replace(tiny_model(), network=deepcopy(tiny_model().network))
    with torch.no_grad():
        next(broken.network.parameters()).fill_(torch.nan)
    told = Told()
    sampling.k_sampler(broken, POSITIVE, NEGATIVE, EMPTY, steps=2, ctx=told)
    assert len(told.warnings) == 1


PAIR = Latent(torch.zeros(2, 4, 8, 8))


@pytest.mark.parametrize("name", ["k_sampler", "k_sampler_advanced", "sampler_custom"])
def test_sparing_samplers_call_with_one_picture_and_agree(name: str) -> None:
    run, sparing = getattr(sampling, name), getattr(sampling, f"{name}_sparing")
    given: dict[str, Any] = {"model": MODEL, "positive": POSITIVE, "negative": NEGATIVE}
    given |= {"latent_image": PAIR, "cfg": 5.0}
    if name == "sampler_custom":
        given |= {"sampler": Sampler("euler"), "sigmas": schedulers.karras_scheduler(steps=2)}
    else:
        given |= {"steps": 2}
    assert_sparing(run, sparing, given)


def test_a_sparing_guider_calls_with_one_picture_and_agrees() -> None:
    given: dict[str, Any] = {
        "noise": Noise(3),
        "guider": guidance.cfg_guider(MODEL, POSITIVE, NEGATIVE, 5.0),
        "sampler": Sampler("euler"),
        "sigmas": schedulers.karras_scheduler(steps=2),
        "latent_image": PAIR,
    }
    assert_sparing(
        sampling.sampler_custom_advanced, sampling.sampler_custom_advanced_sparing, given
    )


def assert_sparing(run: Any, sparing: Any, given: dict[str, Any]) -> None:
    sizes: list[int] = []
    hook = MODEL.network.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    try:
        whole, parts = run(**given), sparing(**given)
    finally:
        hook.remove()
    assert sizes == [4] * 2 + [1] * 8
    if not isinstance(whole, Latent):
        whole, parts = whole.output, parts.output
    torch.testing.assert_close(parts.samples, whole.samples, rtol=1e-3, atol=1e-4)
