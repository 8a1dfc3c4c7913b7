"""Solvers that add noise: the spread of what they draw, and what their options mean."""

import math
from itertools import pairwise
from statistics import NormalDist

import pytest
import torch
from torch import Tensor

from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.noise import noise_for, step_noise
from nodes.diffusion.sampling import inflation
from nodes.diffusion.schedules import SCHEDULES, sigmas_for
from nodes.diffusion.solvers import SOLVERS, Path
from tests.nodes.diffusion.solvers import gaussian

SAMPLES = 40_000
# Standard errors of a spread are 0.35 % from so many samples, and 0.7 % from a quarter of them.
SAMPLING_ERROR = 0.012
SPREADS = torch.tensor([0.2, 1.0], dtype=torch.float64)

# The most by which the spread of samples may be off, after 10, 20 and 100 steps of `karras`.
BOUNDS = {
    "euler_ancestral": (0.32, 0.19, 0.05),
    "ddpm": (0.32, 0.19, 0.05),
    "dpm_2_ancestral": (0.25, 0.04, 0.01),
    "dpmpp_2s_ancestral": (0.13, 0.05, 0.01),
    "dpmpp_sde": (0.09, 0.03, 0.01),
    "dpmpp_2m_sde": (0.11, 0.03, 0.01),
    "dpmpp_2m_sde_heun": (0.28, 0.07, 0.01),
    "dpmpp_3m_sde": (0.34, 0.04, 0.01),
    "er_sde": (0.08, 0.02, 0.01),
    "exp_heun_2_x0_sde": (0.13, 0.05, 0.01),
    "seeds_2": (0.13, 0.05, 0.01),
    "seeds_3": (0.02, 0.01, 0.01),
    "sa_solver": (0.1, 0.02, 0.01),
    "sa_solver_pece": (0.1, 0.02, 0.01),
}
# The most after 40 steps of `simple` on a flow; others keep within 0.05.
FLOW = {"euler_ancestral": 0.13, "ddpm": 0.13, "dpmpp_2m_sde_heun": 0.09}


def spread_after(name: str, schedule: str, steps: int, path: Path | None = None) -> Tensor:
    """Draw samples and give their spread, relative to the true one."""
    path = Path() if path is None else path
    sampling = ModelSampling.from_flow() if path.flow else gaussian.SAMPLING
    levels = [float(level) for level in SCHEDULES[schedule](sampling, steps)]
    # A path costs more than independent noise, which is the same where no steps overlap.
    if name == "dpmpp_sde":
        return spread_over(name, levels, SAMPLES // 4, "brownian", path)
    return spread_over(name, levels, SAMPLES, "steps", path)


def spread_over(
    name: str, levels: list[float], count: int, noise: str, path: Path | None = None
) -> Tensor:
    """Sample over given levels with noise of a kind."""
    path = Path() if path is None else path
    solver = SOLVERS[name]

    def denoise(x: Tensor, sigma: float) -> Tensor:
        alpha = path.alpha(sigma)
        return alpha * SPREADS**2 * x / ((alpha * SPREADS) ** 2 + sigma**2)

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 2, dtype=torch.float64, generator=generator)
    x = x * ((path.alpha(levels[0]) * SPREADS) ** 2 + levels[0] ** 2).sqrt()
    draw = noise_for(noise, x, 1, levels)
    options = dict(solver.options)
    if solver.noisy:
        options |= {"noisy_from": 5.0924, "noisy_to": 0.5712}
    ask = (lambda x, sigma: (denoise(x, sigma),) * 2) if solver.guided else denoise
    for step in solver.run(ask, x, levels, draw, path, **options):
        x = step.x
    return x.std(dim=0) / SPREADS - 1


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("place", [0, 1])
def test_a_few_steps_give_nearly_the_true_spread(name: str, place: int) -> None:
    steps = (10, 20)[place]
    assert spread_after(name, "karras", steps).abs().max() <= BOUNDS[name][place] + SAMPLING_ERROR


@pytest.mark.parametrize("name", BOUNDS)
def test_many_steps_give_the_true_spread(name: str) -> None:
    assert spread_after(name, "karras", 100).abs().max() <= BOUNDS[name][2] + SAMPLING_ERROR


@pytest.mark.parametrize("name", BOUNDS)
def test_flow_models_are_sampled_with_the_true_spread_too(name: str) -> None:
    assert spread_after(name, "simple", 40, Path(flow=True)).abs().max() <= FLOW.get(name, 0.05)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_pairs_that_overshoot_are_those_that_are_warned_of(schedule: str) -> None:
    for name, solver in SOLVERS.items():
        # An adaptive solver has no steps to warn of; a consistency solver is for other models.
        if not solver.noise or not solver.counted or name == "lcm":
            continue
        sigmas = sigmas_for(gaussian.SAMPLING, schedule, 20, solver=name)
        inflated = float(spread_over(name, sigmas.tolist(), 2000, "steps").max())
        if inflation(name, schedule, 20):
            assert inflated > 0.12, name
        else:
            assert inflated < 0.22, name


