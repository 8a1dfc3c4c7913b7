"""Arithmetic of conditionings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nodes.errors import NodeError
from nodes.types import Cond, Conditioning, Hooks, Mask, Plain, TimestepsRange


def changed(conditioning: Conditioning, **values: Any) -> Conditioning:
    """Set fields of every part."""
    return Conditioning(tuple(replace(part, **values) for part in conditioning.parts))


def placed(
    conditioning: Conditioning,
    mask: Mask | None,
    strength: float,
    bounds: bool,
    hooks: Hooks | None,
    timesteps: TimestepsRange | None,
) -> Conditioning:
    """Say where and when every part holds, and under which changes of weights.

    Args:
        conditioning: The parts.
        mask: Where; None leaves that as it is.
        strength: Factor on the mask.
        bounds: Compute on the mask's bounding rectangle only.
        hooks: Changes of weights, after those that parts have.
        timesteps: When; None leaves that as it is.
    """
    if mask is not None:
        where = {"mask": mask, "mask_strength": strength, "mask_bounds": bounds}
        conditioning = changed(conditioning, **where)
    if timesteps is not None:
        conditioning = changed(conditioning, start=timesteps.start, end=timesteps.end)
    return hooked(conditioning, hooks)


def hooked(conditioning: Conditioning, hooks: Hooks | None) -> Conditioning:
    """Let every part hold under more changes of weights, each of them once."""
    if hooks is None:
        return conditioning
    return Conditioning(
        tuple(
            replace(part, hooks=tuple(dict.fromkeys((*part.hooks, *hooks.hooks))))
            for part in conditioning.parts
        )
    )


def with_default(
    conditioning: Conditioning, default: Conditioning, hooks: Hooks | None
) -> Conditioning:
    """Add parts that hold where none of the others does, under changes of weights of their own."""
    added = changed(hooked(default, hooks), default=True)
    return Conditioning(conditioning.parts + added.parts)


def with_extras(conditioning: Conditioning, extras: Mapping[str, Tensor | Plain]) -> Conditioning:
    """Tell every part more, beside what it was told before."""
    return Conditioning(
        tuple(replace(part, extras={**part.extras, **extras}) for part in conditioning.parts)
    )


def concatenated(first: Conditioning, second: Conditioning) -> Conditioning:
    """Put the tokens of the second's first part behind those of each part of the first.

    Raises:
        NodeError: If the two come from different text encoders.
    """
    behind = _first(second)
    return Conditioning(tuple(_lengthened(part, behind) for part in first.parts))


def averaged(first: Conditioning, second: Conditioning, share: float) -> Conditioning:
    """Mix each part of the first with the second's first part, `share` being the first's.

    The shorter text is filled up with zeros.

    Raises:
        NodeError: If the two come from different text encoders.
    """
    other = _first(second)
    return Conditioning(tuple(_mixed(part, other, share) for part in first.parts))


def multiplied(conditioning: Conditioning, factor: float) -> Conditioning:
    """Multiply every text, and its summary."""
    return Conditioning(
        tuple(
            replace(
                part,
                embeds=part.embeds * factor,
                pooled=None if part.pooled is None else part.pooled * factor,
            )
            for part in conditioning.parts
        )
    )


def zeroed(conditioning: Conditioning) -> Conditioning:
    """Put zeros in the place of every text."""
    return multiplied(conditioning, 0.0)


def _first(conditioning: Conditioning) -> Cond:
    if not conditioning.parts:
        raise NodeError(
            "The second conditioning is empty.", "Encode a prompt first.", "conditioning.empty"
        )
    return conditioning.parts[0]


def _lengthened(part: Cond, behind: Cond) -> Cond:
    one, two = _alike(part.embeds, behind.embeds)
    return replace(part, embeds=torch.cat([one, two], dim=1))


def _mixed(part: Cond, other: Cond, share: float) -> Cond:
    one, two = _alike(part.embeds, other.embeds)
    missing = one.shape[1] - two.shape[1]
    two = nn.functional.pad(two, (0, 0, 0, missing)) if missing > 0 else two[:, : one.shape[1]]
    pooled = part.pooled if part.pooled is not None else other.pooled
    if part.pooled is not None and other.pooled is not None:
        pooled = part.pooled * share + other.pooled * (1 - share)
    return replace(part, embeds=one * share + two * (1 - share), pooled=pooled)


def _alike(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    if one.shape[2] != two.shape[2]:
        raise NodeError(
            f"The prompts have {one.shape[2]} and {two.shape[2]} numbers a token.",
            "Encode both with the same text encoder.",
            "conditioning.width",
        )
    batch = max(len(one), len(two))
    return one.expand(batch, -1, -1), two.expand(batch, -1, -1)
