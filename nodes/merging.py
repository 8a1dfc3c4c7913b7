"""Merging: models made of two."""

from typing import Annotated

from nodes.api import Range, node
from nodes.diffusion.adapters.merging import by_blocks, merged_clips, merged_models
from nodes.types import Clip, Model

GROUP = "models"

Share = Annotated[float, Range(0, 1, step=0.01)]


@node("ModelMergeSimple", title="Merge models", aliases=("average", "mix"))
def model_merge_simple(model1: Model, model2: Model, ratio: Share = 1.0) -> Model:
    """Average the weights of two denoisers that were tuned from one.

    Args:
        model1: The first denoiser.
        model2: The second one, of the same family.
        ratio: The share of the first: 1 is the first alone, 0 the second.

    Returns:
        The average.

    References:
        Wortsman et al. 2022, Model soups: averaging weights of multiple fine-tuned models improves
        accuracy without increasing inference time, arXiv:2203.05482.
    """
    return merged_models((model1, model2), lambda _: (ratio, 1 - ratio), f"{ratio}")


@node("ModelMergeBlocks", title="Merge models by blocks")
def model_merge_blocks(
    model1: Model,
    model2: Model,
    input: Share = 1.0,  # noqa: A002
    middle: Share = 1.0,
    out: Share = 1.0,
) -> Model:
    """Average the weights of two denoisers, with a share for each part of the U-Net.

    Args:
        model1: The first denoiser.
        model2: The second one, of the same family.
        input: The share of the first in the way down, and in what is told of time.
        middle: Its share in the middle.
        out: Its share in the way up.

    Returns:
        The average.
    """
    told = f"{input},{middle},{out}"
    return merged_models((model1, model2), by_blocks(input, middle, out), told)


@node("ModelMergeAdd", title="Add models")
def model_merge_add(model1: Model, model2: Model) -> Model:
    """Add the weights of one denoiser, such as a difference of two, to another.

    Args:
        model1: The denoiser.
        model2: What is added to it.

    Returns:
        The sum.
    """
    return merged_models((model1, model2), lambda _: (1.0, 1.0), "add")


@node("ModelMergeSubtract", title="Subtract models")
def model_merge_subtract(
    model1: Model, model2: Model, multiplier: Annotated[float, Range(-10, 10, step=0.01)] = 1.0
) -> Model:
    """Take the difference of two denoisers: what one has learnt beyond the other.

    Args:
        model1: The denoiser that has learnt.
        model2: The one that it was tuned from.
        multiplier: Factor on the difference.

    Returns:
        The difference, which is to be added to a denoiser.
    """
    told = f"subtract{multiplier}"
    return merged_models((model1, model2), lambda _: (multiplier, -multiplier), told)


@node("CLIPMergeSimple", title="Merge CLIPs")
def clip_merge_simple(clip1: Clip, clip2: Clip, ratio: Share = 1.0) -> Clip:
    """Average the weights of two text encoders that were tuned from one.

    Args:
        clip1: The first text encoder, or set of them.
        clip2: The second one, of the same family.
        ratio: The share of the first: 1 is the first alone, 0 the second.

    Returns:
        The average.
    """
    return merged_clips((clip1, clip2), lambda _: (ratio, 1 - ratio), f"{ratio}")


@node("CLIPMergeAdd", title="Add CLIPs")
def clip_merge_add(clip1: Clip, clip2: Clip) -> Clip:
    """Add the weights of one text encoder, such as a difference of two, to another.

    Args:
        clip1: The text encoder, or a set of them.
        clip2: What is added to it.

    Returns:
        The sum.
    """
    return merged_clips((clip1, clip2), lambda _: (1.0, 1.0), "add")


@node("CLIPMergeSubtract", title="Subtract CLIPs")
def clip_merge_subtract(
    clip1: Clip, clip2: Clip, multiplier: Annotated[float, Range(-10, 10, step=0.01)] = 1.0
) -> Clip:
    """Take the difference of two text encoders: what one has learnt beyond the other.

    Args:
        clip1: The text encoder that has learnt, or a set of them.
        clip2: The one that it was tuned from.
        multiplier: Factor on the difference.

    Returns:
        The difference, which can be saved as a LoRA.
    """
    told = f"subtract{multiplier}"
    return merged_clips((clip1, clip2), lambda _: (multiplier, -multiplier), told)
