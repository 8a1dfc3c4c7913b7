"""Deterministic solvers end where those of ComfyUI 0.3.64 end, on a Gaussian in float64."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.schedules import sigmas_for
from nodes.diffusion.solvers import SOLVERS

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "solvers.json").read_text("utf-8"))
SPREAD = torch.tensor(GOLDEN["s"], dtype=torch.float64)
MEAN = torch.tensor(GOLDEN["m"], dtype=torch.float64)
SAMPLING = ModelSampling.from_betas("scaled_linear", 0.00085, 0.012, 1000)
# Of second order here, of first order there.
DIFFERENT = {"heunpp2"}
# The reference sums 10,000 rectangles where this project integrates exactly.
LOOSE = {"deis": 1e-5}


def denoise(x: Tensor, sigma: float) -> Tensor:
    return (SPREAD**2 * x + sigma**2 * MEAN) / (SPREAD**2 + sigma**2)


@pytest.mark.parametrize("name", sorted(set(GOLDEN["results"]) - DIFFERENT - {"exact"}))
@pytest.mark.parametrize("grid", GOLDEN["results"]["exact"])
def test_a_solver_ends_where_the_field_s_does(name: str, grid: str) -> None:
    schedule, steps = grid.split("/")
    # The reference's levels are rounded to float32.
    levels = sigmas_for(SAMPLING, schedule, int(steps)).float().tolist()
    x = levels[0] * torch.linspace(-1.5, 1.5, 8, dtype=torch.float64)
    for step in SOLVERS[name].run(denoise, x, levels):
        x = step.x
    expected = torch.tensor(GOLDEN["results"][name][grid], dtype=torch.float64)
    torch.testing.assert_close(x, expected, rtol=LOOSE.get(name, 1e-6), atol=0)


@pytest.mark.parametrize("grid", ["karras/10", "karras/20", "normal/20"])
def test_heunpp2_is_nearer_to_the_answer_than_the_field_s(grid: str) -> None:
    schedule, steps = grid.split("/")
    levels = sigmas_for(SAMPLING, schedule, int(steps)).tolist()
    x = levels[0] * torch.linspace(-1.5, 1.5, 8, dtype=torch.float64)
    for step in SOLVERS["heunpp2"].run(denoise, x, levels):
        x = step.x
    answer, theirs = (
        torch.tensor(GOLDEN["results"][name][grid], dtype=torch.float64)
        for name in ("exact", "heunpp2")
    )
    assert (x - answer).norm() < 0.7 * (theirs - answer).norm()


def test_every_sampler_of_the_field_is_there_in_its_order() -> None:
    names = json.loads((Path(__file__).parents[1] / "data" / "sigmas.json").read_text("utf-8"))
    assert list(SOLVERS) == names["samplers"]
