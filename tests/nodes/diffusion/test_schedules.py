"""Schedules against the grids of ComfyUI 0.3.64, and by their own properties."""

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from diffusers.schedulers.scheduling_utils import AysSchedules

from nodes.diffusion import schedules
from nodes.diffusion.fixed_schedules import ALIGN_YOUR_STEPS, OPTIMAL_STEPS, fixed
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.schedules import SCHEDULES, SPACINGS, sigmas_for
from nodes.errors import NodeError

GOLDEN = json.loads((Path(__file__).parent / "data" / "sigmas.json").read_text("utf-8"))
STABLE_DIFFUSION = ModelSampling.from_betas("scaled_linear", 0.00085, 0.012, 1000)
FLOW = ModelSampling.from_flow(shift=3.0)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [4, 7, 10, 20, 30])
def test_a_grid_is_the_one_of_the_field(name: str, steps: int) -> None:
    expected = torch.tensor(GOLDEN["grids"][name][str(steps)], dtype=torch.float64)
    # The reference was computed in float32 and is printed with seven digits.
    torch.testing.assert_close(
        SCHEDULES[name](STABLE_DIFFUSION, steps), expected, rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("name", GOLDEN["flow_shift_3"])
@pytest.mark.parametrize("steps", [4, 10, 20])
def test_a_grid_of_a_flow_is_the_one_of_the_field(name: str, steps: int) -> None:
    expected = torch.tensor(GOLDEN["flow_shift_3"][name][str(steps)], dtype=torch.float64)
    torch.testing.assert_close(SCHEDULES[name](FLOW, steps), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("case", GOLDEN["denoise"])
def test_denoising_a_part_cuts_a_longer_grid(case: str) -> None:
    name, steps, denoise = case.split("/")
    sigmas = sigmas_for(STABLE_DIFFUSION, name, int(steps), float(denoise))
    expected = torch.tensor(GOLDEN["denoise"][case], dtype=torch.float64)
    torch.testing.assert_close(sigmas, expected, rtol=2e-6, atol=0)


def test_every_schedule_of_the_field_is_there_in_its_order() -> None:
    assert list(SCHEDULES) == GOLDEN["schedulers"]


@pytest.mark.parametrize("sampling", [STABLE_DIFFUSION, FLOW], ids=["diffusion", "flow"])
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_levels_fall_to_zero(name: str, steps: int, sampling: ModelSampling) -> None:
    sigmas = SCHEDULES[name](sampling, steps).tolist()
    assert sigmas[-1] == 0
    assert all(high > low for high, low in pairwise(sigmas))
    assert sigmas[0] <= sampling.sigma_max * (1 + 1e-9)


def test_denoising_nothing_takes_no_steps() -> None:
    assert len(sigmas_for(STABLE_DIFFUSION, "normal", 20, 0.0)) == 0


@pytest.mark.parametrize("denoise", [1e-300, 1e-6])
def test_a_part_whose_grid_could_not_be_made_is_refused(denoise: float) -> None:
    with pytest.raises(NodeError, match="noise levels"):
        sigmas_for(STABLE_DIFFUSION, "normal", 20, denoise)


@pytest.mark.parametrize("solver", ["dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"])
def test_solvers_that_skip_the_penultimate_level_make_as_many_steps(solver: str) -> None:
    full = SCHEDULES["normal"](STABLE_DIFFUSION, 11)
    skipped = sigmas_for(STABLE_DIFFUSION, "normal", 10, solver=solver)
    assert torch.equal(skipped, torch.cat([full[:-2], full[-1:]]))
    assert torch.equal(sigmas_for(STABLE_DIFFUSION, "normal", 11, solver="euler"), full)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("denoise", [0.03, 0.33, 0.5, 0.99])
def test_a_part_has_as_many_steps_as_asked_for(name: str, denoise: float) -> None:
    assert len(sigmas_for(STABLE_DIFFUSION, name, 10, denoise)) == 11


def test_karras_between_ends_where_it_is_told() -> None:
    sigmas = schedules.karras_between(0.1, 10.0, 5)
    torch.testing.assert_close(sigmas[0].item(), 10.0)
    torch.testing.assert_close(sigmas[-2].item(), 0.1)


def test_a_polyexponential_of_degree_one_has_even_ratios() -> None:
    sigmas = schedules.polyexponential_between(0.1, 10.0, 5)
    ratios = sigmas[1:-1] / sigmas[:-2]
    torch.testing.assert_close(ratios, ratios[:1].expand(4))


@pytest.mark.parametrize("rho", [0.0, 1e-300])
def test_a_rho_without_powers_is_refused(rho: float) -> None:
    with pytest.raises(NodeError, match="rho"):
        schedules.karras_between(0.1, 10.0, 5, rho)


def test_levels_without_logarithms_are_refused() -> None:
    with pytest.raises(NodeError, match="logarithms"):
        schedules.polyexponential_between(0.0, 10.0, 5)


def test_a_vp_schedule_follows_its_process() -> None:
    sigmas = schedules.vp_between(3, beta_d=2.0, beta_min=1.0, last_time=0.5)
    t = torch.tensor([1.0, 0.75, 0.5], dtype=torch.float64)
    torch.testing.assert_close(sigmas[:-1], (torch.exp(t**2 + t) - 1).sqrt())


def test_a_laplace_schedule_stays_within_its_ends_and_is_dense_in_the_middle() -> None:
    sigmas = schedules.laplace_between(0.03, 14.0, 21, mu=0.0, spread=0.5)
    gaps = -sigmas[:-1].log().diff()
    assert sigmas[0] <= 14.0
    assert sigmas[-2] >= 0.03
    assert gaps[10] < gaps[1]


def test_a_laplace_schedule_that_is_cut_goes_through_each_level_once() -> None:
    sigmas = schedules.laplace_between(0.5, 2.0, 50, mu=0.0, spread=2.0)
    assert bool((sigmas.diff() < 0).all())
    assert sigmas[0] == 2
    assert sigmas[-2] == 0.5


def test_a_turbo_schedule_takes_tenths() -> None:
    sigmas = schedules.sd_turbo(STABLE_DIFFUSION, 4)
    torch.testing.assert_close(sigmas[:-1], STABLE_DIFFUSION.sigmas[[999, 899, 799, 699]])
    half = schedules.sd_turbo(STABLE_DIFFUSION, 1, 0.5)
    torch.testing.assert_close(half[:-1], STABLE_DIFFUSION.sigmas[[499]])


@pytest.mark.parametrize(
    ("family", "reference"),
    [
        ("SD1", "StableDiffusionSigmas"),
        ("SDXL", "StableDiffusionXLSigmas"),
        ("SVD", "StableDiffusionVideoSigmas"),
    ],
)
def test_aligned_steps_are_those_that_diffusers_has(family: str, reference: str) -> None:
    expected = torch.tensor(AysSchedules[reference], dtype=torch.float64)
    ours = fixed(ALIGN_YOUR_STEPS[family], 10)
    torch.testing.assert_close(ours[:-1], expected[:10], rtol=2e-3, atol=2e-3)
    assert ours[-1] == 0


@pytest.mark.parametrize("levels", [*ALIGN_YOUR_STEPS.values(), *OPTIMAL_STEPS.values()])
@pytest.mark.parametrize("steps", [1, 3, 10, 17, 60])
def test_published_levels_are_interpolated_in_their_logarithm(
    levels: tuple[float, ...], steps: int
) -> None:
    sigmas = fixed(levels, steps).tolist()
    assert len(sigmas) == steps + 1
    assert sigmas[0] == pytest.approx(levels[0])
    assert sigmas[-1] == 0
    assert all(high > low for high, low in pairwise(sigmas))
    twice = fixed(levels, 2 * (len(levels) - 1)).tolist()
    assert twice[:-1:2] == pytest.approx(levels[:-1])
    assert twice[1] == pytest.approx((levels[0] * levels[1]) ** 0.5)


def test_a_part_of_published_levels_is_their_end() -> None:
    levels = ALIGN_YOUR_STEPS["SD1"]
    assert fixed(levels, 10, 0.4).tolist() == fixed(levels, 10).tolist()[-5:]
    assert len(fixed(levels, 10, 0.0)) == 0


def test_steps_between_two_levels_are_parted() -> None:
    sigmas = torch.tensor([8.0, 4.0, 2.0, 0.0])
    made = schedules.extended(sigmas, 2, math.inf, 4.0, "linear")
    assert made.tolist() == [8, 6, 4, 3, 2, 0]
    assert schedules.extended(sigmas, 2, 4.0, 2.0, "linear").tolist() == [8, 4, 3, 2, 1, 0]
    assert schedules.extended(sigmas, 1, math.inf, 0.0, "linear").tolist() == sigmas.tolist()
    middle = {name: schedules.extended(sigmas, 2, 4.0, 4.0, name)[2] for name in SPACINGS}
    assert middle["cosine"].item() == pytest.approx(4 - 2 * math.sin(math.pi / 4))
    assert middle["sine"].item() == pytest.approx(4 - 2 * (1 - math.cos(math.pi / 4)))
