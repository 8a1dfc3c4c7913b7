"""Parameterisations: each turns what a perfect network says into the sample it knows."""

import math
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, LCMScheduler
from diffusers.pipelines.flux.pipeline_flux import calculate_shift
from torch import Tensor

from nodes.diffusion.model_sampling import (
    ModelSampling,
    Prediction,
    distilled,
    finish,
    flux_shift,
    sigma_at,
    start,
)

PREDICTIONS: list[Prediction] = ["epsilon", "v_prediction", "sample", "flow"]


def draw(seed: int) -> Tensor:
    return torch.randn(
        2, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def perfect_output(prediction: Prediction, x0: Tensor, noise: Tensor, sigma: float) -> Tensor:
    alpha = 1 / math.sqrt(1 + sigma**2)
    return {
        "epsilon": noise,
        "sample": x0,
        "v_prediction": alpha * noise - alpha * sigma * x0,
        "flow": noise - x0,
    }[prediction]


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("sigma", [0.05, 0.7, 0.99])
def test_a_perfect_network_gives_back_the_sample(prediction: Prediction, sigma: float) -> None:
    sampling = ModelSampling(prediction, torch.tensor([0.01, 1.0], dtype=torch.float64))
    x0, noise = draw(1), draw(2)
    x = sampling.noised(x0, noise, sigma)
    output = perfect_output(prediction, x0, noise, sigma)
    torch.testing.assert_close(sampling.denoised(output, x, sigma), x0)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_each_element_of_a_batch_may_have_its_own_level(prediction: Prediction) -> None:
    sampling = ModelSampling(prediction, torch.tensor([0.01, 1.0], dtype=torch.float64))
    x0, noise, levels = draw(1), draw(2), torch.tensor([0.2, 0.8], dtype=torch.float64)
    together = sampling.noised(x0, noise, levels)
    alone = [sampling.noised(x0[i : i + 1], noise[i : i + 1], float(levels[i])) for i in (0, 1)]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"])
def test_betas_are_those_of_diffusers(schedule: str) -> None:
    reference: Any = DDPMScheduler(
        beta_schedule=schedule, beta_start=0.001, beta_end=0.02, num_train_timesteps=100
    )
    alphas = reference.alphas_cumprod.double()
    ours = ModelSampling.from_betas(schedule, 0.001, 0.02, 100)  # type: ignore[arg-type]
    torch.testing.assert_close(ours.sigmas, ((1 - alphas) / alphas).sqrt(), rtol=2e-4, atol=1e-5)


def test_an_unknown_beta_schedule_is_named() -> None:
    with pytest.raises(ValueError, match="'bent'"):
        ModelSampling.from_betas("bent")  # type: ignore[arg-type]


def test_zero_terminal_snr_ends_in_noise_alone_and_keeps_its_beginning() -> None:
    usual = ModelSampling.from_betas(prediction="v_prediction")
    zero = ModelSampling.from_betas(prediction="v_prediction", zero_snr=True)
    assert zero.sigma_max == pytest.approx(4518.6, abs=1)
    assert zero.sigma_min == pytest.approx(usual.sigma_min, rel=1e-6)
    assert bool((zero.sigmas.diff() > 0).all())


def test_timesteps_of_discrete_models_are_whole_and_nearest() -> None:
    sampling = ModelSampling.from_betas()
    between = (sampling.sigmas[500].log() * 0.6 + sampling.sigmas[501].log() * 0.4).exp()
    assert sampling.timestep(between).item() == 500
    levels = sampling.sigmas[[0, 7, 999]]
    assert sampling.timestep(levels).tolist() == [0, 7, 999]
    assert sampling.timestep(1e9).item() == 999


def test_levels_between_timesteps_are_interpolated_in_their_logarithm() -> None:
    sampling = ModelSampling.from_betas()
    middle = (sampling.sigmas[3] * sampling.sigmas[4]).sqrt()
    torch.testing.assert_close(sampling.sigma(3.5), middle)
    assert sampling.sigma(-5).item() == pytest.approx(sampling.sigma_min, rel=1e-6)
    assert sampling.sigma(5000).item() == pytest.approx(sampling.sigma_max, rel=1e-6)


def test_levels_half_way_between_timesteps_fall_to_the_side_that_the_field_s_do() -> None:
    sampling = ModelSampling.from_betas()
    middles = torch.tensor([166.5, 277.5, 388.5, 499.5, 610.5, 721.5, 832.5, 943.5])
    nearest = sampling.timestep(sampling.sigma(middles)).tolist()
    assert nearest == [166, 278, 389, 500, 610, 721, 833, 943]


def test_a_flow_calls_its_levels_by_themselves() -> None:
    sampling = ModelSampling.from_flow(shift=3.0)
    assert sampling.timestep(0.25).item() == 250
    assert sampling.sigma(500).item() == pytest.approx(0.75)
    assert sampling.sigma_max == 1


def test_a_sampling_from_the_top_starts_with_the_variance_of_training() -> None:
    sampling = ModelSampling.from_betas()
    noise, x0 = draw(1), torch.zeros(2, 4, 3, 3, dtype=torch.float64)
    top = start(sampling, x0, noise, sampling.sigma_max)
    torch.testing.assert_close(top, noise * math.sqrt(1 + sampling.sigma_max**2))
    torch.testing.assert_close(start(sampling, x0, noise, 5.0), noise * 5)


def test_a_flow_that_is_stopped_and_started_again_goes_on_as_before() -> None:
    sampling = ModelSampling.from_flow()
    x = draw(1)
    handed_on = finish(sampling, x, 0.4)
    torch.testing.assert_close(start(sampling, handed_on, torch.zeros_like(x), 0.4), x)


def test_fractions_of_a_sampling_run_from_all_noise_to_none() -> None:
    sampling = ModelSampling.from_betas()
    assert sigma_at(sampling, 0) == math.inf
    assert sigma_at(sampling, 1) == 0
    assert sigma_at(sampling, 0.5) == pytest.approx(float(sampling.sigma(499.5)))
    assert sigma_at(ModelSampling.from_flow(), 0.25) == pytest.approx(0.75)


def test_a_network_of_karras_form_gives_back_the_sample() -> None:
    sampling = ModelSampling.continuous("edm", 0.002, 80.0, data_spread=0.5)
    x0, noise, sigma = draw(1), draw(2), 1.3
    x = sampling.noised(x0, noise, sigma)
    total = 0.5**2 + sigma**2
    # D(x) = c_skip x + c_out F, table 1.
    output = (x0 - x * 0.5**2 / total) * math.sqrt(total) / (sigma * 0.5)
    torch.testing.assert_close(sampling.denoised(output, x, sigma), x0)
    torch.testing.assert_close(sampling.input(x, sigma), x / math.sqrt(total))
    assert sampling.timestep(sigma).item() == pytest.approx(math.log(sigma) / 4)
    assert sampling.sigma(sampling.timestep(sigma)).item() == pytest.approx(sigma)


def test_a_network_that_takes_its_input_as_it_is_gets_it_so() -> None:
    sampling = ModelSampling("image", ModelSampling.from_betas().sigmas)
    x = draw(1)
    assert torch.equal(sampling.input(x, 3.0), x)
    assert torch.equal(sampling.denoised(draw(2), x, 3.0), draw(2))


def test_angles_name_levels_from_no_noise_to_noise_alone() -> None:
    sampling = ModelSampling.continuous("v_prediction", 0.03, 500.0, "angle")
    assert sampling.timestep(1.0).item() == pytest.approx(0.5)
    assert sampling.sigma(0.5).item() == pytest.approx(1.0)
    assert sampling.sigma_min == pytest.approx(0.03)
    assert sampling.sigma_max == pytest.approx(500.0)


def test_fractions_of_a_continuous_range_are_even_in_its_logarithm() -> None:
    sampling = ModelSampling.continuous("edm", 0.01, 100.0)
    assert sigma_at(sampling, 0.5) == pytest.approx(1.0)
    assert sigma_at(sampling, 0.25) == pytest.approx(10.0)


def test_consistency_models_know_every_twentieth_step() -> None:
    usual = ModelSampling.from_betas(prediction="consistency")
    few = distilled(usual)
    assert len(few.sigmas) == 50
    assert few.sigma_max == usual.sigma_max
    assert few.timestep(few.sigmas[[0, 1, 49]]).tolist() == [19, 39, 999]
    torch.testing.assert_close(few.sigma(39.0), usual.sigmas[39])
    with pytest.raises(ValueError, match="no 51 to keep"):
        distilled(few, 51)


def test_the_boundary_of_a_consistency_model_is_that_of_diffusers() -> None:
    reference: Any = LCMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    sampling = ModelSampling.from_betas(prediction="consistency")
    x, noise = draw(1), draw(2)
    for step in (0, 1, 500):
        skip, out = reference.get_scalings_for_boundary_condition_discrete(step)
        sigma = float(sampling.sigmas[step])
        made = sampling.denoised(noise, x, sigma)
        expected = out * (x - sigma * noise) + skip * sampling.input(x, sigma)
        torch.testing.assert_close(made, expected)
    # At the end there is nothing left to do.
    assert sampling.denoised(noise, x, float(sampling.sigmas[0])).allclose(
        sampling.input(x, float(sampling.sigmas[0]))
    )


@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (256, 256), (768, 1344)])
def test_flux_shifts_as_its_published_sampler(width: int, height: int) -> None:
    mu = calculate_shift((width // 16) * (height // 16), 256, 4096, 0.5, 1.15)
    assert flux_shift(width, height) == pytest.approx(math.exp(mu))
    reference: Any = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    reference.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25], mu=mu)
    sampling = ModelSampling.from_flow(flux_shift(width, height))
    ours = sampling.sigma(torch.tensor([1000.0, 750.0, 500.0, 250.0]))
    torch.testing.assert_close(ours.float(), reference.sigmas[:-1], rtol=1e-5, atol=1e-6)
