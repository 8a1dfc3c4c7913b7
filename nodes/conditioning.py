"""Conditioning: join prompts, and say where and when they hold."""

from typing import Annotated, NamedTuple

from nodes.api import Choice, Range, node
from nodes.diffusion.text import arithmetic as prompts
from nodes.types import Area, Conditioning, Hooks, Mask, TimestepsRange

GROUP = "prompts"

Pixels = Annotated[int, Range(0, 16_384, step=8)]
Fraction = Annotated[float, Range(0, 1, step=0.01)]
Strength = Annotated[float, Range(0, 10, step=0.01)]
Moment = Annotated[float, Range(0, 1, step=0.001)]
Reach = Annotated[str, Choice(("default", "mask bounds"))]


class Ranges(NamedTuple):
    """A part of a sampling, and what is before and after it."""

    timesteps_range: TimestepsRange
    before_range: TimestepsRange
    after_range: TimestepsRange


@node("ConditioningCombine", title="Conditioning (combine)", aliases=("and",))
def conditioning_combine(
    conditioning_1: Conditioning, conditioning_2: Conditioning
) -> Conditioning:
    """Follow two prompts at once: their predictions are averaged.

    Args:
        conditioning_1: The first prompt.
        conditioning_2: The second prompt.
    """
    return Conditioning(conditioning_1.parts + conditioning_2.parts)


@node("ConditioningConcat", title="Conditioning (concat)")
def conditioning_concat(
    conditioning_to: Conditioning, conditioning_from: Conditioning
) -> Conditioning:
    """Put one prompt behind another, as one long text.

    Args:
        conditioning_to: The text that comes first; each of its parts is lengthened.
        conditioning_from: The text behind it; its first part is taken.
    """
    return prompts.concatenated(conditioning_to, conditioning_from)


@node("ConditioningAverage", title="Conditioning (average)", aliases=("blend", "mix"))
def conditioning_average(
    conditioning_to: Conditioning,
    conditioning_from: Conditioning,
    conditioning_to_strength: Fraction = 1.0,
) -> Conditioning:
    """Mix the meanings of two prompts.

    Args:
        conditioning_to: The prompt whose parts are mixed.
        conditioning_from: The prompt that is mixed in; its first part is taken.
        conditioning_to_strength: The share of the first, from 0 to 1.
    """
    return prompts.averaged(conditioning_to, conditioning_from, conditioning_to_strength)


@node("ConditioningSetArea", title="Conditioning (set area)", aliases=("region",))
def conditioning_set_area(
    conditioning: Conditioning,
    width: Annotated[int, Range(64, 16_384, step=8)] = 64,
    height: Annotated[int, Range(64, 16_384, step=8)] = 64,
    x: Pixels = 0,
    y: Pixels = 0,
    strength: Strength = 1.0,
) -> Conditioning:
    """Follow a prompt in a rectangle of the picture only.

    Args:
        conditioning: The prompt.
        width: Of the rectangle, in pixels.
        height: Of the rectangle, in pixels.
        x: Its left edge, in pixels.
        y: Its top edge, in pixels.
        strength: Its weight against other prompts that hold there.
    """
    area = Area(width, height, x, y)
    return prompts.changed(conditioning, area=area, strength=strength, mask_bounds=False)


@node("ConditioningSetAreaPercentage", title="Conditioning (set area with percentage)")
def conditioning_set_area_percentage(
    conditioning: Conditioning,
    width: Fraction = 1.0,
    height: Fraction = 1.0,
    x: Fraction = 0.0,
    y: Fraction = 0.0,
    strength: Strength = 1.0,
) -> Conditioning:
    """Follow a prompt in a rectangle given in fractions of the picture.

    Args:
        conditioning: The prompt.
        width: Of the rectangle, 1 being the whole picture's.
        height: Of the rectangle, 1 being the whole picture's.
        x: Its left edge, from 0 to 1.
        y: Its top edge, from 0 to 1.
        strength: Its weight against other prompts that hold there.
    """
    area = Area(width, height, x, y, relative=True)
    return prompts.changed(conditioning, area=area, strength=strength, mask_bounds=False)


@node("ConditioningSetAreaStrength", title="Conditioning (set area strength)")
def conditioning_set_area_strength(
    conditioning: Conditioning, strength: Strength = 1.0
) -> Conditioning:
    """Set the weight of a prompt against others that hold in the same place.

    Args:
        conditioning: The prompt.
        strength: Its weight.
    """
    return prompts.changed(conditioning, strength=strength)


