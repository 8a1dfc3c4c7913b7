"""Where models are while they work: on the device within a budget; the least recently used leave.

The weights that were loaded stay as they are, mapped from their file; what is on the device is a
copy that is dropped to make room and never written back.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from math import inf
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import nn

from nodes.diffusion.memory.modules import module_bytes
from nodes.diffusion.memory.placement import Placed, modules_of, place, read_ahead

M = TypeVar("M")
LOG = logging.getLogger("weft.memory")

# What is left of a device's free memory for activations and for other programs.
_SHARE_FOR_WEIGHTS = 0.7


def default_budget(device: str) -> int:
    """Count the bytes that weights may take on a device that has memory of its own."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * _SHARE_FOR_WEIGHTS)
    return int(torch.mps.recommended_max_memory() * _SHARE_FOR_WEIGHTS)


class InPlace:
    """The memory of a processor: models work where they are.

    Args:
        budget_bytes: What may be read ahead of models that are not needed yet.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._read: WeakSet[nn.Module] = WeakSet()

    @contextmanager
    def resident(self, model: M) -> Iterator[M]:
        """Give the model as it is."""
        yield model

    def expect(self, models: Iterable[object]) -> threading.Thread | None:
        """Read mapped weights of models that are needed next, beside the work."""
        found = [module for model in models for module in modules_of(model)]
        new = [module for module in found if module not in self._read]
        return _beside(self._read_ahead, new)

    def free(self) -> None:
        """There are no copies to let go of."""

    def _read_ahead(self, modules: list[nn.Module]) -> None:
        left = self.budget_bytes
        for module in modules:
            left -= module_bytes(module)
            if left < 0:
                return
            self._read.add(module)
            read_ahead(module)


@dataclass
class _Resident:
    """A module's copy on the device, and the room that there was for it."""

    placed: Placed
    room: int
    users: int = 0


class ModelMemory:
    """The models on one device that has memory of its own.

    Args:
        device: Such as "cuda:0".
        budget_bytes: What copies of weights may take together; None asks the device. A model that
            does not fit has its largest layers brought over one after another.
    """

    def __init__(self, device: str, budget_bytes: int | None = None) -> None:
        self.device = torch.device(device)
        self.budget_bytes = default_budget(device) if budget_bytes is None else budget_bytes
        # In the order of use, the least recent first.
        self._residents: WeakKeyDictionary[nn.Module, _Resident] = WeakKeyDictionary()
        self._expected: list[nn.Module] = []
        self._lock = threading.RLock()

    @property
    def used_bytes(self) -> int:
        """Bytes of the copies on the device."""
        with self._lock:
            return sum(resident.placed.nbytes for resident in self._residents.values())

    @contextmanager
    def resident(self, model: M) -> Iterator[M]:
        """Give a model whose modules are on the device, until the context ends.

        Args:
            model: A module, or a dataclass with fields that are modules.
        """
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

    def expect(self, models: Iterable[object]) -> threading.Thread | None:
        """Copy models that are needed next, beside the work, as far as there is room.

        They stay when room is made, unless nothing else can leave. What is expected is forgotten
        with the next call.

        Args:
            models: In the order of need; what has no modules is passed over.

        Returns:
            The thread that copies; None if there is nothing to do.
        """
        with self._lock:
            self._expected = [module for model in models for module in modules_of(model)]
            missing = any(module not in self._residents for module in self._expected)
            return _beside(self._fetch, self._expected) if missing else None

    def free(self) -> None:
        """Drop every copy that is not in use."""
        with self._lock:
            self._make_room(self.budget_bytes)

    @contextmanager
    def _held(self, module: nn.Module) -> Iterator[Any]:
        with self._lock:
            resident = self._residents.pop(module, None)
            if resident is None or self._could_be_larger(resident):
                resident = None
                nbytes = module_bytes(module)
                self._make_room(nbytes)
                room = self.budget_bytes - self.used_bytes
                resident = _Resident(place(module, self.device, room), room)
            self._residents[module] = resident
            resident.users += 1
        try:
            yield resident.placed.module
        finally:
            with self._lock:
                resident.users -= 1

    def _could_be_larger(self, resident: _Resident) -> bool:
        """Tell whether a copy in part would get more room now than when it was made."""
        if resident.placed.whole or resident.users:
            return False
        return self.budget_bytes - self._used_by_others() > resident.room

    def _used_by_others(self) -> int:
        return sum(r.placed.nbytes for r in self._residents.values() if r.users)

    def _make_room(self, nbytes: int) -> None:
        # A model in use stays, even over budget; those that are needed soonest leave last.
        places = {module: place for place, module in enumerate(self._expected)}
        idle = [module for module, resident in self._residents.items() if not resident.users]
        idle.sort(key=lambda module: -places.get(module, inf))
        self._drop(nbytes, idle)

    def _drop(self, nbytes: int, idle: list[nn.Module]) -> None:
        """Drop copies until so many bytes fit in, or there is none left to drop."""
        cuda = self.device.type == "cuda"
        dropped = False
        for module in idle:
            if self.used_bytes + nbytes <= self.budget_bytes:
                break
            if cuda and not dropped:
                # What another stream still reads must not be given to anything else.
                torch.cuda.synchronize(self.device)
            del self._residents[module]
            dropped = True
        if dropped and cuda:
            torch.cuda.empty_cache()

    def _fetch(self, modules: list[nn.Module]) -> None:
        for module in modules:
            with self._lock:
                if self._expected is not modules:
                    return
                if module not in self._residents and not self._fetched(module):
                    return

    def _fetched(self, module: nn.Module) -> bool:
        """Copy a module if it fits in whole without what is in use or expected leaving."""
        expected = set(self._expected)
        idle = [m for m, r in self._residents.items() if not r.users and m not in expected]
        leaving = sum(self._residents[m].placed.nbytes for m in idle)
        nbytes = module_bytes(module)
        if self.used_bytes - leaving + nbytes > self.budget_bytes:
            return False
        self._drop(nbytes, idle)
        room = self.budget_bytes - self.used_bytes
        try:
            with _own_stream(self.device):
                placed = place(module, self.device, room)
        except torch.OutOfMemoryError:
            # Nobody has asked for it yet; who does is told.
            LOG.info("there was no room to copy a model ahead of its use")
            return False
        self._residents[module] = _Resident(placed, room)
        return True


def _beside(work: Any, modules: list[nn.Module]) -> threading.Thread | None:
    if not modules:
        return None
    thread = threading.Thread(target=work, args=(modules,), name="weft-ahead", daemon=True)
    thread.start()
    return thread


@contextmanager
def _own_stream(device: torch.device) -> Iterator[None]:
    """Copy beside the kernels of the present work, and wait until the copies are there."""
    if device.type != "cuda":
        yield
        return
    stream: Any = torch.Stream(device)
    with stream:
        yield
    stream.synchronize()
