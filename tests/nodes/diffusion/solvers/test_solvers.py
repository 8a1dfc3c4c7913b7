"""What holds for every solver: where it ends, what it leaves alone, how it can be split."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from nodes.diffusion.noise import step_noise
from nodes.diffusion.schedules import karras
from nodes.diffusion.solvers import SOLVERS, Path, Solver, Step
from nodes.diffusion.solvers.exponential import phi_2
from tests.nodes.diffusion.solvers.gaussian import SAMPLING, denoise, start

LEVELS = [float(level) for level in karras(SAMPLING, 8)]
# These end at the lowest level above 0.
UNENDING = {"dpm_fast", "dpm_adaptive"}
ONE_STEP = ["euler", "heun", "dpm_2", "ddim", "dpmpp_2s_ancestral", "seeds_3"]


def steps_of(solver: Solver, x: Tensor, levels: list[float], **options: float) -> list[Step]:
    def both(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        return denoise(x, sigma), denoise(x, sigma)

    chosen = {**solver.options, **options}
    ask = both if solver.guided else denoise
    if solver.noise:
        return list(solver.run(ask, x, levels, step_noise(x, 0), Path(), **chosen))
    return list(solver.run(ask, x, levels, **chosen))


@pytest.mark.parametrize("name", sorted(set(SOLVERS) - UNENDING))
def test_a_step_to_zero_ends_on_the_estimate(name: str) -> None:
    last = steps_of(SOLVERS[name], start(LEVELS[0]), LEVELS)[-1]
    if name != "sa_solver_pece":
        torch.testing.assert_close(last.x, last.denoised)
    assert last.index == len(LEVELS) - 2


@pytest.mark.parametrize("name", SOLVERS)
def test_a_single_step_to_zero_is_the_estimate(name: str) -> None:
    x = start(5.0)
    (step,) = steps_of(SOLVERS[name], x, [5.0, 0.0])
    torch.testing.assert_close(step.x, denoise(x, 5.0))


@pytest.mark.parametrize("name", SOLVERS)
def test_steps_are_numbered_and_the_given_sample_is_not_changed(name: str) -> None:
    x = start(LEVELS[0])
    before = x.clone()
    steps = steps_of(SOLVERS[name], x, LEVELS)
    assert torch.equal(x, before)
    assert [step.index for step in steps] == list(range(len(steps)))
    assert all(later.sigma < earlier.sigma for earlier, later in pairwise(steps))
    if SOLVERS[name].counted:
        assert len(steps) == len(LEVELS) - 1


@pytest.mark.parametrize("name", ONE_STEP)
def test_a_solver_without_memory_is_the_same_in_two_parts(name: str) -> None:
    x = start(LEVELS[0])
    whole = steps_of(SOLVERS[name], x, LEVELS, **eta_of(name))[-1].x
    middle = steps_of(SOLVERS[name], x, LEVELS[:5], **eta_of(name))[-1].x
    parts = steps_of(SOLVERS[name], middle, LEVELS[4:], **eta_of(name))[-1].x
    torch.testing.assert_close(parts, whole, rtol=1e-6, atol=1e-6)


def eta_of(name: str) -> dict[str, float]:
    return {"eta": 0.0} if SOLVERS[name].noise else {}


@pytest.mark.parametrize("name", ["uni_pc", "uni_pc_bh2", "sa_solver", "dpmpp_2m", "lms", "deis"])
def test_leaving_off_the_step_to_zero_changes_nothing_before_it(name: str) -> None:
    x = start(LEVELS[0])
    whole = steps_of(SOLVERS[name], x, LEVELS)
    cut = steps_of(SOLVERS[name], x, LEVELS[:-1])
    assert torch.equal(cut[-1].x, whole[-2].x)


@pytest.mark.parametrize(
    ("guided", "plain"),
    [
        ("euler_cfg_pp", "euler"),
        ("euler_ancestral_cfg_pp", "euler_ancestral"),
        ("dpmpp_2m_cfg_pp", "dpmpp_2m"),
        ("res_multistep_cfg_pp", "res_multistep"),
        ("res_multistep_ancestral_cfg_pp", "res_multistep_ancestral"),
        ("gradient_estimation_cfg_pp", "gradient_estimation"),
    ],
)
def test_without_guidance_cfg_pp_is_the_plain_solver(guided: str, plain: str) -> None:
    x = start(LEVELS[0])
    ours = steps_of(SOLVERS[guided], x, LEVELS)[-1].x
    torch.testing.assert_close(ours, steps_of(SOLVERS[plain], x, LEVELS)[-1].x)


def test_two_stages_of_cfg_pp_are_moved_by_the_guidance_of_the_last_estimate() -> None:
    x = torch.tensor([10.0])

    def apart(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        guided, uncond = (3.0, 1.0) if sigma == 8 else (5.0, 2.0)
        return torch.tensor([guided]), torch.tensor([uncond])

    solver = SOLVERS["dpmpp_2s_ancestral_cfg_pp"]
    (step,) = solver.run(apart, x, [8.0, 2.0], step_noise(x, 0), Path(), eta=0.0)
    # To the guided estimate of the middle, from where that of the beginning goes by the other's.
    assert step.x.item() == pytest.approx(5 + 2 * (10 + (3 - 2) - 5) / 8)


def test_cfg_pp_puts_back_the_noise_of_the_other_estimate() -> None:
    x = torch.tensor([10.0])

    def apart(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        return torch.tensor([3.0]), torch.tensor([1.0])

    solver = SOLVERS["euler_cfg_pp"]
    (step,) = solver.run(apart, x, [4.0, 2.0], step_noise(x, 0), Path(), **solver.options)
    # Chung et al. 2024: to the guided estimate, with (x - uncond) / sigma times the next level.
    assert step.x.item() == pytest.approx(3 + 2 * (10 - 1) / 4)


def test_cfg_pp_begins_a_flow_at_pure_noise() -> None:
    x = torch.tensor([10.0])
    solver = SOLVERS["euler_cfg_pp"]

    def apart(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        return torch.tensor([3.0]), torch.tensor([1.0])

    path = Path(flow=True)
    (step,) = solver.run(apart, x, [1.0, 0.25], step_noise(x, 0), path, **solver.options)
    assert step.x.item() == pytest.approx(0.75 * 3 + 0.25 * 10)


def test_pure_noise_of_a_flow_is_moved_to_the_top_where_its_lambda_is_asked_for() -> None:
    assert Path(flow=True, top=0.875).within([1.0, 0.5]) == [0.875, 0.5]
    assert Path(top=0.875).within([1.0, 0.5]) == [1.0, 0.5]


def test_rising_levels_undo_falling_ones() -> None:
    x = start(0.5)
    levels = [0.5 + 0.001 * i for i in range(500)]
    up = steps_of(SOLVERS["euler"], x, levels)[-1].x
    down = steps_of(SOLVERS["euler"], up, levels[::-1])[-1].x
    torch.testing.assert_close(down, x, rtol=0, atol=5e-3)
    assert (up - x).abs().max() > 0.1


def test_phi_2_is_smooth_where_its_formula_changes() -> None:
    for z in (-0.0101, -0.0099, 0.0099, 0.0101):
        series = sum(z**k / _factorial(k + 2) for k in range(12))
        assert phi_2(z) == pytest.approx(series, rel=1e-11)


def _factorial(n: int) -> int:
    return n * _factorial(n - 1) if n > 1 else 1
