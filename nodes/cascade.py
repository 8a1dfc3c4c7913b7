"""Cascades: a picture through one stage after another, each larger or better than the last."""

from functools import partial
from typing import Annotated, NamedTuple

from nodes.api import QUIET, Choice, Context, Each, Out, Range, Subgraph, SubgraphBuilder, node
from nodes.imaging.resize import METHODS, resize
from nodes.types import CascadeStage, Image


class Cascaded(NamedTuple):
    """What a cascade gives."""

    image: Image
    stages: Each[Image]


@node("UpscaleCascade", title="Upscale cascade", aliases=("super-resolution", "chain", "8k"))
def upscale_cascade(image: Image, stages: list[CascadeStage]) -> Cascaded | Subgraph:
    """Send a picture through stages, one after another.

    What a stage makes is known as soon as it is there: when a later stage is changed, only that and
    those after it run again.

    Args:
        image: The picture to start from.
        stages: What makes it larger or better, in order.

    Returns:
        image: What the last stage makes.
        stages: What each stage makes, one by one.
    """
    build = SubgraphBuilder()
    made: list[Out] = []
    last: Image | Out = image
    for number, stage in enumerate(stages, 1):
        step = build.node("RunCascadeStage", f"stage_{number}", image=last, stage=stage)
        last = step.out("image")
        made.append(last)
    each = build.node("EachImage", "each", images=made)
    return build.subgraph(image=last, stages=each.out("image"))


@node("RunCascadeStage", title="Run cascade stage", aliases=("upscale",))
def run_cascade_stage(image: Image, stage: CascadeStage, *, ctx: Context = QUIET) -> Image:
    """Send a picture through one stage.

    Args:
        image: The picture.
        stage: What makes it larger or better.

    Returns:
        image: What the stage makes.
    """
    made: Image = stage.run(image=image, ctx=ctx)
    return made


@node("EachImage", title="Each image", aliases=("list", "compare"))
def each_image(images: list[Image]) -> Each[Image]:
    """Give pictures of any sizes one by one.

    Args:
        images: The pictures.

    Returns:
        image: The same, one by one.
    """
    return images


@node("CascadeStageResize", title="Stage: resize", aliases=("cascade", "lanczos"))
def cascade_stage_resize(
    scale: Annotated[float, Range(0.01, 16, step=0.01)] = 2.0,
    method: Annotated[str, Choice(METHODS)] = "lanczos",
) -> CascadeStage:
    """Describe a stage that changes a picture's size by interpolation, for a cascade.

    Args:
        scale: Factor on the sides.
        method: How values between pixels are found.

    Returns:
        cascade_stage: The stage.
    """
    return CascadeStage(f"{method} ×{scale:g}", scale, partial(_resized, scale, method))


def _resized(scale: float, method: str, *, image: Image, ctx: Context) -> Image:
    height, width = (max(1, round(side * scale)) for side in image.pixels.shape[-2:])
    return Image(resize(image.pixels, width, height, method))
