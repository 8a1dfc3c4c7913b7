"""Where models are while they work: on the device within a budget; the least recently used leave.

The weights that were loaded stay as they are, mapped from their file; what is on the device is a
copy that is dropped to make room and never written back.
"""

import copy
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import nn

M = TypeVar("M")

# What is left of a device's free memory for activations and for other programs.
_SHARE_FOR_WEIGHTS = 0.7


def compute_dtype(device: str) -> str:
    """Name the dtype that models compute in on a device, where nothing else is asked for."""
    return "float32" if device == "cpu" else "float16"


def default_budget(device: str) -> int:
    """Count the bytes that weights may take on a device; 0 on the CPU, which needs no copies."""
    kind = torch.device(device).type
    if kind == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * _SHARE_FOR_WEIGHTS)
    if kind == "mps":
        return int(torch.mps.recommended_max_memory() * _SHARE_FOR_WEIGHTS)
    return 0


def copy_sharing(module: nn.Module, device: str | torch.device | None = None) -> nn.Module:
    """Copy a module's structure; its weights are shared, or copied if the device is another."""
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        data = parameter.detach().to(device)
        memo[id(parameter)] = nn.Parameter(data, requires_grad=False)
    for buffer in module.buffers():
        memo[id(buffer)] = buffer.to(device)
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
            pending.extend((*item.parameters(), *item.buffers()))
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


@dataclass
class _Resident:
    """A module's copy on the device."""

    module: nn.Module
    nbytes: int
    users: int = 0


class ModelMemory:
    """The models on one device.

    Args:
        device: Such as "cuda:0"; on "cpu" models work where they are.
        budget_bytes: What copies of weights may take together; None asks the device.
    """

    def __init__(self, device: str, budget_bytes: int | None = None) -> None:
        self.device = device
        self.budget_bytes = default_budget(device) if budget_bytes is None else budget_bytes
        # In the order of use, the least recent first.
        self._residents: WeakKeyDictionary[nn.Module, _Resident] = WeakKeyDictionary()
        self._lock = threading.RLock()

    @property
    def used_bytes(self) -> int:
        """Bytes of the copies on the device."""
        with self._lock:
            return sum(resident.nbytes for resident in self._residents.values())

    @contextmanager
    def resident(self, model: M) -> Iterator[M]:
        """Give a model whose modules are on the device, until the context ends.

        Args:
            model: A module, or a dataclass with fields that are modules.
        """
        if self.device == "cpu":
            yield model
            return
        with ExitStack() as stack:
            if isinstance(model, nn.Module):
                yield stack.enter_context(self._held(model))
            else:
                parts: Any = model
                moved = {
                    field.name: stack.enter_context(self._held(getattr(parts, field.name)))
                    for field in fields(parts)
                    if isinstance(getattr(parts, field.name), nn.Module)
                }
                yield replace(parts, **moved)

    def free(self) -> None:
        """Drop every copy that is not in use."""
        with self._lock:
            self._make_room(self.budget_bytes)

    @contextmanager
    def _held(self, module: nn.Module) -> Iterator[Any]:
        with self._lock:
            resident = self._residents.pop(module, None)
            if resident is None:
                nbytes = module_bytes(module)
                self._make_room(nbytes)
                resident = _Resident(copy_sharing(module, self.device), nbytes)
            self._residents[module] = resident
            resident.users += 1
        try:
            yield resident.module
        finally:
            with self._lock:
                resident.users -= 1

    def _make_room(self, nbytes: int) -> None:
        # A model in use stays, even over budget: then the device itself says that it is full.
        idle = [module for module, resident in self._residents.items() if not resident.users]
        dropped = False
        for module in idle:
            if self.used_bytes + nbytes <= self.budget_bytes:
                break
            del self._residents[module]
            dropped = True
        if dropped and torch.device(self.device).type == "cuda":
            torch.cuda.empty_cache()
