"""Every sampler node names a solver, with options that it takes."""

from collections.abc import Callable

import pytest
import torch

from nodes import samplers
from nodes.diffusion.noise import step_noise
from nodes.diffusion.solvers import SOLVERS, Path
from nodes.types import Sampler

NODES = [value for value in vars(samplers).values() if hasattr(value, "__node__")]


@pytest.mark.parametrize("make", NODES)
def test_a_sampler_node_makes_a_solver_that_runs(make: Callable[[], Sampler]) -> None:
    sampler = make()
    solver = SOLVERS[sampler.name]
    x = torch.ones(1, 2)

    def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
        return x / (1 + sigma**2)

    def both(x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
        return denoise(x, sigma), denoise(x, sigma)

    extra = (step_noise(x, 0), Path()) if solver.noise else ()
    ask = both if solver.guided else denoise
    steps = list(solver.run(ask, x, [3.0, 1.0, 0.3, 0.0], *extra, **sampler.options))
    assert bool(steps[-1].x.isfinite().all())


def test_no_noise_is_left_of_an_er_sde_without_eta() -> None:
    assert samplers.sampler_er_sde("Reverse-time SDE", eta=0.0).options["solver_type"] == "ODE"
    assert samplers.sampler_er_sde("Reverse-time SDE").options["s_noise"] == 1
