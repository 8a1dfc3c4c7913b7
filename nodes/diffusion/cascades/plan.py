"""Plan a cascade: which stages lead to a size, in which tiles, and what they cost."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nodes.errors import NodeError
from nodes.imaging.tiles import tiles
from nodes.types import CascadeStage

SMALLEST_TILE = 64
# Beyond this a chain of stages leads nowhere that anybody wants to go.
MOST_STAGES = 12
# What the probe of a device's speed multiplies.
_PROBE = (1, 32, 128, 128)


@dataclass(frozen=True)
class Planned:
    """One stage of a plan.

    Attributes:
        stage: With the tiles that it is to take.
        width: Of what it makes, in pixels.
        height: Likewise.
        tiles: How many there are.
        seconds: How long they take; None if the stage does not say.
        peak_bytes: The memory of one tile; None if the stage does not say.
    """

    stage: CascadeStage
    width: int
    height: int
    tiles: int
    seconds: float | None
    peak_bytes: int | None


def planned(
    stages: Sequence[CascadeStage],
    width: int,
    height: int,
    longest: int,
    memory: int,
    speed: float,
) -> list[Planned]:
    """Repeat stages until a picture has a size, and give each the largest tiles that fit.

    Args:
        stages: In order; some of them enlarge.
        width: Of the picture to start from.
        height: Likewise.
        longest: The longer side to come to, at the least.
        memory: Bytes that the work may take, beside models and pictures.
        speed: Floating-point operations a second.

    Raises:
        NodeError: If the stages do not lead there, or one does not fit into memory.
    """
    if not any(stage.scale > 1 for stage in stages) and longest > max(width, height):
        raise NodeError(
            "None of these stages makes a picture larger.",
            "Add a stage that enlarges, such as one with an upscale model.",
            "cascade.scale",
        )
    plan: list[Planned] = []
    while max(width, height) < longest or not plan:
        for stage in stages:
            width, height = round(width * stage.scale), round(height * stage.scale)
            plan.append(_fitting(stage, width, height, memory, speed))
            if len(plan) > MOST_STAGES:
                raise NodeError(
                    f"More than {MOST_STAGES} stages would be needed.",
                    "Choose stages that enlarge more, or a smaller size.",
                    "cascade.length",
                )
    return plan


def _fitting(stage: CascadeStage, width: int, height: int, memory: int, speed: float) -> Planned:
    if stage.cost is None or stage.tiled is None:
        return Planned(stage, width, height, 1, None, None)
    size = min(stage.tile, -(-max(width, height) // 8) * 8)
    cost = stage.cost(size)
    while cost.peak_bytes > memory and size > SMALLEST_TILE:
        size = max(SMALLEST_TILE, size // 2 // 8 * 8)
        cost = stage.cost(size)
    if cost.peak_bytes > memory:
        raise NodeError(
            f'The stage "{stage.title}" takes {_megabytes(cost.peak_bytes)} for a tile of {size} '
            f"pixels, and {_megabytes(memory)} are allowed.",
            "Allow more memory, or take a smaller model.",
            "cascade.memory",
        )
    count = len(tiles(height, width, size, min(stage.overlap, size // 2)))
    # Tiles at the edge are as large as the others; a picture smaller than a tile is its own.
    share = min(1.0, width / size) * min(1.0, height / size)
    seconds = count * share * cost.operations / speed
    return Planned(stage.tiled(size), width, height, count, seconds, cost.peak_bytes)


def speed_of(device: str, dtype: str) -> float:
    """Measure how many floating-point operations a second a device does in convolutions.

    Each stands before a normalisation and an activation, as in the networks that are planned.
    """
    x = torch.randn(_PROBE, device=device).to(getattr(torch, dtype))
    channels = _PROBE[1]
    layer = nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1), nn.GroupNorm(8, channels), nn.SiLU()
    ).to(x.device, x.dtype)
    operations = 2 * math.prod(_PROBE) * channels * 9
    # Others may use the device as well, so that the shortest round tells what it can do.
    least, rounds = math.inf, 0
    with torch.no_grad():
        float(layer(x).sum())
        began = ended = time.perf_counter()
        while ended - began < _PROBE_SECONDS or rounds < _PROBE_ROUNDS:
            started = time.perf_counter()
            # Reading a number waits for the device.
            float(layer(x).sum())
            ended = time.perf_counter()
            least, rounds = min(least, ended - started), rounds + 1
    return operations / least


_PROBE_SECONDS, _PROBE_ROUNDS = 0.1, 20


def report(plan: Sequence[Planned]) -> str:
    """Say what a plan does, a line for each stage and one for all."""
    lines = [
        f"{number}. {one.stage.title}: {one.width} × {one.height}"
        + (f", {one.tiles} tiles of {one.stage.tile}" if one.tiles > 1 else "")
        + (f", {_megabytes(one.peak_bytes)}" if one.peak_bytes is not None else "")
        + (f", about {_duration(one.seconds)}" if one.seconds is not None else "")
        for number, one in enumerate(plan, 1)
    ]
    seconds = sum(one.seconds or 0 for one in plan)
    most = max((one.peak_bytes or 0 for one in plan), default=0)
    return "\n".join(
        [*lines, f"All: about {_duration(seconds)}, at most {_megabytes(most)} beside the models."]
    )


def _megabytes(count: int) -> str:
    return f"{max(1, round(count / 2**20)):,} MiB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min"
