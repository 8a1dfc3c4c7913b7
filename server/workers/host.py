"""What a worker gives to the nodes that it runs: the device, the files, saving."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from nodes.errors import OutOfMemory
from server.files import Files
from server.platform import watch_memory
from server.workers.saving import Saver, Write
from server.workers.workspaces import Workspaces

_TOLD_AS = ("out of memory", "can't allocate memory", "not enough memory")
"""How libraries say it where they raise a plain RuntimeError."""


class Memory(Protocol):
    """Where models are kept while they work."""

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        """Hold a model on the device."""

    def expect(self, models: Iterable[object]) -> object:
        """Make ready what will be needed next, beside the work; what is no model is passed over."""

    def free(self) -> None:
        """Let go of what is not in use."""


class WorkerHost:
    """The host of every run of a worker."""

    def __init__(
        self,
        device: str,
        dtype: str,
        files: Files,
        memory: Memory,
        saver: Saver,
        workspaces: Workspaces,
    ) -> None:
        """Put the parts together."""
        self.device = device
        self.dtype = dtype
        self.files = files
        self._memory = memory
        self._saver = saver
        self._workspaces = workspaces

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        """Hold a model on the device within the budget."""
        return self._memory.resident(model)

    def save(
        self,
        node: str,
        index: int,
        key: str,
        write: Write,
        *,
        prefix: str,
        suffix: str,
        mime: str,
        temporary: bool,
        about: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Save a file and return its artifact as JSON."""
        return self._saver.save(
            node,
            index,
            key,
            write,
            prefix=prefix,
            suffix=suffix,
            mime=mime,
            temporary=temporary,
            about=about,
        )

    def saved(self, key: str) -> list[dict[str, Any]] | None:
        """Return what a node of this key once saved, while it is all there."""
        return self._saver.saved(key)

    def workspace(self, key: str) -> Path:
        """Give the folder for unfinished work under a key."""
        return self._workspaces.place(key)

    def clear_workspaces(self, key: str) -> None:
        """Let go of the folders of a key whose work is finished."""
        self._workspaces.clear(key)

    def watch_memory(self) -> Callable[[], int | None]:
        """Watch the memory of the device, which on the processor is that of the process."""
        if self.device == "cpu":
            return watch_memory()
        torch = sys.modules.get("torch")
        if torch is None or not self.device.startswith("cuda"):
            return lambda: None
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        return lambda: int(torch.cuda.max_memory_allocated(self.device)) - before

    def out_of_memory(self, problem: BaseException) -> bool:
        """Tell whether an exception means that memory ran out."""
        if isinstance(problem, MemoryError | OutOfMemory):
            return True
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(problem, torch.OutOfMemoryError):
            return True
        return isinstance(problem, RuntimeError) and any(
            words in str(problem).lower() for words in _TOLD_AS
        )

    def expect(self, values: Sequence[Any]) -> None:
        """Have the models among what comes next brought to the device, as far as there is room."""
        self._memory.expect(values)

    def free_memory(self) -> None:
        """Give back what the device and the process can do without."""
        self._memory.free()
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        elif torch is not None and self.device == "mps":
            torch.mps.empty_cache()
