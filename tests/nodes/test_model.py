"""Nodes that say how a network is read: what samplers then see."""

from typing import Any

import pytest
import torch

from nodes import model as nodes
from nodes.diffusion.memory.by_layer import work_place
from nodes.errors import NodeError
from nodes.sampling import k_sampler
from nodes.types import Latent, Model
from tests.nodes.diffusion.tiny_sampling import prompt, tiny_model

EMPTY = Latent(torch.zeros(1, 4, 8, 8))


def sampled(model: Model, steps: int = 3) -> torch.Tensor:
    return k_sampler(model, prompt(1), prompt(2), EMPTY, seed=1, steps=steps).samples


@pytest.mark.parametrize(("choice", "prediction"), nodes.PREDICTIONS.items())
def test_what_a_network_predicts_can_be_said(choice: str, prediction: str) -> None:
    told = nodes.model_sampling_discrete(tiny_model(), choice)
    assert told.sampling.prediction == prediction
    assert told.network is tiny_model().network
    assert bool(sampled(told).isfinite().all())


def test_saying_what_it_predicts_anyway_changes_nothing() -> None:
    told = nodes.model_sampling_discrete(tiny_model(), "eps")
    assert torch.equal(sampled(told), sampled(tiny_model()))


def test_a_last_step_of_pure_noise_can_be_said() -> None:
    told = nodes.model_sampling_discrete(tiny_model(), "v_prediction", zsnr=True)
    assert told.sampling.sigma_max == pytest.approx(4518.6, abs=1)
    assert bool(sampled(told).isfinite().all())


def test_consistency_models_get_their_few_levels() -> None:
    told = nodes.model_sampling_discrete(tiny_model(), "lcm")
    assert len(told.sampling.sigmas) == 50
    assert float(told.sampling.timestep(told.sampling.sigma_max)) == 999


def test_levels_can_be_said_by_their_betas() -> None:
    usual = nodes.model_sampling_betas(tiny_model())
    torch.testing.assert_close(usual.sampling.sigmas, tiny_model().sampling.sigmas)
    cosine = nodes.model_sampling_betas(tiny_model(), "squaredcos_cap_v2", steps=100, zsnr=True)
    assert len(cosine.sampling.sigmas) == 100
    assert cosine.sampling.sigma_max > 4000


@pytest.mark.parametrize(
    ("made", "prediction", "clock"),
    [
        (nodes.model_sampling_continuous_edm(tiny_model()), "v_prediction", "log"),
        (nodes.model_sampling_continuous_edm(tiny_model(), "edm", 80.0), "edm", "log"),
        (nodes.model_sampling_continuous_edm(tiny_model(), "edm_playground_v2.5"), "edm", "log"),
        (nodes.model_sampling_continuous_edm(tiny_model(), "eps"), "epsilon", "log"),
        (nodes.model_sampling_continuous_v(tiny_model()), "v_prediction", "angle"),
    ],
)
def test_continuous_ranges_are_sampled(made: Model, prediction: str, clock: str) -> None:
    assert (made.sampling.prediction, made.sampling.clock) == (prediction, clock)
    assert bool(sampled(made).isfinite().all())


def test_the_spread_of_the_data_scales_the_input() -> None:
    made: Any = nodes.model_sampling_continuous_edm(tiny_model(), "edm", 80.0)
    x = torch.ones(1, 4, 2, 2)
    assert made.sampling.input(x, 0.5).mean().item() == pytest.approx(2**0.5)


@pytest.mark.parametrize(
    "node", [nodes.model_sampling_continuous_edm, nodes.model_sampling_continuous_v]
)
def test_a_range_that_is_none_is_told(node: Any) -> None:
    with pytest.raises(NodeError, match=r"cannot go from 1\.0 to 0\.5"):
        node(tiny_model(), sigma_max=0.5, sigma_min=1.0)


def test_flow_models_are_shifted() -> None:
    for node in (nodes.model_sampling_sd3, nodes.model_sampling_aura_flow):
        made = node(tiny_model(), 2.0).sampling
        assert made.prediction == "flow"
        # 2 * 0.5 / (1 + 0.5)
        assert float(made.sigma(500.0)) == pytest.approx(2 / 3)
    flux = nodes.model_sampling_flux(tiny_model(), 1.15, 0.5, 1024, 1024).sampling
    assert float(flux.sigma(500.0)) == pytest.approx(2.718281828**1.15 / (2.718281828**1.15 + 1))
    assert float(flux.timestep(0.25)) == 250


def test_stable_cascade_s_levels_are_shifted_and_its_times_are_not() -> None:
    plain = nodes.model_sampling_stable_cascade(tiny_model(), 1.0).sampling
    made = nodes.model_sampling_stable_cascade(tiny_model(), 3.0).sampling
    assert float(made.sigma(0.5)) == pytest.approx(3 * float(plain.sigma(0.5)))
    assert float(made.timestep(plain.sigma(0.5))) == pytest.approx(0.5)
    assert made.sigma_max == pytest.approx(plain.sigma_max)
    with pytest.raises(NodeError, match="leaves no noise levels"):
        nodes.model_sampling_stable_cascade(tiny_model(), 0.0)


def test_a_model_computes_in_what_is_said_and_keeps_its_weights() -> None:
    model = tiny_model()
    assert nodes.model_compute_dtype(model) is model
    plain = sampled(model)
    made = nodes.model_compute_dtype(model, "bf16")
    assert (made.dtype, work_place(made.network)[1]) == ("bfloat16", torch.bfloat16)
    assert made.key != model.key
    for name, weight in made.network.named_parameters():
        assert weight.data_ptr() == model.network.get_parameter(name).data_ptr()
    rough = sampled(made)
    assert not torch.equal(rough, plain)
    torch.testing.assert_close(rough, plain, rtol=0.1, atol=0.1 * float(plain.std()))
    assert torch.equal(sampled(nodes.model_compute_dtype(made, "fp32")), plain)


def test_a_shift_of_zero_is_told() -> None:
    with pytest.raises(NodeError, match="leaves no noise levels"):
        nodes.model_sampling_sd3(tiny_model(), 0.0)
