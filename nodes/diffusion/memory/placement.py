"""A module's copy on a device: whole, or as much of it as there is room for.

What there is no room for stays where it is, and comes over layer by layer as it is used. The
smallest layers are those that stay on the device: each one that is brought costs a wait beside its
bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

import torch
from torch import nn

from nodes.diffusion.memory.by_layer import bring, move_work, work_place
from nodes.diffusion.memory.missing_part import MissingPart
from nodes.diffusion.memory.modules import copy_sharing, module_bytes

_PAGE = 4096
# Tensor cores read the channels of a cell together; on processors that is no gain (see
# benchmarks/memory.py).
_CHANNELS_LAST_ON = "cuda"


@dataclass(frozen=True, eq=False)
class Placed:
    """A copy on a device.

    Attributes:
        module: The copy.
        nbytes: What it takes there, the layer that is being brought included.
        whole: Whether all of it is there.
    """

    module: nn.Module
    nbytes: int
    whole: bool


def place(module: nn.Module, device: torch.device, room: int) -> Placed:
    """Copy a module to a device, in part if it is larger than the room.

    Args:
        module: Stays as it is.
        device: Where to compute.
        room: Bytes that the copy may take. The largest layer is brought even to less room.
    """
    nbytes = module_bytes(module)
    if nbytes <= room:
        copied = copy_sharing(module, device, planes=_planes(device))
        move_work(copied, device)
        return Placed(copied, nbytes, whole=True)
    sizes = {layer: _own_bytes(layer) for layer in module.modules() if _own_bytes(layer)}
    brought = max(map(_working_bytes, sizes))
    left = room - brought - sum(buffer.nbytes for buffer in module.buffers())
    away = dict(sizes)
    for layer, size in sorted(sizes.items(), key=lambda item: item[1])[:-1]:
        if size > left:
            break
        left -= size
        del away[layer]
    copied = _copy_without(module, device, away)
    return Placed(copied, nbytes - sum(away.values()) + brought, whole=False)


def modules_of(value: object) -> Iterator[nn.Module]:
    """List the modules of a value: itself, or what a dataclass or a tuple has within.

    A part that is missing is none.
    """
    if isinstance(value, MissingPart):
        return
    if isinstance(value, nn.Module):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from modules_of(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from modules_of(getattr(value, field.name))


def read_ahead(module: nn.Module) -> int:
    """Have weights that are mapped from a file read into memory: a byte of each page is looked at.

    Returns:
        How many bytes the weights have.
    """
    total = 0
    for weight in module.parameters():
        raw = torch.empty(0, dtype=torch.uint8).set_(weight.untyped_storage())
        if raw.numel():
            raw[::_PAGE].max()
        total += weight.nbytes
    return total


def _copy_without(
    module: nn.Module, device: torch.device, away: Mapping[nn.Module, int]
) -> nn.Module:
    """Copy a module to a device, but for some layers, which bring their weights."""
    shared = frozenset(id(w) for layer in away for w in layer.parameters(recurse=False))
    copied = copy_sharing(module, device, shared, _planes(device))
    move_work(copied, device)
    for layer, other in zip(module.modules(), copied.modules(), strict=True):
        if layer in away:
            _, dtype = work_place(layer)
            bring(other, device, dtype)
    return copied


def _planes(device: torch.device) -> torch.memory_format:
    last = device.type == _CHANNELS_LAST_ON
    return torch.channels_last if last else torch.contiguous_format


def _own_bytes(layer: nn.Module) -> int:
    return sum(weight.nbytes for weight in layer.parameters(recurse=False))


def _working_bytes(layer: nn.Module) -> int:
    """Count the bytes of a layer's weights as it computes with them."""
    _, dtype = work_place(layer)
    count = sum(weight.numel() for weight in layer.parameters(recurse=False))
    return count * dtype.itemsize
