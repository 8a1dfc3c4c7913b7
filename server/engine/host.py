"""What the engine asks of the process that it runs in, and the context that it hands to nodes."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nodes.api.context import Cancelled, Context, Files
from nodes.api.markers import JSON
from server.engine.events import Event
from server.engine.plan import Step
from server.engine.problems import Problem

S = TypeVar("S")
PROGRESS_SECONDS = 0.1
PREVIEW_SECONDS = 0.2
Write = Callable[[Path, Mapping[str, str]], None]


class Host(Protocol):
    """The process around a run: device, files, artifacts."""

    @property
    def device(self) -> str:
        """Where nodes compute."""

    @property
    def dtype(self) -> str:
        """What they compute in."""

    @property
    def files(self) -> Files:
        """The user's files."""

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        """Hold a model on the device."""

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
        about: Mapping[str, JSON],
    ) -> dict[str, Any]:
        """Keep the file number `index` that a node makes, and describe it in JSON."""

    def saved(self, key: str) -> list[dict[str, Any]] | None:
        """Describe the files that were once saved under a key; None if one of them is gone."""

    def workspace(self, key: str) -> Path:
        """Give the folder for unfinished work under a key, as it was left."""

    def clear_workspaces(self, key: str) -> None:
        """Let go of the folders of a key whose work is finished."""

    def watch_memory(self) -> Callable[[], int | None]:
        """Watch memory from now on; the function says by how many bytes its use rose at most.

        It says None where nobody can tell. Only the latest watch holds.
        """

    def out_of_memory(self, error: BaseException) -> bool:
        """Tell whether an error says that the device's memory did not suffice."""

    def expect(self, values: Sequence[Any]) -> None:
        """Hear what the next nodes will be given, the soonest first, and make it ready."""

    def free_memory(self) -> None:
        """Free what can be freed on the device."""


@dataclass
class Call:
    """What one step tells while it runs.

    Attributes:
        step: Which.
        saves: How many files it has saved.
        warnings: What it has told the user.
        element: Which element of the sequences that it takes it runs for.
        workspace: Whether it has asked for a folder for unfinished work.
        progress_at: When it last told its progress.
        preview_at: When it last showed something.
    """

    step: Step
    saves: int = 0
    warnings: tuple[Problem, ...] = ()
    element: int = 0
    workspace: bool = False
    progress_at: float = 0.0
    preview_at: float = 0.0


class Teller:
    """Sends events, one at a time, until the run is over."""

    def __init__(
        self,
        emit: Callable[[Event], None],
        cancelled: Callable[[], bool],
        watched: Callable[[], bool],
    ) -> None:
        self._emit = emit
        self._watched = watched
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self.over = False

    def tell(
        self, type_: str, step: Step, data: Mapping[str, Any] = {}, blob: bytes | None = None
    ) -> None:
        """Send an event of a step."""
        inner = {"inner": step.inner} if step.inner else {}
        self.send(Event(type_, {**data, **inner}, step.root, blob))

    def send(self, event: Event) -> None:
        """Send an event; nodes that outlive the run are not heard."""
        with self._lock:
            if not self.over:
                self._emit(event)

    def previews(self) -> bool:
        """Tell whether a preview would be seen."""
        return not self.over and self._watched()

    def close(self) -> None:
        """Hear nobody from here on."""
        with self._lock:
            self.over = True

    def stopped(self) -> bool:
        """Tell whether nodes must end."""
        return self.over or self._cancelled()


@dataclass(frozen=True)
class NodeContext:
    """The context of one call; `start` and `end` are its part of the node's progress."""

    host: Host
    teller: Teller
    call: Call
    start: float = 0.0
    end: float = 1.0

    @property
    def device(self) -> str:
        """Where to compute."""
        return self.host.device

    @property
    def dtype(self) -> str:
        """What to compute in."""
        return self.host.dtype

    @property
    def files(self) -> Files:
        """The user's files."""
        return self.host.files

    def track(self, steps: Iterable[S], total: int | None = None) -> Iterator[S]:
        """Pass steps on, telling progress, and end between two of them when cancelled."""
        if total is None and isinstance(steps, Sized):
            total = len(steps)
        done = 0
        self._stop()
        for step in steps:
            yield step
            done += 1
            self._stop()
            self._progress(done, total)
        self._progress(done, total, last=True)

    def part(self, start: float, end: float) -> Context:
        """Give a context for a part of this one's progress."""
        width = self.end - self.start
        return replace(self, start=self.start + start * width, end=self.start + end * width)

    def preview(self, encode: Callable[[], bytes]) -> None:
        """Show a JPEG, at most five a second, and only to somebody."""
        now = time.monotonic()
        if now - self.call.preview_at >= PREVIEW_SECONDS and self.teller.previews():
            self.call.preview_at = now
            data = {"mime": "image/jpeg"}
            self.teller.tell("node.preview", self.call.step, data, blob=encode())

    def save(
        self,
        write: Write,
        *,
        prefix: str,
        suffix: str,
        mime: str,
        temporary: bool = False,
        about: Mapping[str, JSON] = {},
    ) -> None:
        """Have the host keep a file, and tell of it."""
        self._stop()
        step = self.call.step
        artifact = self.host.save(
            step.id,
            self.call.saves,
            step.key,
            write,
            prefix=prefix,
            suffix=suffix,
            mime=mime,
            temporary=temporary,
            about=about,
        )
        self.call.saves += 1
        self.teller.tell("node.artifact", step, {"artifact": artifact})

    def warn(self, message: str, hint: str = "") -> None:
        """Tell the user something, once."""
        problem = Problem("node.warning", message, hint, self.call.step.root, severity="warning")
        if problem not in self.call.warnings:
            self.call.warnings = (*self.call.warnings, problem)
            self.teller.tell("node.warning", self.call.step, {"problem": problem.to_json()})

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        """Hold a model on the device."""
        return self.host.resident(model)

    def workspace(self) -> Path:
        """Give the folder for this call's unfinished work."""
        self.call.workspace = True
        folder = self.host.workspace(self.call.step.key) / str(self.call.element)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _stop(self) -> None:
        if self.teller.stopped():
            raise Cancelled

    def _progress(self, done: int, total: int | None, last: bool = False) -> None:
        now = time.monotonic()
        if not last and now - self.call.progress_at < PROGRESS_SECONDS:
            return
        self.call.progress_at = now
        value: float = done
        top: float | None = total
        if (self.start, self.end) != (0.0, 1.0):
            share = done / total if total else float(last)
            value, top = self.start + (self.end - self.start) * min(share, 1.0), 1
        self.teller.tell("node.progress", self.call.step, {"value": value, "max": top})
