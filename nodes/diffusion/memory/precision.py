"""What models compute in, and the narrower dtypes that their weights may be kept in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.memory.by_layer import bring, forget_factor, work_place
from nodes.diffusion.memory.modules import copy_sharing
from nodes.types import Model

# Micikevicius et al. 2022, FP8 Formats for Deep Learning, arXiv:2209.05433: e4m3 is finer, e5m2
# reaches farther.
EIGHT_BITS = (torch.float8_e4m3fn, torch.float8_e5m2)
_HALVES = (torch.float16, torch.bfloat16)

# What a loader lets its user choose, by the names of the field; None keeps weights as they are.
WEIGHT_DTYPES: Mapping[str, torch.dtype | None] = MappingProxyType(
    {
        "default": None,
        "fp8_e4m3fn": torch.float8_e4m3fn,
        "fp8_e4m3fn_fast": torch.float8_e4m3fn,
        "fp8_e5m2": torch.float8_e5m2,
    }
)

# What a model may be told to compute in, likewise; None leaves that as it is.
COMPUTE_DTYPES: Mapping[str, torch.dtype | None] = MappingProxyType(
    {
        "default": None,
        "fp32": torch.float32,
        "fp16": torch.float16,
        "bf16": torch.bfloat16,
    }
)

# From Ampere on CUDA devices are fast in bfloat16, which has the range of float32.
_BFLOAT16_SINCE = (8, 0)


def compute_dtype(device: str) -> str:
    """Name the dtype that models compute in on a device, where nothing else is asked for."""
    kind = torch.device(device).type
    capability = torch.cuda.get_device_capability(device) if kind == "cuda" else None
    return dtype_for(kind, capability)


def dtype_for(kind: str, capability: tuple[int, int] | None = None) -> str:
    """Name the dtype that a kind of device is fast in, and exact enough.

    Args:
        kind: "cpu", "cuda", "mps".
        capability: Of a CUDA device: its generation.
    """
    if kind == "cpu":
        return "float32"
    return "bfloat16" if capability is not None and capability >= _BFLOAT16_SINCE else "float16"


@dataclass
class Widening:
    """How far a network may grow when its weights are cast to a wider dtype than its file's.

    Attributes:
        most_bytes: What the weights of one network may take when they are cast. Those that would
            take more stay mapped from their file, and layers convert them as they read them.
    """

    most_bytes: float = inf


# It holds for the process, as the number of threads does.
WIDENING = Widening()


def as_computed(weights: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Cast a network's weights, as its file has them, to the dtype to compute in.

    What comes in 8 bits stays, for `compute_in`: a cast copy would take twice the room. So do
    matrices of 16 bits where cast ones would take more than `WIDENING` lets them.
    """
    halves = [w for w in weights.values() if w.dtype in _HALVES and w.itemsize < dtype.itemsize]
    too_wide = sum(w.numel() for w in halves) * dtype.itemsize > WIDENING.most_bytes
    return {
        name: weight if _stays(weight, too_wide) else weight.to(dtype)
        for name, weight in weights.items()
    }


def _stays(weight: Tensor, too_wide: bool) -> bool:
    return weight.dtype in EIGHT_BITS or (too_wide and weight.ndim > 1 and weight.dtype in _HALVES)


def compute_in(network: nn.Module, dtype: torch.dtype) -> None:
    """Let layers whose weights are kept in another dtype convert them as they read them."""
    for layer in network.modules():
        own = [w for w in layer.parameters(recurse=False) if w.is_floating_point()]
        if any(weight.dtype != dtype for weight in own):
            bring(layer, own[0].device, dtype)


def kept_in(network: nn.Module, storage: torch.dtype) -> nn.Module:
    """Copy a network so that its matrices are kept in 8 bits; it computes in the same dtype.

    Vectors, which are biases and normalisations, take little room and are shared.

    Args:
        network: Stays as it is.
        storage: One of `EIGHT_BITS`.
    """
    copied = copy_sharing(network)
    _, dtype = work_place(network)
    # Beyond its range a value would become infinite, or none.
    bound = torch.finfo(storage).max
    for module in copied.modules():
        layer: Any = module
        for name, weight in list(layer.named_parameters(recurse=False)):
            if weight.ndim > 1 and weight.is_floating_point() and weight.dtype not in EIGHT_BITS:
                small = weight.clamp(-bound, bound).to(storage)
                setattr(layer, name, nn.Parameter(small, requires_grad=False))
                forget_factor(layer, name)
    compute_in(copied, dtype)
    return copied


def model_kept_in(model: Model, weight_dtype: str) -> Model:
    """Keep a denoiser's matrices in one of `WEIGHT_DTYPES`; the given one stays as it is."""
    storage = WEIGHT_DTYPES[weight_dtype]
    if storage is None:
        return model
    kept = kept_in(model.network, storage)
    return replace(model, network=kept, key=f"{model.key}:{storage}")


def model_computing_in(model: Model, dtype: torch.dtype) -> Model:
    """Let a denoiser compute in a dtype; its weights stay what they are, and shared."""
    network = copy_sharing(model.network)
    device, _ = work_place(network)
    for layer in network.modules():
        if any(weight.is_floating_point() for weight in layer.parameters(recurse=False)):
            bring(layer, device, dtype)
    name = str(dtype).removeprefix("torch.")
    return replace(model, network=network, dtype=name, key=f"{model.key}:computes {name}")
