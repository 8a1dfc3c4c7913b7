"""Hypernetworks: small networks before the keys and the values of every attention of a U-Net.

They have no paper; the files are those of the first trainers for Stable Diffusion 1. Of a file's
pairs of networks, one for each width, the first changes what keys are made of and the second what
values are made of: x becomes x + strength * network(x).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.files.pickled_file import read_pickled
from nodes.diffusion.patches.patch import Call, NetworkPatch, replaced
from nodes.errors import FileProblem

# By the names in files; what they call swish is the hard one.
_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        "relu": nn.ReLU,
        "leakyrelu": nn.LeakyReLU,
        "elu": nn.ELU,
        "swish": nn.Hardswish,
        "hardswish": nn.Hardswish,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "softsign": nn.Softsign,
        "mish": nn.Mish,
    }
)
_LAYER = re.compile(r"linear\.?(\d+)\.weight")


class Hypernetwork:
    """The networks of a file, by the width of what they change.

    Args:
        pairs: For keys and for values.
    """

    def __init__(self, pairs: Mapping[int, tuple[nn.Module, nn.Module]]) -> None:
        self._pairs = pairs
        self._placed: dict[tuple[torch.device, torch.dtype, int], tuple[nn.Module, nn.Module]] = {}

    @property
    def widths(self) -> frozenset[int]:
        """The widths of what they change."""
        return frozenset(self._pairs)

    def of(self, like: Tensor) -> tuple[nn.Module, nn.Module]:
        """Give the pair for what (..., width) is like, where that is."""
        place = (like.device, like.dtype, like.shape[-1])
        if place not in self._placed:
            keys, values = (deepcopy(one).to(*place[:2]) for one in self._pairs[place[2]])
            self._placed[place] = (keys, values)
        return self._placed[place]


def read_hypernetwork(path: Path) -> Hypernetwork:
    """Read a hypernetwork, which is a pickled file.

    Raises:
        FileProblem: If it is something else, or of a form not known here.
    """
    content: Mapping[Any, Any] = read_pickled(path)
    pairs = {width: pair for width, pair in content.items() if isinstance(width, int)}
    try:
        made = {
            width: (_network(one, content, path), _network(two, content, path))
            for width, (one, two) in pairs.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise _unknown(path) from error
    if not made:
        raise _unknown(path)
    return Hypernetwork(made)


def hypernetwork_patch(hypernetwork: Hypernetwork, strength: float) -> NetworkPatch:
    """Make the patch of a U-Net."""
    return NetworkPatch(_changed, {"hypernetwork": hypernetwork, "strength": strength})


def _network(weights: Mapping[str, Tensor], told: Mapping[Any, Any], path: Path) -> nn.Module:
    """Build a network: linear layers, each with its activation and maybe a normalisation behind."""
    activation = str(told.get("activation_func") or "linear")
    if activation != "linear" and activation not in _ACTIVATIONS:
        raise FileProblem(
            f"{path.name} has the activation {activation}, which is not known here.",
            f"Known are linear, {', '.join(_ACTIVATIONS)}.",
            "hypernetwork.activation",
        )
    numbers = sorted((int(m[1]), name) for name in weights if (m := _LAYER.fullmatch(name)))
    names = [name.removesuffix(".weight") for _, name in numbers]
    linears = [name for name in names if weights[f"{name}.weight"].ndim == 2]
    layers: list[nn.Module] = []
    for name in names:
        weight, bias = weights[f"{name}.weight"].float(), weights[f"{name}.bias"].float()
        layer = nn.Linear(*weight.shape[::-1]) if name in linears else nn.LayerNorm(len(weight))
        layer.load_state_dict({"weight": weight, "bias": bias})
        layers.append(layer)
        activated = name in linears and (name != linears[-1] or told.get("activate_output", False))
        if activation != "linear" and activated:
            layers.append(_ACTIVATIONS[activation]())
    if not linears:
        raise _unknown(path)
    return nn.Sequential(*layers).requires_grad_(False).eval()


def _unknown(path: Path) -> FileProblem:
    return FileProblem(
        f"{path.name} is no hypernetwork of a kind that is known here.",
        "Hypernetworks of Stable Diffusion 1 can be used, .pt files.",
        "hypernetwork.kind",
    )


@contextmanager
def _changed(
    network: Any, call: Call, *, hypernetwork: Hypernetwork, strength: float
) -> Iterator[None]:
    def led(forward: Callable[..., Tensor], which: int, given: Tensor, *rest: Any) -> Tensor:
        changed = given + strength * hypernetwork.of(given)[which](given)
        return forward(changed, *rest)

    with ExitStack() as stack:
        for layer, which in projections(network, hypernetwork.widths):
            stack.enter_context(replaced(layer, "forward", partial(led, layer.forward, which)))
        yield


def projections(network: nn.Module, widths: frozenset[int]) -> Iterator[tuple[Any, int]]:
    """Find what makes keys (0) and values (1) of inputs of some widths."""
    for name, module in network.named_modules():
        which = {"to_k": 0, "to_v": 1}.get(name.rpartition(".")[2])
        if which is not None and getattr(module, "in_features", None) in widths:
            yield module, which
