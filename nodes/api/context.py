"""What a running node is given: progress, cancel, previews, files and saving."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nodes.api.markers import JSON
from nodes.errors import FileProblem, NodeError

S = TypeVar("S")
Write = Callable[[Path, Mapping[str, str]], None]


class Cancelled(BaseException):
    """The user has cancelled the run; nodes never catch it."""


class Files(Protocol):
    """The files that a node may read."""

    def path(self, kind: str, name: str) -> Path:
        """Find a file within the folder of its kind.

        Raises:
            NodeError: If there is none, or the name leads out of the folder.
        """

    def names(self, kind: str) -> list[str]:
        """List the files of a kind."""


class Context(Protocol):
    """The host, as a node sees it."""

    @property
    def device(self) -> str:
        """Where to compute: "cpu", "cuda:0", "mps"."""

    @property
    def dtype(self) -> str:
        """What to compute in: "float32", "bfloat16", "float16"."""

    @property
    def files(self) -> Files:
        """The user's files."""

    def track(self, steps: Iterable[S], total: int | None = None) -> Iterator[S]:
        """Pass steps on, reporting progress, and raising `Cancelled` between two of them."""

    def part(self, start: float, end: float) -> "Context":
        """Give a context whose progress is a part of this one's, in fractions."""

    def preview(self, encode: Callable[[], bytes]) -> None:
        """Show a JPEG; `encode` is called only when someone wants to see it."""

    def save(
        self,
        write: Write,
        *,
        prefix: str,
        suffix: str,
        mime: str,
        temporary: bool = False,
        about: Mapping[str, JSON] = ...,
    ) -> None:
        """Keep a file that the node makes.

        Args:
            write: Called with a path to write to and texts to embed as metadata.
            prefix: Start of the file's name.
            suffix: Its end, such as ".png".
            mime: Its type.
            temporary: Whether it may go at the next start.
            about: What to say of it: kind, width, height.
        """

    def warn(self, message: str, hint: str = "") -> None:
        """Tell the user something that does not stop the run."""

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        """Hold a model's module on the device, within the budget, and yield it."""

    def workspace(self) -> Path:
        """Give a folder of the disk for what is made on the way to the result.

        When the run ends before the node has finished, a later run with the same inputs finds the
        folder as it was; when the node has finished it goes.
        """


class _NoFiles:
    def path(self, kind: str, name: str) -> Path:
        raise FileProblem(f"There is no file {name!r} in {kind}.", "Give a context with files.")

    def names(self, kind: str) -> list[str]:
        return []


class Quiet:
    """A context with no host, for tests and notebooks: nothing is shown, nothing is saved."""

    device = "cpu"
    dtype = "float32"
    files: Files = _NoFiles()

    def track(self, steps: Iterable[S], total: int | None = None) -> Iterator[S]:
        """Pass the steps on."""
        return iter(steps)

    def part(self, start: float, end: float) -> Context:
        """Give itself."""
        return self

    def preview(self, encode: Callable[[], bytes]) -> None:
        """Show nothing."""

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
        """Refuse: there is nowhere to save to.

        Raises:
            NodeError: Always.
        """
        raise NodeError("There is nowhere to save to.", "Run the node in a workflow.")

    def warn(self, message: str, hint: str = "") -> None:
        """Tell nobody."""

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        """Yield the model as it is."""
        return nullcontext(model)

    def workspace(self) -> Path:
        """Give a new folder, which goes with the process."""
        return Path(tempfile.mkdtemp(dir=_scratch().name))


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="weft-", ignore_cleanup_errors=True)


QUIET: Context = Quiet()
