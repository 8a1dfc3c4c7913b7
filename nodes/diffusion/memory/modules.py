"""What models take of memory, and copies of modules that share their weights."""

import copy
from collections.abc import Container, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import nn


def copy_sharing(
    module: nn.Module,
    device: torch.device | None = None,
    shared: Container[int] = (),
    planes: torch.memory_format = torch.contiguous_format,
) -> nn.Module:
    """Copy a module's structure; its weights are shared, or copied to a device.

    Args:
        module: Stays as it is.
        device: Where copies of the weights go; None shares them all.
        shared: The ids of parameters that are shared nevertheless.
        planes: How weights of convolutions (out, in, h, w) lie in the memory of the device.
    """
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        data = parameter.detach()
        if device is not None and id(parameter) not in shared:
            layout = planes if data.ndim == 4 else torch.contiguous_format
            data = data.to(device, copy=True, memory_format=layout)
        memo[id(parameter)] = nn.Parameter(data, requires_grad=False)
    for buffer in module.buffers():
        memo[id(buffer)] = buffer if device is None else buffer.to(device, copy=True)
    return copy.deepcopy(module, memo)


def module_bytes(module: nn.Module) -> int:
    """Count the bytes of a module's parameters and buffers."""
    return sum(t.nbytes for t in (*module.parameters(), *module.buffers()))


def memory_blocks(value: object) -> dict[int, int]:
    """Find the blocks of memory that hold the weights and tensors of a value, each with its bytes.

    Models that share weights share blocks. Weights that are mapped from a file count like others:
    what was read of them is in memory until something else needs the room.

    Args:
        value: A module or tensor, or a dataclass, tuple or mapping with some in it.

    Returns:
        Bytes by address.
    """
    found: dict[int, int] = {}
    pending: list[object] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, nn.Module):
            # The class's own: a part that is missing has none, and refuses to be asked for them.
            pending.extend((*nn.Module.parameters(item), *nn.Module.buffers(item)))
        elif isinstance(item, torch.Tensor):
            block = item.untyped_storage()
            found[block.data_ptr()] = block.nbytes()
        elif is_dataclass(item) and not isinstance(item, type):
            pending.extend(getattr(item, field.name) for field in fields(item))
        elif isinstance(item, tuple | list):
            pending.extend(item)
        elif isinstance(item, Mapping):
            pending.extend(item.values())
    return found
