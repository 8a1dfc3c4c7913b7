"""Estimates are reused while little changes, and computed anew in time."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.patches.patch import remembering
from nodes.diffusion.patches.reuse import Trail, lazily
from nodes.sampling import k_sampler
from nodes.speed import easy_cache, lazy_cache
from nodes.types import Latent
from tests.nodes.diffusion.patches.test_unet import model
from tests.nodes.diffusion.tiny_sampling import prompt

POSITIVE, NEGATIVE = prompt(1), prompt(2)
X = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
FINE: dict[str, Any] = {"start_percent": 0.0, "end_percent": 1.0}


def sampled(given: Any, steps: int = 12) -> tuple[Tensor, int]:
    """Sample, and count the calls of the network."""
    calls: list[object] = []
    counted = given.network.conv_in.register_forward_hook(lambda *_: calls.append(0))
    try:
        latent = Latent(torch.zeros(1, 4, 16, 16))
        made = k_sampler(given, POSITIVE, NEGATIVE, latent, seed=1, steps=steps, cfg=3.0)
    finally:
        counted.remove()
    return made.samples, len(calls)


@pytest.mark.parametrize("cache", [easy_cache, lazy_cache])
def test_a_threshold_of_nothing_changes_nothing(cache: Callable[..., Any]) -> None:
    plain, calls = sampled(model())
    made, made_calls = sampled(cache(model(), 0.0, **FINE))
    assert torch.equal(made, plain)
    assert made_calls == calls == 12


@pytest.mark.parametrize("cache", [easy_cache, lazy_cache])
def test_a_higher_threshold_leaves_out_more_calls_and_errs_more(cache: Callable[..., Any]) -> None:
    plain, _ = sampled(model())
    found = [sampled(cache(model(), threshold, **FINE)) for threshold in (0.02, 3.0)]
    calls = [count for _, count in found]
    errors = [float((made - plain).abs().mean()) for made, _ in found]
    assert 12 >= calls[0] > calls[1] >= 2
    assert errors[0] < errors[1] < float(plain.abs().mean())


@pytest.mark.parametrize("cache", [easy_cache, lazy_cache])
def test_outside_of_its_part_everything_is_computed(cache: Callable[..., Any]) -> None:
    _, calls = sampled(cache(model(), 3.0, start_percent=1.0, end_percent=1.0))
    assert calls == 12


def test_what_the_network_added_is_added_again() -> None:
    given = remembering(easy_cache(model(), 3.0, **FINE))
    prompts = fit_conditionings((POSITIVE,), given.sampling, X, 8)
    added = []
    for scale in (1.0, 0.99, 0.98):
        x = X * scale
        noise = (x - denoise(given, x, 5.0, prompts)[0]) / 5
        # The network is given x over a factor, and predicts noise.
        added.append(noise - x / 26**0.5)
    torch.testing.assert_close(added[2], added[1], rtol=1e-3, atol=1e-4)
    assert not torch.allclose(added[1], added[0], rtol=1e-3, atol=1e-4)


def test_a_straight_way_is_followed_without_asking_again() -> None:
    asked: list[float] = []

    def guide(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        asked.append(sigma)
        return x - sigma * 2.0, x - sigma * 3.0

    lazy = lazily(guide, threshold=0.5, first=100.0, last=0.0, verbose=False)
    for sigma in (4.0, 3.0, 2.0, 1.0):
        denoised, away = lazy(X * sigma, sigma)
        torch.testing.assert_close(denoised, X * sigma - sigma * 2.0)
        torch.testing.assert_close(away, X * sigma - sigma * 3.0)
    # Two are needed to know how fast it changes: not at all.
    assert asked == [4.0, 3.0]


def test_a_trail_adds_up_how_far_the_output_goes() -> None:
    one = torch.ones(4)
    trail = Trail(one, 10 * one)
    assert not trail.is_near(one, 1.0)
    trail.computed(2 * one, 12 * one)
    assert trail.rate == 2.0
    # Each step of the input by 1 moves an output of 12 by 2.
    assert trail.is_near(3 * one, 0.4)
    trail.reused(3 * one, 12 * one)
    assert trail.gone == pytest.approx(2 / 12)
    assert not trail.is_near(5 * one, 0.4)
    assert trail.gone == pytest.approx(6 / 12)


@pytest.mark.parametrize("cache", [easy_cache, lazy_cache])
def test_reuses_are_logged_when_asked_for(
    cache: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "weft.reuse")
    sampled(cache(model(), 3.0, **FINE))
    assert not caplog.records
    _, calls = sampled(cache(model(), 3.0, **FINE, verbose=True))
    assert len(caplog.records) == 12 - calls
