"""Parameterisations: each turns what a perfect network says into the sample it knows."""

import math
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from nodes.diffusion.model_sampling import (
    ModelSampling,
    Prediction,
    finish,
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
    assert sampling.sigma(-5).item() == pytest.approx(sampling.sigma_min, rel=1e-12)
    assert sampling.sigma(5000).item() == pytest.approx(sampling.sigma_max, rel=1e-12)


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
