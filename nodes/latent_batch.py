"""Batches of latents: put together, take apart, and say how they share noise."""

from dataclasses import replace
from functools import reduce
from typing import Annotated

from nodes.api import Choice, Range, Shape, node
from nodes.diffusion.latents import beside, joined, repeated, sliced, taken
from nodes.errors import NodeError
from nodes.types import Latent

GROUP = "latent"

# Where the second lies: "-" puts it before the first.
AXES = {"x": 3, "y": 2}
SIDES = ("x", "-x", "y", "-y", "t", "-t")


@node("RepeatLatentBatch", title="Repeat latent batch")
def repeat_latent_batch(
    samples: Latent, amount: Annotated[int, Range(1, 64)] = 1
) -> Annotated[
    Latent,
    Shape.like("samples", batch=("*", "samples.batch", "amount")),
]:
    """Repeat a batch; each copy gets its own noise.

    Args:
        samples: The latents to repeat.
        amount: How many times they stand in the result.
    """
    return repeated(samples, amount)


@node("LatentBatch", title="Batch latents")
def latent_batch(
    samples1: Latent, samples2: Latent
) -> Annotated[
    Latent,
    Shape.like("samples1", batch=("+", "samples1.batch", "samples2.batch")),
]:
    """Put two batches into one; the second is fitted to the size of the first.

    Args:
        samples1: The first latents.
        samples2: The latents after them.
    """
    return joined(samples1, samples2)


@node("LatentFromBatch", title="Latent from batch")
def latent_from_batch(
    samples: Latent,
    batch_index: Annotated[int, Range(-16_384, 16_384)] = 0,
    length: Annotated[int, Range(1, 64)] = 1,
) -> Annotated[
    Latent,
    Shape(channels="samples.channels", height="samples.height", width="samples.width"),
]:
    """Take some latents out of a batch; each keeps the noise it would have had in it.

    Args:
        samples: The batch.
        batch_index: The first one taken, from 0; beyond the last, the last. -1 is the last, -2 the
            one before it.
        length: How many are taken, as far as there are any.
    """
    return taken(samples, batch_index, length)


@node("BatchLatentsNode", title="Batch latents (any number)", aliases=("join", "collect"))
def batch_latents(latents: list[Latent]) -> Latent:
    """Put any number of batches of latents into one.

    Args:
        latents: What follows the first is fitted to its size.

    Returns:
        latent: All of them, in the order of the wires.
    """
    return reduce(joined, latents)


@node("LatentConcat", title="Concatenate latents", aliases=("beside", "join"))
def latent_concat(
    samples1: Latent, samples2: Latent, dim: Annotated[str, Choice(SIDES)] = "x"
) -> Latent:
    """Lay latents side by side.

    Args:
        samples1: The first latents.
        samples2: The others; fewer are repeated.
        dim: x lays the second to the right of the first, y below it; with a - it lies before it.
            t is for videos, which have a time.
    """
    axis = AXES.get(dim.removeprefix("-"))
    if axis is None:
        raise _no_time()
    return beside(samples1, samples2, axis, before=dim.startswith("-"))


@node("LatentCutToBatch", title="Cut latent to batch", aliases=("slice", "split"))
def latent_cut_to_batch(
    samples: Latent,
    dim: Annotated[str, Choice(("t", "x", "y"))] = "t",
    slice_size: Annotated[int, Range(1, 16_384)] = 1,
) -> Latent:
    """Cut latents into slices of one size, each an element of the batch.

    Args:
        samples: The latents to cut.
        dim: Along which side; t is for videos, which have a time.
        slice_size: Width or height of a slice in latent cells; what is left over at the end is left
            out, and a latent that is smaller stays whole.
    """
    axis = AXES.get(dim)
    if axis is None:
        raise _no_time()
    return sliced(samples, axis, slice_size)


@node("LatentBatchSeedBehavior", title="Noise of a batch", aliases=("seed", "same noise"))
def latent_batch_seed_behavior(
    samples: Latent, seed_behavior: Annotated[str, Choice(("random", "fixed"))] = "fixed"
) -> Annotated[Latent, Shape.like("samples")]:
    """Say whether the elements of a batch get the same noise.

    Args:
        samples: The batch.
        seed_behavior: "fixed" gives all of them the noise of the first, "random" each its own.
    """
    count = len(samples.samples)
    first = (samples.batch_index or (0,))[0]
    places = (first,) * count if seed_behavior == "fixed" else None
    return replace(samples, batch_index=places)


def _no_time() -> NodeError:
    return NodeError(
        "Latents of pictures have no time to lie along.", "Choose x or y.", "latent.time"
    )
