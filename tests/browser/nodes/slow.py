"""Nodes that take their time, or fail: what progress, cancel and a restart are tried on."""

from __future__ import annotations

import io
import time
from typing import Annotated

import torch
from PIL import Image as Picture

from nodes.api import QUIET, Context, Range, node
from nodes.errors import NodeError
from nodes.types import Image


@node("SlowImage", title="Slow image", aliases=("snail",), pure=False)
def slow_image(
    steps: Annotated[int, Range(1, 10_000)] = 10,
    seconds: Annotated[float, Range(0, 10)] = 0.1,
    label: str = "",
    *,
    ctx: Context = QUIET,
) -> Image:
    """Make a picture slowly.

    Args:
        steps: How many steps it takes.
        seconds: Length of a step.
        label: Only tells one from another.
    """
    for step in ctx.track(range(steps)):
        time.sleep(seconds)
        shade = int(255 * step / steps)
        ctx.preview(lambda shade=shade: _preview(shade))  # type: ignore[misc]
    return Image(torch.full((1, 3, 32, 32), 0.5))


def _preview(shade: int) -> bytes:
    buffer = io.BytesIO()
    Picture.new("RGB", (32, 32), (shade, 80, 160)).save(buffer, "JPEG")
    return buffer.getvalue()


@node("FailingImage", title="Failing image", pure=False)
def failing_image() -> Image:
    """Make no picture, and say why."""
    raise NodeError(
        "The paint has run out.", hint="Buy some more, then run again.", code="paint.none"
    )
