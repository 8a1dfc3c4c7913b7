"""Models made of several: every weight a sum of theirs.

Wortsman et al. 2022, Model soups, arXiv:2203.05482: weights of models that were tuned from one
model can be averaged. Adding a difference of two models carries what one learnt over to a third.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import nn

from nodes.diffusion.files.original_names import original_places
from nodes.diffusion.memory.by_layer import kept_values, work_place
from nodes.diffusion.memory.modules import copy_sharing
from nodes.errors import NodeError
from nodes.types import Clip, Model

# Gives for a weight's name the factor on each model's.
Factors: TypeAlias = Callable[[str], tuple[float, ...]]


def merged_models(models: Sequence[Model], factors: Factors, told: str) -> Model:
    """Make a denoiser of several; how it is sampled, and its patches, are the first one's.

    Args:
        models: Stay as they are.
        factors: See Factors.
        told: Names the factors, so that equal keys are equal weights.

    Raises:
        NodeError: If the models differ in more than their weights.
    """
    network = _merged([model.network for model in models], factors)
    return replace(models[0], network=network, key=_key(models, told))


def merged_clips(clips: Sequence[Clip], factors: Factors, told: str) -> Clip:
    """Make text encoders of several sets of them; see `merged_models`."""

    def merged(name: str) -> Any:
        parts = [getattr(clip, name) for clip in clips]
        if all(part is None for part in parts):
            return None
        if any(part is None for part in parts):
            raise _unlike(name)
        return _merged(parts, factors)

    return replace(
        clips[0],
        encoder=merged("encoder"),
        second=merged("second"),
        third=merged("third"),
        projection=merged("projection"),
        key=_key(clips, told),
    )


def _key(values: Sequence[Model | Clip], told: str) -> str:
    return f"({','.join(value.key for value in values)})*{told}"


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
def _merged(networks: Sequence[nn.Module], factors: Factors) -> nn.Module:
    """Copy the first network; weights that stay as they are stay shared with it."""
    merged = copy_sharing(networks[0])
    names = dict(merged.named_parameters()).keys()
    for other in networks[1:]:
        strangers = sorted(names ^ dict(other.named_parameters()).keys())
        if strangers:
            raise _unlike(strangers[0])
    for name in names:
        shares = factors(name)
        if shares[0] == 1 and not any(shares[1:]):
            continue
        path, _, leaf = name.rpartition(".")
        kept = [kept_values(each.get_submodule(path), leaf) for each in (merged, *networks[1:])]
        values = [each for each in kept if each is not None]
        if len(values) < len(kept) or len({each.shape for each in values}) > 1:
            raise _unlike(name)
        place = values[0].device
        value = sum(share * each.to(place) for share, each in zip(shares, values, strict=True))
        # What the layer computes in: in 8 bits little differences would be lost.
        layer = merged.get_submodule(path)
        _, dtype = work_place(layer)
        setattr(layer, leaf, nn.Parameter(torch.as_tensor(value).to(dtype), requires_grad=False))
    return merged


def _unlike(name: str) -> NodeError:
    return NodeError(
        f"These models are not of the same kind: {name} is not in all of them, or of other shapes.",
        "Merge models of the same family.",
        "merge.family",
    )