def test_samples_are_distributed_as_the_data() -> None:
    solver, sigmas = SOLVERS["seeds_3"], SCHEDULES["karras"](gaussian.SAMPLING, 20).tolist()
    x = torch.randn(10_000, 1, dtype=torch.float64) * math.sqrt(1 + sigmas[0] ** 2)
    for step in solver.run(
        lambda x, sigma: x / (1 + sigma**2), x, sigmas, step_noise(x, 0), Path()
    ):
        x = step.x
    places = (torch.arange(10_000) + 0.5) / 10_000
    expected = torch.tensor([NormalDist().inv_cdf(float(p)) for p in places], dtype=torch.float64)
    assert (x[:, 0].sort().values - expected).abs().mean() < 0.03


@pytest.mark.parametrize("name", [n for n, solver in SOLVERS.items() if solver.noise])
def test_the_same_seed_gives_the_same_samples_and_another_others(name: str) -> None:
    solver = SOLVERS[name]
    options = {"eta": 1.0} if "eta" in solver.options else {}
    sigmas = SCHEDULES["karras"](gaussian.SAMPLING, 5).tolist()
    ends = []
    for seed in (1, 1, 2):
        x = torch.ones(4, 3, dtype=torch.float64)
        draw = noise_for(solver.noise, x, seed, sigmas)
        if name == "dpm_adaptive":
            options = {"eta": 1.0}
        ask = both if solver.guided else half
        for step in solver.run(ask, x, sigmas, draw, Path(), **{**solver.options, **options}):
            x = step.x
        ends.append(x)
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def half(x: Tensor, sigma: float) -> Tensor:
    return x / (1 + sigma**2)


def both(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    return half(x, sigma), half(x, sigma)


def test_ancestral_steps_are_those_of_ddpm_and_ddim() -> None:
    sigma, sigma_next = 3.0, 2.0
    alpha, alpha_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
    for eta in (0.0, 0.3, 1.0):
        # Song et al. 2021, equation 16, in the coordinates of x / sqrt(alpha).
        spread = eta * math.sqrt((1 - alpha_next) / (1 - alpha) * (1 - alpha / alpha_next))
        down, scale, up = Path().ancestral(sigma, sigma_next, eta)
        assert scale == 1
        assert up == pytest.approx(spread / math.sqrt(alpha_next))
        assert down == pytest.approx(math.sqrt((1 - alpha_next - spread**2) / alpha_next))


@pytest.mark.parametrize("eta", [0.2, 1.0])
def test_an_ancestral_step_of_a_flow_ends_on_its_path(eta: float) -> None:
    path = Path(flow=True)
    down, scale, up = path.ancestral(0.8, 0.5, eta)
    assert scale * path.alpha(down) == pytest.approx(path.alpha(0.5))
    assert math.hypot(scale * down, up) == pytest.approx(0.5)


@pytest.mark.parametrize("flow", [False, True])
def test_lcm_puts_fresh_noise_on_each_estimate_and_ends_on_the_last(flow: bool) -> None:
    path, levels = Path(flow=flow), [0.9, 0.5, 0.2, 0.0]
    x = torch.zeros(1, 3, dtype=torch.float64)
    asked: list[Tensor] = []

    def estimate(x: Tensor, sigma: float) -> Tensor:
        asked.append(x)
        return torch.full_like(x, sigma)

    drawn = step_noise(x, 7)
    steps = list(SOLVERS["lcm"].run(estimate, x, levels, step_noise(x, 7), path))
    for before, (sigma, sigma_next) in zip(asked[1:], pairwise(levels[:-1]), strict=True):
        expected = path.alpha(sigma_next) * sigma + sigma_next * drawn(sigma, sigma_next)
        assert torch.allclose(before, expected)
    assert torch.equal(steps[-1].x, torch.full_like(x, 0.2))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_eta_is_how_much_of_x_a_reverse_time_equation_forgets(eta: float) -> None:
    x = torch.tensor([8.0])
    options = {"solver_type": "Reverse-time SDE", "max_stage": 1, "eta": eta, "s_noise": 0.0}
    (step,) = SOLVERS["er_sde"].run(
        lambda x, sigma: torch.zeros(1), x, [4.0, 1.0], step_noise(x, 0), Path(), **options
    )
    assert step.x.item() == pytest.approx(8 * (1 / 4) ** (1 + eta))
