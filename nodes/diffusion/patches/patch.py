"""Patches: what changes a network's work without changing its weights, as values on a model.

A `NetworkPatch` holds while the network is called, and nothing of it is left behind. A
`GuidancePatch` shapes how estimates become one. Each is a function with its options, so that a
technique is one function and a patched model is a plain value.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from nodes.errors import NodeError
from nodes.types import Conditioning, Model, ModelSampling


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a network, as patches see it.

    Attributes:
        sampling: The model's noise levels.
        sigma: The noise level of the call.
        size: Height and width of the latent that is given, in cells.
        groups: The batch is made of as many equal parts; of each, the place of its conditioning
            among those of the guider: 0 is the positive one.
        first: Which picture of the sampled batch each part begins with.
        names: Of each part, what names its prompt as long as the sampling lasts.
        holding: The places of the model's patches that hold at this noise level.
    """

    sampling: ModelSampling
    sigma: float
    size: tuple[int, int]
    groups: tuple[int, ...]
    first: int = 0
    names: tuple[int, ...] = ()
    holding: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class NetworkPatch:
    """A change of what a network computes.

    Attributes:
        change: Called with the network, the call and the options; changes the network for as long
            as the context lasts, and puts everything back.
        options: Of the change. `first` and `last`, if it has them, are the highest and the lowest
            noise level at which it holds.
    """

    change: Callable[..., AbstractContextManager[None]]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class RememberingPatch:
    """A change of what a network computes, that goes by what it computed before.

    Attributes:
        change: As that of a `NetworkPatch`; it is also given `memory`, a dict that lasts as long
            as the sampling.
        options: Of the change.
    """

    change: Callable[..., AbstractContextManager[None]]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LonePatch:
    """A change of how a network is called, for calls that no other patch changes.

    Attributes:
        change: As that of a `NetworkPatch`.
        options: Of the change.
    """

    change: Callable[..., AbstractContextManager[None]]
    options: Mapping[str, Any] = field(default_factory=dict)


# Gives for (x, sigma) the guided estimate, and the one that it leads away from.
Guide = Callable[[Tensor, float], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class SamplingPatch:
    """A change of the guided estimate as a whole, for one sampling.

    Attributes:
        around: Called, as a sampling begins, with the function that estimates (see `guidance`) and
            the options; gives another such function.
        options: Of the change.
    """

    around: Callable[..., Guide]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CallLimit:
    """Give the network no more than so many pictures in one call: less memory, more calls."""

    pictures: int


@dataclass(frozen=True, eq=False)
class Estimates:
    """What guidance has to combine at one step; all tensors are (B, C, h, w).

    Attributes:
        x: The sample.
        sigma: Its noise level.
        cond: The clean sample as estimated under the prompt.
        uncond: The one to lead away from; `cond` itself where guidance has a scale of 1.
        scale: How strongly to lead.
        again: Estimates once more: again(x, place, *patches) under the conditioning at a place,
            0 being the prompt's, with more patches on the network.
        away: The place of the conditioning of `uncond`.
        memory: What a patch keeps from step to step of one sampling.
        sampling: The model's noise levels.
    """

    x: Tensor
    sigma: float
    cond: Tensor
    uncond: Tensor
    scale: float
    again: Callable[..., Tensor]
    away: int
    memory: dict[str, Tensor]
    sampling: ModelSampling


Combine = Callable[[Estimates], Tensor]


@dataclass(frozen=True, eq=False)
class GuidancePatch:
    """A change of how estimates are combined.

    Attributes:
        rule: Called with the combination that it is put around, the estimates and the options;
            gives the guided estimate.
        options: Of the rule.
        watch: Called with the memory and the place of the conditioning that is led away from,
            makes a patch of the network that belongs to the rule, such as one that notes what the
            rule needs to know of the network's work.
        both: Whether it needs the estimate that is led away from even if the rule does not.
    """

    rule: Callable[..., Tensor]
    options: Mapping[str, Any] = field(default_factory=dict)
    watch: Callable[[dict[str, Tensor], int], NetworkPatch] | None = None
    both: bool = False


@dataclass(frozen=True)
class MaskPatch:
    """Let a grey mask say when each place begins to change; see `sampling`.

    Attributes:
        strength: 1 makes every place wait for its time, 0 leaves the mask as it is.
    """

    strength: float


@dataclass(frozen=True, eq=False)
class PerpNegPatch:
    """Lead away only from what the negative prompt has beside the positive one; see `guidance`.

    Attributes:
        empty: The prompt that says nothing.
        neg_scale: How strongly the negative prompt pushes.
    """

    empty: Conditioning
    neg_scale: float


@dataclass(frozen=True)
class ScalePatch:
    """Guide with a scale of its own between two noise levels; see `guidance`.

    Attributes:
        scale: In place of the guider's.
        first: The highest noise level at which it holds.
        last: The lowest.
    """

    scale: float
    first: float
    last: float


def with_patch(model: Model, *patches: object) -> Model:
    """Give a model more patches, after those that it has."""
    return replace(model, patches=(*model.patches, *patches))


def remembering(model: Model) -> Model:
    """Give a model's remembering patches a memory, for one sampling."""
    patches = [
        NetworkPatch(patch.change, {**patch.options, "memory": {}})
        if isinstance(patch, RememberingPatch)
        else patch
        for patch in model.patches
    ]
    return replace(model, patches=tuple(patches))


def one_by_one(model: Model) -> Model:
    """Give a model's network one picture in each call."""
    return with_patch(model, CallLimit(1))


@contextmanager
def patched(model: Model, call: Call) -> Iterator[None]:
    """Put a model's patches on its network for one call."""
    changes = [patch for patch in model.patches if isinstance(patch, NetworkPatch)]
    lone = [patch for patch in model.patches if isinstance(patch, LonePatch)]
    call = replace(call, holding=tuple(n for n, p in enumerate(changes) if _holds(p, call.sigma)))
    with ExitStack() as stack:
        for patch in changes or lone[-1:]:
            stack.enter_context(patch.change(model.network, call, **patch.options))
        yield


def _holds(patch: NetworkPatch, sigma: float) -> bool:
    first, last = patch.options.get("first"), patch.options.get("last")
    return (first is None or sigma <= first) and (last is None or last <= sigma)


@contextmanager
def replaced(owner: object, name: str, value: object) -> Iterator[None]:
    """Set an attribute for as long as the context lasts."""
    own = vars(owner)
    before = own.get(name, _ABSENT)
    own[name] = value
    try:
        yield
    finally:
        if before is _ABSENT:
            del own[name]
        else:
            own[name] = before


_ABSENT = object()


def unet_of(model: Model, technique: str) -> nn.Module:
    """Give the network of a model that must be a U-Net.

    Raises:
        NodeError: If it is none.
    """
    if not hasattr(model.network, "up_blocks"):
        raise NodeError(
            f"{technique} works on U-Nets, such as those of Stable Diffusion 1, 2 and XL; this "
            f"model is a {type(model.network).__name__}.",
            "Leave the node out for this model.",
            "patch.family",
        )
    return model.network
