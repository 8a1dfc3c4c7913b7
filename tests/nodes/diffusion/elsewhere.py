"""A device that is not there: every operation is checked, and none is computed.

torch's fake tensors know their shape, dtype and device, and refuse what mixes devices; they need
no such device. Here they stand for a GPU: what a test runs on them would run on one, as far as
places and precisions go. A number that somebody asks for is not there, so that a test also sees
where a real device would make the program wait.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

import nodes
from tests.nodes.folder_context import FolderContext

DEVICE = torch.device("cuda", 0)
OWN, TORCH = (str(Path(module.__file__ or "").parent) for module in (nodes, torch))
DOUBLE = (torch.float64, torch.complex128)

_PRETENCE = FakeTensorMode(allow_non_fake_inputs=True)


def sent(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Give what a tensor would be on the device."""
    with _PRETENCE:
        return torch.empty_strided(
            tensor.size(), tensor.stride(), dtype=dtype or tensor.dtype, device=DEVICE
        )


def moved(value: Any) -> Any:
    """Copy a model, or whatever holds models, to the device."""
    if isinstance(value, nn.Module):
        network = copy.deepcopy(value)
        for module in network.modules():
            for name, weight in module.named_parameters(recurse=False):
                setattr(module, name, nn.Parameter(sent(weight), requires_grad=False))
            for name, buffer in module.named_buffers(recurse=False):
                setattr(module, name, sent(buffer))
        return network
    if isinstance(value, tuple):
        return tuple(moved(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        held = {item.name: getattr(value, item.name) for item in fields(value) if item.init}
        made = {name: moved(item) for name, item in held.items()}
        changed = {name: item for name, item in made.items() if item is not held[name]}
        return replace(value, **changed) if changed else value
    return value


class DeviceContext(FolderContext):
    """A host whose models are on the device while they work."""

    @contextmanager
    def resident(self, model: Any) -> Iterator[Any]:
        yield moved(model)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Run what is here with models that `moved` has moved.

    Raises:
        AssertionError: where something in double precision is made on the device: Apple's have
            none.
    """
    device = _Device()
    with device:
        yield
    assert device.doubles == set(), "These are in double precision."


class _Device(TorchFunctionMode):
    """Does for the device what a torch without it refuses before it gets to fake tensors.

    Attributes:
        doubles: Where something in double precision was made there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.doubles: set[str] = set()

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = _done(function, args, kwargs or {})
        if isinstance(made, FakeTensor) and made.device == DEVICE and made.dtype in DOUBLE:
            stack = [f for f in traceback.extract_stack() if not f.filename.startswith(TORCH)]
            # The last is this file; libraries look for themselves what a device has.
            if stack[-2].filename.startswith(OWN):
                self.doubles.add(f"{stack[-2].filename}:{stack[-2].lineno}")
        return made


def _done(function: Any, args: Any, kwargs: Any) -> Any:
    first = args[0] if args else None
    if function is Tensor.to and isinstance(first, Tensor):
        device, dtype = _target(first, (*args[1:], *kwargs.values()))
        if device == DEVICE:
            there = first.device == DEVICE and first.dtype == dtype
            return first if there else sent(first, dtype)
    with _PRETENCE:
        if isinstance(first, FakeTensor) and first.device == DEVICE:
            if function is Tensor.__getitem__:
                return _part(first, args[1])
            if function is Tensor.__setitem__:
                part = _part(first, args[1])
                return part.copy_(torch.as_tensor(args[2], dtype=part.dtype))
            if function is Tensor.contiguous:
                return first.clone(memory_format=torch.contiguous_format)
        if any(isinstance(x, FakeTensor) or x == DEVICE for x in _plain(args, kwargs)):
            return function(*args, **kwargs)
    return function(*args, **kwargs)


def _plain(args: Any, kwargs: Any) -> list[Any]:
    return [x for x in tree_leaves((args, kwargs)) if isinstance(x, FakeTensor | torch.device)]


def _target(tensor: Tensor, wanted: tuple[Any, ...]) -> tuple[torch.device, torch.dtype]:
    """Read the arguments of `to`."""
    device, dtype = tensor.device, tensor.dtype
    for item in wanted:
        if isinstance(item, Tensor):
            device, dtype = item.device, item.dtype
        elif isinstance(item, torch.dtype):
            dtype = item
        elif isinstance(item, str | torch.device):
            device = torch.device(item)
    return device, dtype


def _part(tensor: Tensor, index: Any) -> Tensor:
    """Index a tensor by the operations that indexing is made of."""
    items = list(index) if isinstance(index, tuple) else [index]
    places = [n for n, item in enumerate(items) if item is Ellipsis]
    if places:
        named = sum(item.ndim if _is_mask(item) else 1 for item in items if item is not None) - 1
        items[places[0] : places[0] + 1] = [slice(None)] * (tensor.ndim - named)
    axis, picked = 0, {}
    for item in items:
        if item is None:
            tensor, axis = tensor.unsqueeze(axis), axis + 1
        elif isinstance(item, slice):
            start, stop, step = item.indices(tensor.shape[axis])
            tensor = torch.ops.aten.slice.Tensor(tensor, axis, start, stop, step)
            axis += 1
        elif isinstance(item, int):
            tensor = tensor.select(axis, item)
        else:
            picked[axis] = torch.as_tensor(item)
            axis += item.ndim if _is_mask(item) else 1
    if not picked:
        return tensor
    found: Tensor = torch.ops.aten.index.Tensor(tensor, [picked.get(n) for n in range(tensor.ndim)])
    return found


def _is_mask(item: Any) -> bool:
    return isinstance(item, Tensor) and item.dtype == torch.bool
