"""Models made of two: every weight a sum of theirs.

Wortsman et al. 2022, Model soups, arXiv:2203.05482: weights of models that were tuned from one
model can be averaged. Adding a difference of two models carries what one learnt over to a third.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from nodes.diffusion.files.original_names import original_places
from nodes.diffusion.memory.by_layer import kept_values, work_place
from nodes.diffusion.memory.modules import copy_sharing
from nodes.errors import NodeError
from nodes.types import Clip, Model

# Gives for a weight's name the factors on the first model's and on the second model's.
Factors: TypeAlias = Callable[[str], tuple[float, float]]


def merged_models(first: Model, second: Model, factors: Factors, told: str) -> Model:
    """Make a denoiser of two; how it is sampled, and its patches, are the first one's.

    Args:
        first: Stays as it is.
        second: Stays as it is.
        factors: See Factors.
        told: Names the factors, so that equal keys are equal weights.

    Raises:
        NodeError: If the models differ in more than their weights.
    """
    network = _merged(first.network, second.network, factors)
    return replace(first, network=network, key=f"({first.key},{second.key})*{told}")


def merged_clips(first: Clip, second: Clip, factors: Factors, told: str) -> Clip:
    """Make text encoders of two sets of them; see `merged_models`."""

    def both(name: str) -> Any:
        one, other = getattr(first, name), getattr(second, name)
        if (one is None) != (other is None):
            raise _unlike(name)
        return None if one is None else _merged(one, other, factors)

    return replace(
        first,
        encoder=both("encoder"),
        second=both("second"),
        third=both("third"),
        projection=both("projection"),
        key=f"({first.key},{second.key})*{told}",
    )


def by_blocks(ahead: float, middle: float, behind: float) -> Factors:
    """Give the first model's share by the part of a U-Net: the way down, its middle, the way up.

    What belongs to none of them, such as the embedding of time, follows the way down.
    """

    def factors(name: str) -> tuple[float, float]:
        part = name.partition(".")[0]
        share = {"mid_block": middle}.get(part, behind if part in _BEHIND else ahead)
        return share, 1 - share

    return factors


def by_original_parts(network: nn.Module, shares: Mapping[str, float]) -> Factors:
    """Give the first model's share by parts, named as in the original files of its family.

    Args:
        network: The first model's.
        shares: By the beginnings of names; the longest that fits holds. What none fits follows the
            first of them.
    """
    places = {ours: place.theirs for place in original_places(network) for ours in place.ours}
    otherwise = next(iter(shares.values()))

    def factors(name: str) -> tuple[float, float]:
        # A place is a module, or a whole name where that holds but one tensor.
        path, _, leaf = name.rpartition(".")
        theirs = places.get(name) or f"{places.get(path, '')}.{leaf}"
        fitting = [part for part in shares if theirs.startswith(part)]
        share = shares[max(fitting, key=len)] if fitting else otherwise
        return share, 1 - share

    return factors


def by_projections(attention: str, *, q: float, k: float, v: float, out: float) -> Factors:
    """Give factors on the first model's attention alone: on its queries, keys, values and result.

    Args:
        attention: Name of the attentions, such as "attn1".
        q: Factor on what makes queries.
        k: Factor on what makes keys.
        v: Factor on what makes values.
        out: Factor on what the result goes through.
    """
    shares = {"to_q": q, "to_k": k, "to_v": v, "to_out": out}
    shares |= {"q_proj": q, "k_proj": k, "v_proj": v, "out_proj": out}

    def factors(name: str) -> tuple[float, float]:
        _, _, within = name.partition(f".{attention}.")
        return shares.get(within.partition(".")[0], 1.0), 0.0

    return factors


_BEHIND = ("up_blocks", "conv_norm_out", "conv_out")


@torch.no_grad()
def _merged(first: nn.Module, second: nn.Module, factors: Factors) -> nn.Module:
    """Copy the first network; weights that stay as they are stay shared with it."""
    merged = copy_sharing(first)
    names, others = (dict(network.named_parameters()).keys() for network in (merged, second))
    strangers = sorted(names ^ others)
    if strangers:
        raise _unlike(strangers[0])
    for name in names:
        one, two = factors(name)
        if (one, two) == (1, 0):
            continue
        path, _, leaf = name.rpartition(".")
        layer = merged.get_submodule(path)
        own, other = kept_values(layer, leaf), kept_values(second.get_submodule(path), leaf)
        if own is None or other is None or own.shape != other.shape:
            raise _unlike(name)
        # What the layer computes in: in 8 bits little differences would be lost.
        _, dtype = work_place(layer)
        value: Tensor = one * own + two * other.to(own.device)
        setattr(layer, leaf, nn.Parameter(value.to(dtype), requires_grad=False))
    return merged


def _unlike(name: str) -> NodeError:
    return NodeError(
        f"These two are not of the same kind: {name} is in one of them only, or of another shape.",
        "Merge models of the same family.",
        "merge.family",
    )
