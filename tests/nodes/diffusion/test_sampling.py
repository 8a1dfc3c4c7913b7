"""Whole samplings with a tiny network: conventions, masks, parts, and diffusers as a witness."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler
from torch import Tensor

from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.noise import initial_noise
from nodes.diffusion.sampling import Sampling, inflation
from nodes.diffusion.schedules import SCHEDULES, sigmas_for
from nodes.diffusion.solvers import SOLVERS, Step
from nodes.errors import NodeError
from nodes.types import Guider, Latent, Mask, Model, Noise, Sampler
from tests.nodes.diffusion.tiny_sampling import flat, prompt, reader, tiniest_model, tiny_model

# Other names for the same solvers are left out.
DISTINCT = [name for name in SOLVERS if not name.endswith("_gpu")]
EMPTY = Latent(torch.zeros(1, 4, 8, 8))


def sampling_of(model: Model, sampler: str = "euler", steps: int = 5, **fields: Any) -> Sampling:
    guider = Guider(model, "cfg", (prompt(1), prompt(2)), {"scale": 4.0})
    sigmas = sigmas_for(model.sampling, "simple", steps)
    return replace(Sampling(guider, Sampler(sampler), sigmas, Noise(7), EMPTY), **fields)


def last_of(sampling: Sampling) -> Step:
    return list(sampling.steps())[-1]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", DISTINCT)
def test_every_sampler_works_on_every_schedule(sampler: str, schedule: str) -> None:
    model = tiniest_model()
    sigmas = sigmas_for(model.sampling, schedule, 3, solver=sampler)
    steps = list(sampling_of(model, sampler, sigmas=sigmas).steps())
    assert bool(steps[-1].x.isfinite().all())
    if SOLVERS[sampler].counted:
        assert len(steps) == len(sigmas) - 1


@pytest.mark.parametrize("sampler", DISTINCT)
def test_every_sampler_works_on_a_flow(sampler: str) -> None:
    model = replace(tiniest_model(), sampling=ModelSampling.from_flow(shift=3.0))
    assert bool(last_of(sampling_of(model, sampler, steps=4)).x.isfinite().all())


@pytest.mark.parametrize(
    ("sampler", "scheduler"),
    [
        ("euler", EulerDiscreteScheduler(timestep_spacing="trailing")),
        ("heun", HeunDiscreteScheduler(timestep_spacing="trailing")),
        ("ddim", DDIMScheduler(timestep_spacing="trailing", clip_sample=False)),
    ],
)
def test_a_sampling_is_the_one_of_diffusers(sampler: str, scheduler: Any) -> None:
    # Ten divides the thousand steps, so the timesteps of `simple` and `trailing` are the same.
    scheduler = type(scheduler).from_config(
        scheduler.config, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    )
    sampling = sampling_of(tiny_model(), sampler, steps=10)
    scheduler.set_timesteps(10)
    noise = initial_noise((1, 4, 8, 8), 7)
    sigma = sampling.guider.model.sampling.sigma_max
    ours = last_of(replace(sampling, latent=Latent(noise * 0))).x
    # DDIM's x is scaled to unit variance, the others' is not.
    scale = 1.0 if sampler == "ddim" else (1 + sigma**2) ** 0.5
    theirs = diffusers_loop(scheduler, sampling, noise * scale)
    assert (ours - theirs).norm() / theirs.norm() < 1e-4


def diffusers_loop(scheduler: Any, sampling: Sampling, x: Tensor) -> Tensor:
    network = sampling.guider.model.network
    positive, negative = (c.parts[0].embeds for c in sampling.guider.conditionings)
    texts = positive, negative
    for t in scheduler.timesteps:
        given = scheduler.scale_model_input(x, t)
        with torch.no_grad():
            cond, uncond = (network(given, t, encoder_hidden_states=text).sample for text in texts)
        x = scheduler.step(uncond + 4.0 * (cond - uncond), t, x).prev_sample
    return x


def test_a_sampling_is_the_loop_of_the_readme() -> None:
    sampling = sampling_of(tiny_model(), steps=4)
    model, levels = sampling.guider.model, sampling.sigmas.tolist()
    network: Any = model.network
    texts = [conditioning.parts[0].embeds for conditioning in sampling.guider.conditionings]
    x = initial_noise((1, 4, 8, 8), 7) * math.sqrt(1 + levels[0] ** 2)
    for sigma, sigma_next in pairwise(levels):
        timestep = model.sampling.timestep(sigma)
        scaled = x / math.sqrt(1 + sigma**2)
        with torch.no_grad():
            cond, uncond = (x - sigma * network(scaled, timestep, text).sample for text in texts)
        x0 = uncond + 4.0 * (cond - uncond)
        x = x + (x - x0) / sigma * (sigma_next - sigma)
    torch.testing.assert_close(last_of(sampling).x, x, rtol=1e-4, atol=1e-4)


def test_guidance_of_one_does_not_ask_for_the_negative() -> None:
    model, network = reader()
    guider = Guider(model, "cfg", (flat(3.0), flat(-1.0)), {"scale": 1.0})
    step = last_of(sampling_of(model, guider=guider))
    assert {call[0] for call in network.calls} == {(1, 4, 8, 8)}
    assert bool((step.x == 3).all())


def test_guidance_goes_beyond_the_positive() -> None:
    model, _ = reader()
    guider = Guider(model, "cfg", (flat(3.0), flat(-1.0)), {"scale": 2.0})
    assert bool((last_of(sampling_of(model, guider=guider)).x == 7).all())


def test_a_basic_guider_follows_its_only_prompt() -> None:
    model, _ = reader()
    guider = Guider(model, "basic", (flat(3.0),))
    assert bool((last_of(sampling_of(model, guider=guider)).x == 3).all())


def test_outside_of_a_mask_the_latent_stays() -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    samples = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    step = last_of(sampling_of(tiny_model(), latent=Latent(samples, Mask(mask))))
    torch.testing.assert_close(step.x[..., :4], samples[..., :4])
    assert (step.x[..., 4:] - samples[..., 4:]).abs().min() > 0


def test_the_network_sees_the_original_with_noise_outside_of_a_mask() -> None:
    model, _ = reader()
    seen: list[Tensor] = []

    def look(module: object, args: tuple[Tensor, ...]) -> None:
        seen.append(args[0])

    model.network.register_forward_pre_hook(look)
    samples = torch.full((1, 4, 8, 8), 0.5)
    latent = Latent(samples, Mask(torch.zeros(1, 1, 8, 8)))
    guider = Guider(model, "basic", (flat(3.0),))
    sampling = sampling_of(model, latent=latent, guider=guider)
    list(sampling.steps())
    noise = initial_noise((1, 4, 8, 8), 7)
    for x, sigma in zip(seen, sampling.sigmas, strict=False):
        expected = model.sampling.input(samples + noise * float(sigma), sigma)
        torch.testing.assert_close(x, expected)


def test_a_mask_of_ones_changes_nothing() -> None:
    whole = last_of(sampling_of(tiny_model())).x
    ones = Mask(torch.ones(1, 1, 64, 64))
    masked = last_of(sampling_of(tiny_model(), latent=Latent(EMPTY.samples, ones))).x
    torch.testing.assert_close(masked, whole)


@pytest.mark.parametrize("sampler", ["euler", "heun", "dpm_2", "ddim"])
@pytest.mark.parametrize("prediction", ["epsilon", "flow"])
def test_two_halves_are_one_whole(sampler: str, prediction: str) -> None:
    model = tiny_model()
    if prediction == "flow":
        model = replace(model, sampling=ModelSampling.from_flow(shift=3.0))
    sampling = sampling_of(model, sampler, steps=6)
    whole = last_of(sampling).x
    first = replace(sampling, sigmas=sampling.sigmas[:4])
    middle = first.latent_of(last_of(first).x, float(sampling.sigmas[3]))
    second = replace(sampling, sigmas=sampling.sigmas[3:], latent=middle, noise=Noise(None))
    torch.testing.assert_close(last_of(second).x, whole, rtol=1e-5, atol=1e-5)


def test_elements_of_a_batch_do_not_touch_one_another() -> None:
    model = tiny_model()
    pair = last_of(sampling_of(model, latent=Latent(torch.zeros(2, 4, 8, 8)))).x
    alone = last_of(sampling_of(model, latent=Latent(EMPTY.samples, None, (1,)))).x
    torch.testing.assert_close(pair[1:], alone, rtol=1e-4, atol=1e-4)


def test_a_part_of_the_way_starts_from_the_latent() -> None:
    model, _ = reader()
    samples = torch.full((1, 4, 8, 8), 2.0)
    sigmas = sigmas_for(model.sampling, "normal", 4, 0.5)
    guider = Guider(model, "basic", (flat(2.0),))
    first = next(sampling_of(model, sigmas=sigmas, latent=Latent(samples), guider=guider).steps())
    noise = initial_noise((1, 4, 8, 8), 7)
    # A perfect network keeps the noise and shrinks it: x = x0 + sigma * noise at every level.
    torch.testing.assert_close(first.x, samples + noise * float(sigmas[1]), rtol=1e-4, atol=1e-4)


def test_no_levels_mean_no_steps() -> None:
    assert list(sampling_of(tiny_model(), sigmas=torch.zeros(0)).steps()) == []


@pytest.mark.parametrize("levels", [[3.0, 3.0, 0.0], [3.0, 0.0, 1.0], [3.0, 4.0, 1.0], [3.0, -1.0]])
def test_levels_that_lead_nowhere_are_refused(levels: Sequence[float]) -> None:
    with pytest.raises(NodeError, match="noise levels must fall"):
        last_of(sampling_of(tiny_model(), sigmas=torch.tensor(levels)))


def test_levels_may_rise_where_no_noise_is_added() -> None:
    rising = torch.tensor([0.1, 0.5, 2.0])
    assert bool(last_of(sampling_of(tiny_model(), sigmas=rising)).x.isfinite().all())
    with pytest.raises(NodeError, match="cannot go up"):
        last_of(sampling_of(tiny_model(), "dpmpp_sde", sigmas=rising))


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(NodeError, match="no sampler 'bent'"):
        last_of(sampling_of(tiny_model(), "bent"))


def test_an_empty_latent_takes_the_channels_of_the_model() -> None:
    wide = Latent(torch.zeros(1, 16, 8, 8))
    assert last_of(sampling_of(tiny_model(), latent=wide)).x.shape == (1, 4, 8, 8)
    with pytest.raises(NodeError, match="16 channels, but the model works on 4"):
        last_of(sampling_of(tiny_model(), latent=Latent(wide.samples + 1)))


def test_options_of_a_sampler_reach_its_solver() -> None:
    model = tiny_model()
    still = last_of(sampling_of(model, sampler="euler")).x
    quiet = sampling_of(model, "euler_ancestral")
    quiet = replace(quiet, sampler=Sampler("euler_ancestral", {"eta": 0.0}))
    torch.testing.assert_close(last_of(quiet).x, still, rtol=1e-4, atol=1e-4)


def test_overshooting_pairs_are_named_and_others_are_not() -> None:
    assert inflation("dpmpp_3m_sde", "normal", 20) is not None
    assert inflation("dpmpp_3m_sde_gpu", "normal", 20) is not None
    assert inflation("res_multistep_ancestral", "ddim_uniform", 20) is not None
    assert inflation("dpmpp_2m_sde", "kl_optimal", 20) is not None
    assert inflation("dpmpp_2m_sde", "kl_optimal", 50) is None
    assert inflation("dpmpp_3m_sde", "karras", 20) is None
    assert inflation("euler", "normal", 20) is None
    assert inflation("dpmpp_2m_sde", "normal", 500) is None
