"""A host of one folder, for nodes that read and write files."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from nodes.api import JSON, Context
from nodes.errors import FileProblem

S = TypeVar("S")
TEXTS = {"weft": '{"title": "Ein schöner Kreis ○"}', "prompt": "{}"}


@dataclass(frozen=True)
class Folder:
    """Files by kind: each kind is a folder."""

    root: Path

    def path(self, kind: str, name: str) -> Path:
        path = self.root / kind / name
        if not path.exists():
            raise FileProblem(f"There is no {name} in {kind}.")
        return path

    def names(self, kind: str) -> list[str]:
        return sorted(path.name for path in (self.root / kind).iterdir())


@dataclass
class FolderContext:
    """Reads files from a folder, writes to it, and keeps what nodes tell."""

    root: Path
    device: str = "cpu"
    dtype: str = "float32"
    saved: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    counted: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def files(self) -> Folder:
        return Folder(self.root)

    def track(self, steps: Iterable[S], total: int | None = None) -> Iterator[S]:
        done = 0
        for step in steps:
            done += 1
            yield step
        self.counted.append((done, total))

    def part(self, start: float, end: float) -> Context:
        return self

    def preview(self, encode: Callable[[], bytes]) -> None:
        encode()

    def save(
        self,
        write: Callable[[Path, Mapping[str, str]], None],
        *,
        prefix: str,
        suffix: str,
        mime: str,
        temporary: bool = False,
        about: Mapping[str, JSON] = {},
    ) -> None:
        path = self.root / f"{prefix}_{len(self.saved) + 1:05}_{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, TEXTS)
        self.saved.append((path, {"mime": mime, "temporary": temporary, **about}))

    def warn(self, message: str, hint: str = "") -> None:
        self.warnings.append(message)

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        return nullcontext(model)

    def workspace(self) -> Path:
        return Path(mkdtemp(prefix="work-", dir=self.root))
