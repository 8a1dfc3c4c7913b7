"""Conditioning pairs: what a picture should and should not show, treated alike."""

from typing import Annotated, NamedTuple

from nodes.api import Choice, Range, node
from nodes.diffusion.text import arithmetic as prompts
from nodes.types import Conditioning, Hooks, Mask, TimestepsRange

GROUP = "prompts"

Strength = Annotated[float, Range(0, 10, step=0.01)]
Reach = Annotated[str, Choice(("default", "mask bounds"))]


class Pair(NamedTuple):
    """Two prompts that belong together."""

    positive: Conditioning
    negative: Conditioning


@node("PairConditioningCombine", title="Conditioning pair (combine)")
def pair_conditioning_combine(
    positive_A: Conditioning,  # noqa: N803
    negative_A: Conditioning,  # noqa: N803
    positive_B: Conditioning,  # noqa: N803
    negative_B: Conditioning,  # noqa: N803
) -> Pair:
    """Follow two pairs of prompts at once.

    Args:
        positive_A: What the picture should show, of the first pair.
        negative_A: What it should not show, of the first pair.
        positive_B: What the picture should show, of the second pair.
        negative_B: What it should not show, of the second pair.
    """
    return Pair(
        Conditioning(positive_A.parts + positive_B.parts),
        Conditioning(negative_A.parts + negative_B.parts),
    )


@node("PairConditioningSetProperties", title="Conditioning pair (set properties)")
def pair_conditioning_set_properties(
    positive_NEW: Conditioning,  # noqa: N803
    negative_NEW: Conditioning,  # noqa: N803
    strength: Strength = 1.0,
    set_cond_area: Reach = "default",
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> Pair:
    """Say where and when a pair of prompts holds.

    Args:
        positive_NEW: What the picture should show.
        negative_NEW: What it should not show.
        strength: Factor on the mask.
        set_cond_area: Whether the whole picture is looked at, or the mask's rectangle only.
        mask: White where the prompts hold; it is fitted to the picture.
        hooks: Changes of weights that hold for what is said here alone.
        timesteps: When the prompts hold.
    """
    bounds = set_cond_area == "mask bounds"
    positive, negative = (
        prompts.placed(one, mask, strength, bounds, hooks, timesteps)
        for one in (positive_NEW, negative_NEW)
    )
    return Pair(positive, negative)


@node(
    "PairConditioningSetPropertiesAndCombine",
    title="Conditioning pair (set properties, combine)",
)
def pair_conditioning_set_properties_and_combine(
    positive: Conditioning,
    negative: Conditioning,
    positive_NEW: Conditioning,  # noqa: N803
    negative_NEW: Conditioning,  # noqa: N803
    strength: Strength = 1.0,
    set_cond_area: Reach = "default",
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> Pair:
    """Say where and when a pair of prompts holds, and follow it beside another pair.

    Args:
        positive: What the picture should show, of the other pair.
        negative: What it should not show, of the other pair.
        positive_NEW: What the picture should show.
        negative_NEW: What it should not show.
        strength: Factor on the mask.
        set_cond_area: Whether the whole picture is looked at, or the mask's rectangle only.
        mask: White where the prompts hold; it is fitted to the picture.
        hooks: Changes of weights that hold for what is said here alone.
        timesteps: When the prompts hold.
    """
    added = pair_conditioning_set_properties(
        positive_NEW, negative_NEW, strength, set_cond_area, mask, hooks, timesteps
    )
    return pair_conditioning_combine(positive, negative, *added)


@node("PairConditioningSetDefaultCombine", title="Conditioning pair (set default, combine)")
def pair_conditioning_set_default_combine(
    positive: Conditioning,
    negative: Conditioning,
    positive_DEFAULT: Conditioning,  # noqa: N803
    negative_DEFAULT: Conditioning,  # noqa: N803
    hooks: Hooks | None = None,
) -> Pair:
    """Follow a pair of prompts wherever others leave room: beside their areas, masks and times.

    Args:
        positive: What the picture should show, of the others.
        negative: What it should not show, of the others.
        positive_DEFAULT: What the picture should show where the others do not hold.
        negative_DEFAULT: What it should not show where the others do not hold.
        hooks: Changes of weights that hold for what is said here alone.
    """
    return Pair(
        prompts.with_default(positive, positive_DEFAULT, hooks),
        prompts.with_default(negative, negative_DEFAULT, hooks),
    )
