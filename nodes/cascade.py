"""Cascades: a picture through one stage after another, each larger or better than the last."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Annotated, NamedTuple

from nodes.api import QUIET, Context, Each, Out, Range, Subgraph, SubgraphBuilder, node
from nodes.diffusion.cascades.plan import Planned, planned, report, speed_of
from nodes.errors import NodeError
from nodes.imaging.on_disk import plane
from nodes.imaging.resize import lanczos_rows
from nodes.imaging.tiles import STRIPE
from nodes.types import CascadeStage, Image, Latent, Vae

GROUP = "upscale"


class Cascaded(NamedTuple):
    """What a cascade gives."""

    image: Image
    stages: Each[Image]


@node("UpscaleCascade", title="Upscale cascade", aliases=("super-resolution", "chain", "8k"))
def upscale_cascade(
    stages: list[CascadeStage],
    image: Image | None = None,
    latent: Latent | None = None,
    vae: Vae | None = None,
) -> Cascaded | Subgraph:
    """Send a picture through stages, one after another.

    What a stage makes is known as soon as it is there: when a later stage is changed, only that and
    those after it run again.

    Args:
        stages: What makes it larger or better, in order.
        image: The picture to start from.
        latent: What to start from instead: a first stage that works on latents takes it as it is.
        vae: What decodes the latent where the first stage works on pictures.

    Returns:
        image: What the last stage makes.
        stages: What each stage makes, one by one.
    """
    build = SubgraphBuilder()
    made = _chain(build, stages, image, latent, vae)
    each = build.node("EachImage", "each", images=made)
    return build.subgraph(image=made[-1], stages=each.out("image"))


@node("RunCascadeStage", title="Run cascade stage", aliases=("upscale",))
def run_cascade_stage(
    stage: CascadeStage,
    image: Image | None = None,
    latent: Latent | None = None,
    vae: Vae | None = None,
    *,
    ctx: Context = QUIET,
) -> Image | Subgraph:
    """Send a picture through one stage.

    Args:
        stage: What makes it larger or better.
        image: The picture.
        latent: What to start from instead: a stage that works on latents takes it as it is.
        vae: What decodes the latent where the stage works on pictures.

    Returns:
        image: What the stage makes.
    """
    if stage.run is not None and image is not None and latent is None:
        return stage.run(image=image, ctx=ctx)
    if stage.run is not None and latent is not None and image is None and stage.from_latent:
        return stage.run(latent=latent, ctx=ctx)
    build = SubgraphBuilder()
    return build.subgraph(image=_chain(build, [stage], image, latent, vae)[-1])


def _chain(
    build: SubgraphBuilder,
    stages: Sequence[CascadeStage],
    image: Image | None,
    latent: Latent | None,
    vae: Vae | None,
) -> list[Out]:
    """Put a node into a subgraph for each stage, and give what each of them makes."""
    alone = list(chain.from_iterable(one.parts or (one,) for one in stages))
    start: Mapping[str, object] = {"latent": latent}
    if latent is None or not alone[0].from_latent:
        start = {"image": _picture(build, image, latent, vae)}
    made: list[Out] = []
    for number, stage in enumerate(alone, 1):
        given = {"image": made[-1]} if made else start
        node = build.node("RunCascadeStage", f"stage_{number}", stage=stage, **given)
        made.append(node.out("image"))
    return made


def _picture(
    build: SubgraphBuilder, image: Image | None, latent: Latent | None, vae: Vae | None
) -> Image | Out:
    """Give the picture to start from, or have it decoded."""
    if (image is None) == (latent is None):
        raise NodeError(
            "A cascade starts from a picture or from a latent.",
            "Wire one of `image` and `latent`.",
            "cascade.start",
        )
    if image is not None:
        return image
    if vae is None:
        raise NodeError(
            "The first stage works on pictures, and the cascade starts from a latent.",
            "Wire `vae`, that of the model which made the latent.",
            "cascade.vae",
        )
    return build.node("VAEDecodeTiled", "decoded", samples=latent, vae=vae).out("image")


@node("EachImage", title="Each image", aliases=("list", "compare"))
def each_image(images: list[Image]) -> Each[Image]:
    """Give pictures of any sizes one by one.

    Args:
        images: The pictures.

    Returns:
        image: The same, one by one.
    """
    return images


class Plan(NamedTuple):
    """A cascade that leads to a size."""

    cascade: CascadeStage
    report: str


@node("CascadePlan", title="Plan cascade", aliases=("8k", "memory", "estimate"))
def cascade_plan(
    stages: list[CascadeStage],
    width: Annotated[int, Range(1, 65_536)] = 512,
    height: Annotated[int, Range(1, 65_536)] = 512,
    longest_side: Annotated[int, Range(1, 65_536)] = 8192,
    memory: Annotated[float, Range(0.05, 1024, step=0.05)] = 1.0,
    *,
    ctx: Context = QUIET,
) -> Plan:
    """Find which stages lead to a size, in which tiles, and say what that takes before it runs.

    The stages are repeated in their order until the longer side is reached, and a last resize meets
    it. Memory is found from the sizes that go through the networks, time from that and a short
    measurement of the device.

    Args:
        stages: What may be used, in order; one of them enlarges.
        width: Of the picture to start from.
        height: Of the picture to start from.
        longest_side: The longer side to come to, in pixels.
        memory: What the work may take at once beside models and pictures, in GiB.

    Returns:
        cascade: The stages, for a cascade.
        report: What each of them makes, and what it takes.
    """
    speed = speed_of(ctx.device, ctx.dtype)
    plan = planned(stages, width, height, longest_side, int(memory * 2**30), speed)
    last = max(plan[-1].width, plan[-1].height)
    if last != longest_side:
        fit = cascade_stage_resize(longest_side / last)
        wide, tall = (round(side * fit.scale) for side in (plan[-1].width, plan[-1].height))
        plan.append(Planned(fit, wide, tall, tiles=1, seconds=None, peak_bytes=None))
    scale = longest_side / max(width, height)
    parts = tuple(one.stage for one in plan)
    return Plan(CascadeStage(f"cascade ×{scale:g}", scale, parts=parts), report(plan))


@node("CascadeStageResize", title="Stage: resize", aliases=("cascade", "lanczos"))
def cascade_stage_resize(
    scale: Annotated[float, Range(0.01, 16, step=0.01)] = 2.0,
) -> CascadeStage:
    """Change a picture's size by Lanczos' filter, stripe by stripe.

    Args:
        scale: Factor on the sides.

    Returns:
        cascade_stage: The stage, for a cascade.
    """
    return CascadeStage(f"resize ×{scale:g}", scale, partial(_resized, scale))


def _resized(scale: float, *, image: Image, ctx: Context) -> Image:
    batch, channels, *sides = image.pixels.shape
    height, width = (max(1, round(side * scale)) for side in sides)
    whole = plane((batch, channels, height, width), ctx.workspace() / "whole")
    for top in ctx.track(range(0, height, STRIPE), -(-height // STRIPE)):
        bottom = min(top + STRIPE, height)
        whole[..., top:bottom, :] = lanczos_rows(image.pixels, width, height, top, bottom)
    return Image(whole)