@node("ConditioningSetMask", title="Conditioning (set mask)")
def conditioning_set_mask(
    conditioning: Conditioning,
    mask: Mask,
    strength: Strength = 1.0,
    set_cond_area: Reach = "default",
) -> Conditioning:
    """Follow a prompt where a mask is white.

    Args:
        conditioning: The prompt.
        mask: White where the prompt holds; it is fitted to the picture.
        strength: Factor on the mask.
        set_cond_area: Whether the whole picture is looked at, or the mask's rectangle only.
    """
    bounds = set_cond_area == "mask bounds"
    return prompts.changed(conditioning, mask=mask, mask_strength=strength, mask_bounds=bounds)


@node("ConditioningSetTimestepRange", title="Conditioning (set timestep range)")
def conditioning_set_timestep_range(
    conditioning: Conditioning, start: Moment = 0.0, end: Moment = 1.0
) -> Conditioning:
    """Follow a prompt during a part of the sampling only.

    Args:
        conditioning: The prompt.
        start: When it begins to hold, 0 being pure noise.
        end: When it ceases to hold, 1 being the finished picture.
    """
    return prompts.changed(conditioning, start=start, end=end)


@node("ConditioningZeroOut", title="Conditioning (zero out)", aliases=("empty negative",))
def conditioning_zero_out(conditioning: Conditioning) -> Conditioning:
    """Replace a prompt by one that says nothing at all: zeros, not an empty text.

    Args:
        conditioning: The prompt whose form is kept.
    """
    return prompts.zeroed(conditioning)


@node("ConditioningMultiply", title="Conditioning (multiply)", aliases=("weight", "emphasis"))
def conditioning_multiply(
    conditioning: Conditioning, multiplier: Annotated[float, Range(-100, 100, step=0.01)] = 1.0
) -> Conditioning:
    """Make all that a prompt says stronger or weaker.

    Args:
        conditioning: The prompt.
        multiplier: Factor on its numbers; 0 says nothing, 1 changes nothing.
    """
    return prompts.multiplied(conditioning, multiplier)


@node("ConditioningTimestepsRange", title="Timesteps range")
def conditioning_timesteps_range(start_percent: Moment = 0.0, end_percent: Moment = 1.0) -> Ranges:
    """Name a part of the sampling, for prompts that hold then, before or after.

    Args:
        start_percent: Where it begins, 0 being pure noise.
        end_percent: Where it ends, 1 being the finished picture.

    Returns:
        timesteps_range: From the beginning to the end.
        before_range: What comes before it.
        after_range: What comes after it.
    """
    return Ranges(
        TimestepsRange(start_percent, end_percent),
        TimestepsRange(0, start_percent),
        TimestepsRange(end_percent, 1),
    )


@node("ConditioningSetProperties", title="Conditioning (set properties)")
def conditioning_set_properties(
    cond_NEW: Conditioning,  # noqa: N803
    strength: Strength = 1.0,
    set_cond_area: Reach = "default",
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> Conditioning:
    """Say where and when a prompt holds.

    Args:
        cond_NEW: The prompt.
        strength: Factor on the mask.
        set_cond_area: Whether the whole picture is looked at, or the mask's rectangle only.
        mask: White where the prompt holds; it is fitted to the picture.
        hooks: Changes of weights that hold for what is said here alone.
        timesteps: When the prompt holds.
    """
    bounds = set_cond_area == "mask bounds"
    return prompts.placed(cond_NEW, mask, strength, bounds, hooks, timesteps)


@node("ConditioningSetPropertiesAndCombine", title="Conditioning (set properties, combine)")
def conditioning_set_properties_and_combine(
    cond: Conditioning,
    cond_NEW: Conditioning,  # noqa: N803
    strength: Strength = 1.0,
    set_cond_area: Reach = "default",
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> Conditioning:
    """Say where and when a prompt holds, and follow it beside others.

    Args:
        cond: The others.
        cond_NEW: The prompt.
        strength: Factor on the mask.
        set_cond_area: Whether the whole picture is looked at, or the mask's rectangle only.
        mask: White where the prompt holds; it is fitted to the picture.
        hooks: Changes of weights that hold for what is said here alone.
        timesteps: When the prompt holds.
    """
    added = conditioning_set_properties(cond_NEW, strength, set_cond_area, mask, hooks, timesteps)
    return conditioning_combine(cond, added)


@node("ConditioningSetDefaultCombine", title="Conditioning (set default, combine)")
def conditioning_set_default_combine(
    cond: Conditioning,
    cond_DEFAULT: Conditioning,  # noqa: N803
    hooks: Hooks | None = None,
) -> Conditioning:
    """Follow a prompt wherever others leave room: beside their areas, masks and times.

    Args:
        cond: The others.
        cond_DEFAULT: The prompt that holds where they do not.
        hooks: Changes of weights that hold for what is said here alone.
    """
    return prompts.with_default(cond, cond_DEFAULT, hooks)
