"""How estimates under several conditionings become one.

A guider names a rule (`GUIDES`), such as classifier-free guidance. `guide_for` binds it to a model
and to prompts, and puts around it what patches of the model make of guidance: the result is what
solvers ask, `guide(x, sigma)`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from torch import Tensor

from nodes.diffusion.conditions import Prompts
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.noise import rounded
from nodes.diffusion.patches.guidance import projected
from nodes.diffusion.patches.patch import (
    Combine,
    Estimates,
    GuidancePatch,
    Guide,
    NetworkPatch,
    PerpNegPatch,
    SamplingPatch,
    ScalePatch,
    remembering,
    with_patch,
)
from nodes.types import Guider

# Combines the estimates under the guider's conditionings, in their order.
Rule = Callable[[Sequence[Tensor], Mapping[str, float]], Tensor]


def guide_for(guider: Guider, prompts: tuple[Prompts, ...], *, both: bool = False) -> Guide:
    """Bind a guider's rule to its model and to prompts fitted to the latent.

    Patches of the model are put around the rule, the last one outermost.

    Args:
        guider: The rule, its model and its numbers.
        prompts: What its conditionings become on the latent.
        both: Compute the estimate that it leads away from even if it has no part in the result.
    """
    rule = GUIDES[guider.kind]
    memory: dict[str, Tensor] = {}
    shapes = [patch for patch in guider.model.patches if isinstance(patch, GuidancePatch)]
    last = len(prompts) - 1
    watches = [patch.watch(memory, last) for patch in shapes if patch.watch is not None]
    both = both or any(patch.both for patch in shapes)
    model = with_patch(remembering(guider.model), *watches)

    def guide(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        scale = _scale_at(guider, sigma)
        options = {**guider.options, "scale": scale}
        alone = guider.kind == "cfg" and math.isclose(scale, 1) and not both
        made = denoise(model, x, sigma, prompts[:1] if alone else prompts)

        def again(x: Tensor, place: int, *patches: NetworkPatch) -> Tensor:
            # Empty groups before it, for patches to know the conditioning by its place.
            groups = (*((),) * place, prompts[place])
            return denoise(with_patch(guider.model, *patches), x, sigma, groups)[place]

        def combine(estimates: Estimates) -> Tensor:
            return rule([estimates.cond, *made[1:-1], estimates.uncond], options)

        shaped: Combine = combine
        for patch in shapes:
            shaped = partial(patch.rule, shaped, **patch.options)
        estimates = Estimates(
            x=x,
            sigma=sigma,
            cond=made[0],
            uncond=made[-1],
            scale=scale,
            again=again,
            away=0 if alone else last,
            memory=memory,
            sampling=guider.model.sampling,
        )
        return shaped(estimates), made[-1]

    whole: Guide = guide
    for patch in guider.model.patches:
        if isinstance(patch, SamplingPatch):
            whole = patch.around(whole, **patch.options)
    return whole


def _scale_at(guider: Guider, sigma: float) -> float:
    """Give the scale of a guider at a noise level; of the patches that hold, the last one's."""
    scale = guider.options.get("scale", 1.0)
    level = rounded(sigma)
    if guider.kind == "cfg":
        for patch in guider.model.patches:
            if isinstance(patch, ScalePatch) and patch.last <= level <= patch.first:
                scale = patch.scale
    return scale


def basic(estimates: Sequence[Tensor], options: Mapping[str, float]) -> Tensor:
    """Follow the only conditioning."""
    return estimates[0]


def classifier_free(estimates: Sequence[Tensor], options: Mapping[str, float]) -> Tensor:
    """Go beyond the positive, away from the negative: uncond + scale * (cond - uncond).

    Ho and Salimans 2022, arXiv:2207.12598. With a scale of 1 the negative has no part in it and is
    not computed, unless a solver asks for it.
    """
    cond, uncond = estimates
    return uncond + options["scale"] * (cond - uncond)


def dual(estimates: Sequence[Tensor], options: Mapping[str, float]) -> Tensor:
    """Go from the third conditioning to the second, and on to the first, each way with its scale.

    away + scale_2 * (second - away) + scale * (first - second): Brooks et al. 2023,
    InstructPix2Pix, arXiv:2211.09800, equation 3, where first has text and picture, second the
    picture alone, and away neither.
    """
    first, second, away = estimates
    return away + options["scale_2"] * (second - away) + options["scale"] * (first - second)


def dual_nested(estimates: Sequence[Tensor], options: Mapping[str, float]) -> Tensor:
    """Go from the second conditioning beyond the first, then away from the third to there."""
    first, second, away = estimates
    beyond = second + options["scale"] * (first - second)
    return away + options["scale_2"] * (beyond - away)


def perpendicular(estimates: Sequence[Tensor], options: Mapping[str, float]) -> Tensor:
    """Lead away from what the negative has across the positive, both as beside an empty prompt.

    Armandpour et al. 2023, Re-imagine the Negative Prompt Algorithm (Perp-Neg), arXiv:2304.04968:
    what both prompts share is not undone. With p and n for what positive and negative add to empty,

        empty + scale * (p - neg_scale * (n - (<n, p> / |p|^2) * p)).
    """
    positive, negative, empty = estimates
    towards, against = positive - empty, negative - empty
    across = against - projected(against, towards)
    return empty + options["scale"] * (towards - options["neg_scale"] * across)


GUIDES: Mapping[str, Rule] = MappingProxyType(
    {
        "basic": basic,
        "cfg": classifier_free,
        "dual": dual,
        "dual_nested": dual_nested,
        "perp_neg": perpendicular,
    }
)


def resolved(guider: Guider) -> Guider:
    """Replace the rule where a patch of the model says so."""
    for patch in guider.model.patches:
        if isinstance(patch, PerpNegPatch) and guider.kind == "cfg":
            conditionings = (*guider.conditionings, patch.empty)
            options = {**guider.options, "neg_scale": patch.neg_scale}
            guider = Guider(guider.model, "perp_neg", conditionings, options)
    return guider
