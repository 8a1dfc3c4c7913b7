"""Each schedule that BasicScheduler offers is a node of its own, too."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from nodes import model_schedulers as own
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.schedules import SCHEDULES
from nodes.schedulers import exponential_scheduler, karras_scheduler, kl_optimal_scheduler
from nodes.types import Model, Sigmas
from tests.nodes.diffusion.tiny_sampling import tiny_model

MODELS = {
    "discrete": tiny_model(),
    "flow": replace(tiny_model(), sampling=ModelSampling.from_flow(shift=3.0)),
}
BY_PART: dict[str, Callable[[Model, int, float], Sigmas]] = {
    "simple": own.simple_scheduler,
    "sgm_uniform": own.sgm_uniform_scheduler,
    "ddim_uniform": own.ddim_uniform_scheduler,
    "normal": own.normal_scheduler,
}
WHOLE: dict[str, Callable[[Model, int], Sigmas]] = {
    "karras": lambda model, steps: karras_scheduler(steps, *_ends(model)),
    "exponential": lambda model, steps: exponential_scheduler(steps, *_ends(model)),
    "kl_optimal": lambda model, steps: kl_optimal_scheduler(steps, *_ends(model)),
    "beta": own.beta_sampling_scheduler,
    "linear_quadratic": own.linear_quadratic_scheduler,
}


def _ends(model: Model) -> tuple[float, float]:
    return model.sampling.sigma_max, model.sampling.sigma_min


def test_every_schedule_has_a_node() -> None:
    assert {*BY_PART, *WHOLE} == set(SCHEDULES)


@pytest.mark.parametrize("name", BY_PART)
@pytest.mark.parametrize("denoise", [1.0, 0.4])
@pytest.mark.parametrize("kind", MODELS)
def test_a_node_gives_the_levels_of_its_name(name: str, denoise: float, kind: str) -> None:
    model = MODELS[kind]
    basic = own.basic_scheduler(model, name, 7, denoise).values
    assert torch.equal(BY_PART[name](model, 7, denoise).values, basic)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("steps", [1, 8])
def test_a_node_without_a_part_gives_the_whole_way(name: str, steps: int) -> None:
    model = MODELS["discrete"]
    basic = own.basic_scheduler(model, name, steps).values
    assert torch.allclose(WHOLE[name](model, steps).values, basic, rtol=1e-12)


@pytest.mark.parametrize("threshold", [0.001, 0.025, 0.5])
@pytest.mark.parametrize("steps", [1, 2, 3, 20, 101])
def test_a_line_and_a_parabola_go_down_to_zero(threshold: float, steps: int) -> None:
    levels = own.linear_quadratic_scheduler(MODELS["flow"], steps, threshold).values
    assert (levels[0].item(), levels[-1].item(), len(levels)) == (1, 0, steps + 1)
    assert (levels.diff() < 0).all()
