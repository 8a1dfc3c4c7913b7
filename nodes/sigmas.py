"""Noise levels: part, turn and change those that a sampling goes through."""

import math
import re
from typing import Annotated, NamedTuple

import torch

from nodes.api import Choice, Range, node
from nodes.diffusion import schedules
from nodes.diffusion.model_sampling import sigma_at
from nodes.errors import NodeError
from nodes.types import Model, Sigmas

GROUP = "sampling"

# A level above every other: infinity cannot be written to a file.
ABOVE_ALL = 999_999_999.9


class SplitLevels(NamedTuple):
    """Two parts that share a level."""

    high_sigmas: Sigmas
    low_sigmas: Sigmas


@node("SplitSigmas", title="Split sigmas")
def split_sigmas(sigmas: Sigmas, step: Annotated[int, Range(0, 10_000)] = 0) -> SplitLevels:
    """Part noise levels in two at a step, for two samplers that share the way.

    Args:
        sigmas: The levels.
        step: How many steps the first part has.

    Returns:
        high_sigmas: The levels of the first steps.
        low_sigmas: The levels of the rest, starting where the first part ends.
    """
    return SplitLevels(Sigmas(sigmas.values[: step + 1]), Sigmas(sigmas.values[step:]))


@node("SplitSigmasDenoise", title="Split sigmas by denoise")
def split_sigmas_denoise(
    sigmas: Sigmas, denoise: Annotated[float, Range(0, 1, step=0.01)] = 1.0
) -> SplitLevels:
    """Part noise levels in two, the second with a share of the steps.

    Args:
        sigmas: The levels.
        denoise: The share of the second part.

    Returns:
        high_sigmas: The levels of the first steps.
        low_sigmas: The levels of the rest, starting where the first part ends.
    """
    steps = max(len(sigmas.values) - 1, 0)
    place = steps - round(steps * denoise)
    return SplitLevels(Sigmas(sigmas.values[: place + 1]), Sigmas(sigmas.values[place:]))


@node("FlipSigmas", title="Flip sigmas", aliases=("unsample", "invert"))
def flip_sigmas(sigmas: Sigmas) -> Sigmas:
    """Turn noise levels around, to go from a picture to the noise that it comes from.

    Args:
        sigmas: The levels; a 0 becomes a level just above it, where a sampling can start.
    """
    values = sigmas.values.flip(0)
    if len(values) and values[0] == 0:
        values = torch.cat([values.new_full((1,), 1e-4), values[1:]])
    return Sigmas(values)


@node("ManualSigmas", title="Manual sigmas")
def manual_sigmas(sigmas: str = "1, 0.5") -> Sigmas:
    """Write noise levels down, one after another.

    Args:
        sigmas: Numbers, with anything between them that is no number.
    """
    found = [float(number) for number in _NUMBERS.findall(sigmas)]
    if not found:
        raise NodeError("There is no number among the noise levels.", "Write some.", "sigmas.empty")
    return Sigmas(torch.tensor(found))


_NUMBERS = re.compile(r"[-+]?(?:\d*\.\d+|\d+\.?)(?:[eE][-+]?\d+)?")


@node("SetFirstSigma", title="Set first sigma")
def set_first_sigma(
    sigmas: Sigmas, sigma: Annotated[float, Range(0, 20_000, step=0.001)] = 136.0
) -> Sigmas:
    """Replace the first noise level.

    Args:
        sigmas: The levels.
        sigma: The first one.
    """
    return Sigmas(torch.cat([sigmas.values.new_full((1,), sigma), sigmas.values[1:]]))


@node("ExtendIntermediateSigmas", title="Extend intermediate sigmas")
def extend_intermediate_sigmas(
    sigmas: Sigmas,
    steps: Annotated[int, Range(1, 100)] = 2,
    start_at_sigma: Annotated[float, Range(-1, 20_000, step=0.01)] = -1.0,
    end_at_sigma: Annotated[float, Range(0, 20_000, step=0.01)] = 12.0,
    spacing: Annotated[str, Choice(tuple(schedules.SPACINGS))] = "linear",
) -> Sigmas:
    """Part some of the steps into several, for more work at some noise levels.

    Args:
        sigmas: The levels.
        steps: Into how many each step is parted.
        start_at_sigma: The highest level that a parted step begins at; less than 0 for any.
        end_at_sigma: The lowest.
        spacing: How the parts are spaced: evenly, closer to the end, or closer to the beginning.
    """
    if len(sigmas.values) == 0:
        return sigmas
    first = math.inf if start_at_sigma < 0 else start_at_sigma
    return Sigmas(schedules.extended(sigmas.values, steps, first, end_at_sigma, spacing))


@node("SamplingPercentToSigma", title="Sampling percent to sigma")
def sampling_percent_to_sigma(
    model: Model,
    sampling_percent: Annotated[float, Range(0, 1, step=0.0001)] = 0.0,
    return_actual_sigma: bool = False,
) -> float:
    """Tell the noise level at a part of the sampling, as start and end percents mean it.

    Args:
        model: The model whose levels are used.
        sampling_percent: The part, 0 being pure noise and 1 the finished picture.
        return_actual_sigma: Give the model's highest and lowest levels at the ends, rather than
            numbers that hold everything between them.

    Returns:
        sigma_value: The noise level.
    """
    if return_actual_sigma and sampling_percent in (0, 1):
        sampling = model.sampling
        return sampling.sigma_max if sampling_percent == 0 else sampling.sigma_min
    return min(sigma_at(model.sampling, sampling_percent), ABOVE_ALL)
