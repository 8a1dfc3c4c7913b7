"""How estimates under several conditionings become one."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from torch import Tensor

from nodes.diffusion.conditions import Prompts
from nodes.diffusion.denoiser import denoise
from nodes.types import Guider, Model

# Gives for (x, sigma) the guided estimate, and the one that it leads away from.
Guide = Callable[[Tensor, float], tuple[Tensor, Tensor]]
Rule = Callable[..., tuple[Tensor, Tensor]]


def guide_for(
    guider: Guider, prompts: tuple[Prompts, ...], *, batched: bool = True, both: bool = False
) -> Guide:
    """Bind a guider's rule to its model and to prompts fitted to the latent.

    Args:
        guider: The rule, its model and its numbers.
        prompts: What its conditionings become on the latent.
        batched: Compute them in one call.
        both: Compute the estimate that it leads away from even if it has no part in the result.
    """
    estimate = partial(denoise, guider.model, batched=batched)
    return partial(GUIDES[guider.kind], estimate, prompts, guider.options, both)


def basic(
    estimate: Callable[..., list[Tensor]],
    prompts: tuple[Prompts, ...],
    options: Mapping[str, float],
    both: bool,
    x: Tensor,
    sigma: float,
) -> tuple[Tensor, Tensor]:
    """Follow the only conditioning."""
    (cond,) = estimate(x, sigma, prompts[:1])
    return cond, cond


def classifier_free(
    estimate: Callable[..., list[Tensor]],
    prompts: tuple[Prompts, ...],
    options: Mapping[str, float],
    both: bool,
    x: Tensor,
    sigma: float,
) -> tuple[Tensor, Tensor]:
    """Go beyond the positive, away from the negative: uncond + scale * (cond - uncond).

    Ho and Salimans 2022, arXiv:2207.12598. With a scale of 1 the negative has no part in it and is
    not computed, unless a solver asks for it.
    """
    scale = options["scale"]
    if math.isclose(scale, 1) and not both:
        return basic(estimate, prompts, options, both, x, sigma)
    cond, uncond = estimate(x, sigma, prompts[:2])
    return uncond + scale * (cond - uncond), uncond


def dual(
    estimate: Callable[..., list[Tensor]],
    prompts: tuple[Prompts, ...],
    options: Mapping[str, float],
    both: bool,
    x: Tensor,
    sigma: float,
) -> tuple[Tensor, Tensor]:
    """Go from the second conditioning to the first, and from the third to the second.

    Brooks et al. 2023, arXiv:2211.09800, equation 3: each way has its own scale.
    """
    first, second, away = estimate(x, sigma, prompts[:3])
    led = away + options["scale_2"] * (second - away) + options["scale"] * (first - second)
    return led, away


def dual_nested(
    estimate: Callable[..., list[Tensor]],
    prompts: tuple[Prompts, ...],
    options: Mapping[str, float],
    both: bool,
    x: Tensor,
    sigma: float,
) -> tuple[Tensor, Tensor]:
    """Go from the second conditioning beyond the first, then away from the third to there."""
    first, second, away = estimate(x, sigma, prompts[:3])
    beyond = second + options["scale"] * (first - second)
    return away + options["scale_2"] * (beyond - away), away


GUIDES: Mapping[str, Rule] = MappingProxyType(
    {"basic": basic, "cfg": classifier_free, "dual": dual, "dual_nested": dual_nested}
)


def with_model(guider: Guider, model: Model) -> Guider:
    """Give the guider another model, such as the same one on a device."""
    return Guider(model, guider.kind, guider.conditionings, guider.options)
