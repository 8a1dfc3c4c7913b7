"""Solvers at their orders, on a problem with a known answer, and against figures of others.

The figures are errors of k-diffusion's and diffusers' solvers on the same problem (10, 20, 40, 80
and 160 steps of Karras et al.'s schedule), so that a solver is not merely of its order but as good.
"""

import math
from functools import partial
from typing import Any

import pytest
from torch import Tensor

from nodes.diffusion.schedules import exponential, normal
from nodes.diffusion.solvers import SOLVERS
from tests.nodes.diffusion.solvers.gaussian import SAMPLING, denoise, error, exact, run, start

STEPS = (10, 20, 40, 80, 160)
# Options without which a solver adds noise.
ODE: dict[str, dict[str, Any]] = {
    name: {"eta": 0.0} for name, solver in SOLVERS.items() if solver.noise
} | {
    "er_sde": {"solver_type": "ODE"},
}

FIGURES = {
    "euler": (7.8e-2, 4.0e-2, 2.0e-2, 1.0e-2, 5.2e-3),
    "ddim": (7.8e-2, 4.0e-2, 2.0e-2, 1.0e-2, 5.2e-3),
    "heun": (2.5e-2, 5.8e-3, 1.4e-3, 3.5e-4, 8.7e-5),
    "dpm_2": (1.4e-2, 3.4e-3, 8.2e-4, 2.0e-4, 5.1e-5),
    "dpmpp_2m": (2.4e-2, 5.9e-3, 1.4e-3, 3.4e-4, 8.5e-5),
    "res_multistep": (4.0e-2, 8.8e-3, 2.0e-3, 4.9e-4, 1.2e-4),
    "lms": (2.0e-2, 2.7e-3, 2.6e-4, 2.4e-5, 3.1e-6),
    "uni_pc_bh2": (1.4e-2, 7.3e-4, 5.5e-5, 5.1e-6, 7.6e-7),
    "gradient_estimation": (4.9e-2, 3.2e-2, 1.9e-2, 9.8e-3, 5.1e-3),
}
# The least slope of the error from 40 to 160 steps.
ORDERS = {
    "euler": 0.95,
    "euler_ancestral": 0.95,
    "ddpm": 0.95,
    "ddim": 0.95,
    "gradient_estimation": 0.9,
    "heun": 1.95,
    "heunpp2": 1.85,
    "dpm_2": 1.95,
    "dpm_2_ancestral": 1.95,
    "dpmpp_2s_ancestral": 1.95,
    "dpmpp_sde": 1.95,
    "dpmpp_2m": 1.95,
    "dpmpp_2m_sde": 1.95,
    "dpmpp_2m_sde_heun": 1.95,
    "dpmpp_3m_sde": 1.8,
    "ipndm": 1.95,
    "res_multistep": 1.95,
    "res_multistep_ancestral": 1.95,
    "er_sde": 1.95,
    "exp_heun_2_x0": 1.95,
    "exp_heun_2_x0_sde": 1.95,
    "seeds_2": 1.95,
    "seeds_3": 2.9,
    "deis": 2.8,
    "lms": 3.1,
    "uni_pc": 3.1,
    "uni_pc_bh2": 3.1,
    "sa_solver": 1.95,
    "sa_solver_pece": 1.95,
}


@pytest.mark.parametrize("name", FIGURES)
def test_errors_are_as_small_as_the_figures(name: str) -> None:
    for steps, figure in zip(STEPS, FIGURES[name], strict=True):
        assert error(SOLVERS[name], steps, **ODE.get(name, {})) <= 1.1 * figure, steps


@pytest.mark.parametrize("name", ORDERS)
def test_a_solver_has_its_order(name: str) -> None:
    few, many = (error(SOLVERS[name], steps, **ODE.get(name, {})) for steps in (40, 160))
    assert math.log2(few / many) / 2 >= ORDERS[name]


@pytest.mark.parametrize("name", [name for name, order in ORDERS.items() if order >= 1.8])
def test_solvers_of_second_order_or_more_pass_the_bar(name: str) -> None:
    options = ODE.get(name, {})
    assert error(SOLVERS[name], 20, **options) <= 9.2e-3
    assert error(SOLVERS[name], 160, **options) <= 1.3e-4


@pytest.mark.parametrize("name", ["lms", "uni_pc", "uni_pc_bh2"])
def test_solvers_of_high_order_have_no_floor(name: str) -> None:
    assert error(SOLVERS[name], 160) <= 1e-5


def test_one_difference_alone_makes_uni_pc_of_third_order_with_its_corrector() -> None:
    few, many = (error(SOLVERS["uni_pc_bh2"], steps, order=2) for steps in (40, 160))
    assert many <= 1.1 * 4.3e-6
    assert math.log2(few / many) / 2 >= 2.95


def test_orders_do_not_hang_on_the_schedule() -> None:
    for name in ("heun", "dpmpp_2m"):
        few, many = (error(SOLVERS[name], steps, exponential) for steps in (40, 160))
        assert math.log2(few / many) / 2 >= 1.95


def test_the_adaptive_solver_keeps_within_its_tolerance_and_pays_for_a_smaller_one() -> None:
    sigmas = [14.6, 0.03]
    x = start(sigmas[0])
    errors, calls = [], []
    for tolerance in (5e-2, 5e-4):
        asked: list[float] = []
        solver, ask = SOLVERS["dpm_adaptive"], partial(counted, asked)
        end = run(solver, ask, x, sigmas, rtol=tolerance, atol=tolerance / 6)
        errors.append(float((end - exact(x, *sigmas)).abs().max()))
        calls.append(len(asked))
    assert errors[0] < 0.2
    assert errors[1] < errors[0] / 10
    assert calls[0] < calls[1] < 100


@pytest.mark.parametrize("steps", range(1, 11))
def test_the_fast_solver_asks_as_often_as_there_are_steps(steps: int) -> None:
    asked: list[float] = []
    sigmas = normal(SAMPLING, steps).tolist()
    run(SOLVERS["dpm_fast"], partial(counted, asked), start(sigmas[0]), sigmas)
    assert len(asked) == steps


def counted(asked: list[float], x: Tensor, sigma: float) -> Tensor:
    asked.append(sigma)
    return denoise(x, sigma)
