"""Hook keyframes: how strongly hooks hold by time."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import torch

from nodes.api import All, Choice, Range, node
from nodes.types import HookKeyframe, HookKeyframes

GROUP = "prompts"
LOG = logging.getLogger("weft.hooks")

Moment = Annotated[float, Range(0, 1, step=0.001)]
Level = Annotated[float, Range(0, 10, step=0.001)]

# From a share of the time to the share of the way.
EASINGS: Mapping[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease_in": lambda t: t**2,
    "ease_out": lambda t: 1 - (1 - t) ** 2,
    "ease_in_out": lambda t: (1 - math.cos(math.pi * t)) / 2,
}


@node("CreateHookKeyframe", title="Create hook keyframe")
def create_hook_keyframe(
    strength_mult: Annotated[float, Range(-20, 20, step=0.01)] = 1.0,
    start_percent: Moment = 0.0,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """Multiply the strength of hooks from a moment of the sampling on.

    Args:
        strength_mult: Factor on the strength.
        start_percent: When it begins to hold, 0 being pure noise; the earliest holds before, too.
        prev_hook_kf: Other moments.

    Returns:
        All moments.
    """
    return _with(prev_hook_kf, [HookKeyframe(start_percent, strength_mult)])


@node("CreateHookKeyframesInterpolated", title="Create hook keyframes (interpolated)")
def create_hook_keyframes_interpolated(
    strength_start: Level = 1.0,
    strength_end: Level = 1.0,
    interpolation: Annotated[str, Choice(tuple(EASINGS))] = "linear",
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
    keyframes_count: Annotated[int, Range(2, 100)] = 5,
    print_keyframes: bool = False,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """Let the strength of hooks go from one factor to another.

    Each change of the strength changes the weights anew, which takes its time.

    Args:
        strength_start: The first factor on the strength.
        strength_end: The last factor on the strength.
        interpolation: Evenly, at first slowly, at last slowly, or both.
        start_percent: When the first factor begins to hold, 0 being pure noise.
        end_percent: When the last factor begins to hold.
        keyframes_count: How many factors there are.
        print_keyframes: Write them to the log.
        prev_hook_kf: Other moments.

    Returns:
        All moments.
    """
    ease, last = EASINGS[interpolation], keyframes_count - 1
    way = strength_end - strength_start
    strengths = [strength_start + way * ease(n / last) for n in range(keyframes_count)]
    made = _spread(strengths, start_percent, end_percent, print_keyframes)
    return _with(prev_hook_kf, made)


@node("CreateHookKeyframesFromFloats", title="Create hook keyframes (from floats)")
def create_hook_keyframes_from_floats(
    floats_strength: All[float],
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
    print_keyframes: bool = False,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """Let the strength of hooks go through given factors.

    Args:
        floats_strength: The factors, one by one.
        start_percent: When the first factor begins to hold, 0 being pure noise.
        end_percent: When the last factor begins to hold.
        print_keyframes: Write them to the log.
        prev_hook_kf: Other moments.

    Returns:
        All moments.
    """
    made = _spread(list(floats_strength), start_percent, end_percent, print_keyframes)
    return _with(prev_hook_kf, made)


def _spread(strengths: Sequence[float], start: float, end: float, told: bool) -> list[HookKeyframe]:
    """Spread strengths evenly over a part of the sampling, both ends included."""
    moments = torch.linspace(start, end, len(strengths), dtype=torch.float64).tolist()
    frames = [HookKeyframe(*pair) for pair in zip(moments, strengths, strict=True)]
    for frame in frames if told else ():
        LOG.info("From %.3f on the strength of hooks has a factor of %.3f.", *vars(frame).values())
    return frames


def _with(before: HookKeyframes | None, frames: Sequence[HookKeyframe]) -> HookKeyframes:
    known = () if before is None else before.frames
    return HookKeyframes(tuple(sorted((*known, *frames), key=lambda frame: frame.start)))
