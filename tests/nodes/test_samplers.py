"""Every sampler node names a solver, with options that it takes."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from nodes import samplers
from nodes.diffusion.noise import step_noise
from nodes.diffusion.solvers import SOLVERS, Path, Step
from nodes.types import Sampler
from tests.nodes.diffusion.tiny_sampling import tiniest_model

NODES = [
    partial(value, tiniest_model()) if value is samplers.sampler_sa_solver else value
    for value in vars(samplers).values()
    if hasattr(value, "__node__")
]


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
    half = samplers.sampler_er_sde("Reverse-time SDE", eta=0.5).options
    assert half["eta"] == 0.5
    assert half["s_noise"] == 1


def ends(sampler: Sampler, levels: list[float]) -> torch.Tensor:
    """Give the end of a way from ones, whose guided estimate is twice the one to lead away from."""
    solver = SOLVERS[sampler.name]

    def estimate(x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
        away = x / (2 * (1 + sigma**2))
        return 2 * away, away

    ask = estimate if solver.guided else lambda x, sigma: estimate(x, sigma)[0]
    x = torch.ones(1, 64)
    options = {**solver.options, **sampler.options}
    steps = list(solver.run(ask, x, levels, step_noise(x, 0), Path(), **options))
    return steps[-1].x


LEVELS = [3.0, 1.0, 0.3]


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (samplers.sampler_seeds_2(), "seeds_2"),
        (samplers.sampler_seeds_2("phi_2", eta=0.0, r=1.0), "exp_heun_2_x0"),
        (samplers.sampler_seeds_2("phi_2", r=1.0), "exp_heun_2_x0_sde"),
        (samplers.sampler_euler_cfg_pp(), "euler_cfg_pp"),
        (samplers.sampler_lcm(), "lcm"),
    ],
)
def test_sampler_nodes_can_stand_for_names(made: Sampler, named: str) -> None:
    assert torch.equal(ends(made, LEVELS), ends(Sampler(named), LEVELS))


def test_the_alternative_of_cfg_pp_guides_an_euler_step_twice_as_far() -> None:
    made = ends(samplers.sampler_euler_cfg_pp("alternative"), LEVELS[:2])
    # The estimate is 0.1 and the other 0.05: a step towards 0.15.
    torch.testing.assert_close(made, torch.full((1, 64), 0.15 + (1 - 0.15) / 3))


def test_an_lcm_s_noise_changes_evenly_to_its_last_step() -> None:
    levels = [8.0, 3.0, 2.0, 1.0]
    even, falling = (
        [step.x for step in walked(samplers.sampler_lcm(*ends), levels)]
        for ends in ((1.0, 1.0), (2.0, 1.0))
    )
    # The estimate is 0: what is left of a step is its noise.
    for factor, one, other in zip((2, 1.5, 1), even, falling, strict=True):
        torch.testing.assert_close(other, factor * one)
    clipped = walked(samplers.sampler_lcm(noise_clip_std=1.5), levels)[0].x
    inside = even[0].abs() < 1.5 * even[0].std()
    assert 0 < int(inside.sum()) < 64
    torch.testing.assert_close(clipped[inside], even[0][inside])
    assert float(clipped.abs().max()) == pytest.approx(1.5 * float(even[0].std()))


def walked(sampler: Sampler, levels: list[float]) -> list[Step]:
    x = torch.ones(1, 64)
    run = SOLVERS[sampler.name].run
    nothing = torch.zeros_like(x)
    return list(run(lambda *_: nothing, x, levels, step_noise(x, 0), Path(), **sampler.options))


def test_sa_solver_adds_noise_within_its_part_of_the_sampling_only() -> None:
    model = tiniest_model()
    levels = [model.sampling.sigma_max, 5.0, 1.0]
    quiet = ends(samplers.sampler_sa_solver(model, eta=0.0), levels)
    late = ends(samplers.sampler_sa_solver(model, sde_start_percent=0.95), levels)
    torch.testing.assert_close(late, quiet)
    assert not torch.allclose(ends(samplers.sampler_sa_solver(model), levels), quiet)


def test_a_line_s_simple_weight_agrees_with_the_exact_one_for_short_steps() -> None:
    make = partial(
        samplers.sampler_sa_solver, tiniest_model(), eta=0.0, predictor_order=2, corrector_order=0
    )
    gaps = []
    for count in (20, 40):
        levels = torch.logspace(1, -1, count + 1).tolist()
        simple, exact = (ends(make(simple_order_2=way), levels) for way in (True, False))
        gaps.append(float((simple - exact).abs().max()))
    # What is left out is of third order in each step, and of second in all.
    assert 0 < gaps[1] < gaps[0] / 3
