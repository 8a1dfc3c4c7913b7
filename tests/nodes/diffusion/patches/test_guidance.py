"""Each shape of guidance against the formula of its paper, in terms of noise or velocity."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from diffusers.guiders.tangential_classifier_free_guidance import (
    normalized_guidance as tangential_guidance,
)
from torch import Tensor

from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.patches import guidance as shapes
from nodes.diffusion.patches.patch import Estimates
from nodes.types import LatentOperation

SCALE, SIGMA = 5.0, 1.7


def draw(seed: int) -> Tensor:
    return torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(seed))


def estimates(cond: Tensor, uncond: Tensor, **changes: Any) -> Estimates:
    fields: dict[str, Any] = {
        "x": draw(1),
        "sigma": SIGMA,
        "cond": cond,
        "uncond": uncond,
        "scale": SCALE,
        "again": None,
        "away": 1,
        "memory": {},
        "sampling": ModelSampling.from_betas(),
    }
    return Estimates(**(fields | changes))


def free(given: Estimates) -> Tensor:
    """Combine as classifier-free guidance does."""
    return given.uncond + given.scale * (given.cond - given.uncond)


GIVEN = estimates(draw(2), draw(3))
SAME = estimates(draw(2), draw(2), scale=1.0)


def test_rescaled_velocity_has_the_spread_of_the_prompts() -> None:
    def velocity(x0: Tensor) -> Tensor:
        # Of x / sqrt(1 + sigma^2) = cos * x0 + sin * noise: cos * noise - sin * x0.
        noise = (GIVEN.x - x0) / SIGMA
        made: Tensor = (noise - SIGMA * x0) / math.sqrt(1 + SIGMA**2)
        return made

    made = shapes.rescaled(free, GIVEN, multiplier=1.0)
    spread = velocity(made).flatten(1).std(dim=1)
    torch.testing.assert_close(spread, velocity(GIVEN.cond).flatten(1).std(dim=1))
    half = shapes.rescaled(free, GIVEN, multiplier=0.5)
    torch.testing.assert_close(half, (made + free(GIVEN)) / 2)


def test_rescaled_velocity_of_a_flow_is_that_along_its_line() -> None:
    flow = estimates(draw(2), draw(3), sampling=ModelSampling.from_flow(), sigma=0.5)
    made = shapes.rescaled(free, flow, multiplier=1.0)
    spread = ((flow.x - made) / 0.5).flatten(1).std(dim=1)
    torch.testing.assert_close(spread, ((flow.x - flow.cond) / 0.5).flatten(1).std(dim=1))


def test_limited_norms_are_never_above_those_of_the_prompt() -> None:
    made = shapes.norm_limited(free, GIVEN, strength=1.0)
    guided, wanted = free(GIVEN), GIVEN.cond.norm(dim=1)
    assert bool((made.norm(dim=1) <= wanted * 1.0001).all())
    short = (guided.norm(dim=1) < wanted)[:, None].expand_as(made)
    torch.testing.assert_close(made[short], guided[short])
    torch.testing.assert_close(shapes.norm_limited(free, GIVEN, strength=2.0), 2 * made)


def test_kept_norms_are_those_of_the_prompt_s_noise() -> None:
    made = shapes.noise_norm_kept(free, GIVEN, strength=1.0)
    torch.testing.assert_close((GIVEN.x - made).norm(dim=1), (GIVEN.x - GIVEN.cond).norm(dim=1))
    half = shapes.noise_norm_kept(free, GIVEN, strength=0.5)
    torch.testing.assert_close(half, (made + free(GIVEN)) / 2)


def test_renormed_guidance_holds_below_a_level_and_up_to_a_length() -> None:
    assert shapes.renormed(free, GIVEN, below=SIGMA, most=1.0) is GIVEN.cond
    made = shapes.renormed(free, GIVEN, below=2.0, most=0.5).flatten(1)
    torch.testing.assert_close(made.norm(dim=1), GIVEN.cond.flatten(1).norm(dim=1) / 2)
    plain = free(GIVEN)
    cosine = torch.nn.functional.cosine_similarity(made, plain.flatten(1))
    torch.testing.assert_close(cosine, torch.ones(2))
    for most in (0.0, 1e4):
        torch.testing.assert_close(shapes.renormed(free, GIVEN, below=2.0, most=most), plain)


def test_divided_noise_is_that_much_shorter() -> None:
    made = shapes.noise_divided(free, GIVEN, divisor=1.25)
    torch.testing.assert_close((GIVEN.x - made) * 1.25, GIVEN.x - free(GIVEN))


@pytest.mark.parametrize("flow", [False, True])
def test_a_rescaled_score_is_that_of_a_gaussian_of_another_variance(flow: bool) -> None:
    spread, k, sigma = 1.5, 0.7, 0.4
    alpha = 1 - sigma if flow else 1.0
    sampling = ModelSampling.from_flow() if flow else ModelSampling.from_betas()
    x = draw(1)

    def ideal(variance: float) -> Tensor:
        # The mean of centred data of a variance, given x.
        return alpha * variance * x / (alpha**2 * variance + sigma**2)

    given = estimates(ideal(spread**2), draw(3), scale=1.0, sigma=sigma, sampling=sampling)
    made = shapes.score_rescaled(free, given, k=k, spread=spread)
    torch.testing.assert_close(made, ideal(spread**2 / k))


def test_pure_noise_of_a_flow_is_not_rescaled() -> None:
    start = estimates(draw(2), draw(3), sigma=1.0, sampling=ModelSampling.from_flow())
    made = shapes.score_rescaled(free, start, k=0.5, spread=1.0)
    torch.testing.assert_close(made, free(start))


def test_frequencies_of_what_the_prompt_adds_have_factors_of_their_own() -> None:
    constant = torch.ones(2, 4, 5, 6)
    waves = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0]).expand(2, 4, 5, 6)
    given = estimates(draw(3) + constant + waves, draw(3))
    made = shapes.frequencies_scaled(free, given, low=0.5, high=2.0, cutoff=1)
    expected = given.uncond + SCALE * (0.5 * constant + 2 * waves)
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("momentum", [0.0, -0.5])
def test_adaptive_projection_is_that_of_diffusers(momentum: float) -> None:
    buffer = MomentumBuffer(momentum)
    memory: dict[str, Tensor] = {}
    for seed in (2, 4):
        given = estimates(draw(seed), draw(seed + 1), memory=memory)
        made = shapes.adaptive_projected(
            free, given, eta=0.3, norm_threshold=5.0, momentum=momentum
        )
        expected = normalized_guidance(
            given.cond,
            given.uncond,
            guidance_scale=SCALE,
            momentum_buffer=buffer if momentum else None,
            eta=0.3,
            norm_threshold=5.0,
            use_original_formulation=True,
        )
        torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-5)


def test_projection_that_keeps_all_is_plain_guidance_of_one_more_as_in_the_field() -> None:
    made = shapes.adaptive_projected(free, GIVEN, eta=1.0, norm_threshold=0.0, momentum=0.0)
    torch.testing.assert_close(made, free(replace(GIVEN, scale=SCALE + 1)))


def test_tangential_damping_is_that_of_diffusers_on_noise() -> None:
    noise, away = ((GIVEN.x - one) / SIGMA for one in (GIVEN.cond, GIVEN.uncond))
    made = shapes.tangentially_damped(free, GIVEN)
    guided = tangential_guidance(noise, away, SCALE)
    torch.testing.assert_close(made, GIVEN.x - SIGMA * guided, rtol=1e-4, atol=1e-4)


def test_zero_star_scales_a_sample_by_the_factor_that_brings_velocities_nearest() -> None:
    velocity, away = (GIVEN.x - one for one in (GIVEN.cond, GIVEN.uncond))
    made = shapes.zero_star(free, GIVEN)
    for place in range(len(made)):
        one, other = velocity[place].flatten(), away[place].flatten()
        factor = torch.linalg.lstsq(other[:, None], one[:, None]).solution.item()
        uncond = factor * GIVEN.uncond[place]
        expected = uncond + SCALE * (GIVEN.cond[place] - uncond)
        torch.testing.assert_close(made[place], expected, rtol=1e-4, atol=1e-4)


def test_mahiro_is_plain_guidance_where_both_agree_and_enlarges_where_they_do_not() -> None:
    cond = draw(2)
    agreeing = estimates(cond, cond)
    torch.testing.assert_close(
        shapes.direction_kept(lambda _: cond * SCALE, agreeing), cond * SCALE
    )
    opposed = estimates(cond, -cond)
    made = shapes.direction_kept(lambda _: cond, opposed)
    torch.testing.assert_close(made, cond * SCALE)


def test_an_operation_changes_what_the_prompt_adds() -> None:
    half = LatentOperation("sharpen", {"radius": 2.0, "sigma": 1.0, "amount": 0.0})
    same = shapes.operation_applied(free, GIVEN, operation=half)
    torch.testing.assert_close(same, free(GIVEN), rtol=1e-4, atol=1e-5)
    flat = LatentOperation("reinhard", {"multiplier": 0.0})
    made = shapes.operation_applied(free, GIVEN, operation=flat)
    torch.testing.assert_close(made, GIVEN.uncond, rtol=1e-4, atol=1e-4)
    basic = estimates(draw(2), draw(2), away=0, scale=1.0)
    alone = shapes.operation_applied(free, basic, operation=flat)
    assert float(alone.abs().max()) < 1e-4


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (shapes.rescaled, {"multiplier": 0.7}),
        (shapes.norm_limited, {"strength": 1.0}),
        (shapes.adaptive_projected, {"eta": 0.0, "norm_threshold": 1.0, "momentum": 0.5}),
        (shapes.tangentially_damped, {}),
        (shapes.zero_star, {}),
        (shapes.direction_kept, {}),
        (shapes.noise_norm_kept, {"strength": 1.0}),
        (shapes.renormed, {"below": 100.0, "most": 1.0}),
        (shapes.frequencies_scaled, {"low": 0.5, "high": 2.0, "cutoff": 1}),
    ],
)
def test_without_guidance_there_is_nothing_to_shape(
    rule: Callable[..., Tensor], options: dict[str, float]
) -> None:
    torch.testing.assert_close(rule(free, SAME, **options), SAME.cond, rtol=1e-4, atol=1e-4)
