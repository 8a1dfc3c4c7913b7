"""Folders of models and inputs: what they hold, where a name lies, and what stamps its content."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nodes.api.file_names import refusal
from nodes.api.mentions import WORDS, file_meant
from nodes.errors import FileProblem
from server.file_kinds import CONFIG_FILE, KINDS, PIPELINE_FILE, UNSAFE_SUFFIXES, Kind
from server.paths import contained, shown
from server.settings import ROOT

if TYPE_CHECKING:
    from server.settings import Settings

EXAMPLES = ROOT / "workflows" / "inputs"
"""Pictures that the shipped workflows start from: inputs like the user's own, which come first."""

PLACES = ("input", "output", "temp")
"""Folders that an input name may point to with a suffix such as `picture.png [output]`."""

_SETTLED_SECONDS = 2.0
"""A folder changed less long ago is read again: file systems count time in steps of up to 2 s."""
_DEEPEST = 8
"""Folders below this depth are not listed."""


@dataclass(frozen=True)
class FileInfo:
    """One file that a node can name.

    Attributes:
        name: Relative to its folder, with `/` between the parts.
        size: In bytes; of all its files for a folder.
        modified: Unix seconds.
    """

    name: str
    size: int
    modified: float

    def to_json(self) -> dict[str, str | int | float]:
        """Return the fields as JSON."""
        return {"name": self.name, "size": self.size, "modified": self.modified}


@dataclass(frozen=True)
class _Listing:
    """Names to paths of one kind, and the folders' modification times that it rests on."""

    paths: dict[str, Path]
    roots: list[Path]
    folders: dict[Path, int]
    read: float


class Names(Collection[str]):
    """The names of one kind; `in` also accepts an input that lies in another of our folders."""

    def __init__(self, files: Files, kind: str) -> None:
        """Take the listing of now."""
        self._files = files
        self._kind = kind
        self._names = files.listing(kind) if kind in KINDS else {}

    def __iter__(self) -> Iterator[str]:
        """Yield the listed names, sorted."""
        return iter(self._names)

    def __len__(self) -> int:
        """Count the listed names."""
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        """Tell whether a node could open this name."""
        if not isinstance(name, str):
            return False
        if name in self._names:
            return True
        if self._kind != "input" or not name.endswith("]"):
            return False
        try:
            self._files.path(self._kind, name)
        except FileProblem:
            return False
        return True


class Files:
    """The folders of this installation, by kind. Every method may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        """Use the data folder and the models folders of the settings."""
        self._places = {place: settings.data_dir / place for place in PLACES}
        self._bases = tuple(settings.models_dirs)
        self._listings: dict[str, _Listing] = {}
        self._lock = threading.Lock()

    def place(self, name: str) -> Path:
        """Return the folder of `input`, `output` or `temp`."""
        return self._places[name]

    def roots(self, kind: str) -> list[Path]:
        """Return the existing folders of a kind, ours first.

        Raises:
            FileProblem: `file.kind` when there is no such kind.
        """
        described = _kind(kind)
        if described.placed:
            return [self._places["input"], EXAMPLES]
        candidates = [
            base.joinpath(*middle, *folder.split("/"))
            for base in self._bases
            for middle in ((), ("models",))
            for folder in described.folders
        ]
        seen: dict[Path, Path] = {}
        for folder in candidates:
            if folder.is_dir():
                seen.setdefault(folder.resolve(), folder)
        return list(seen.values())

    def listing(self, kind: str) -> dict[str, Path]:
        """Return the names of a kind with their paths, sorted by name, cached while unchanged."""
        with self._lock:
            known = self._listings.get(kind)
            if known is None or not _holds(known, self.roots(kind)):
                known = self._read(kind)
                self._listings[kind] = known
            return known.paths

    def names(self, kind: str) -> list[str]:
        """Return the names of a kind, sorted."""
        return list(self.listing(kind))

    def choices(self, kind: str) -> Names:
        """Return the names that validation accepts for a kind; of an unknown kind, none."""
        return Names(self, kind)

    def info(self, kind: str) -> list[FileInfo]:
        """Return name, size and time of every file of a kind, sorted by name."""
        found = []
        for name, path in self.listing(kind).items():
            try:
                found.append(FileInfo(name, *_measure(path)))
            except OSError:
                # It was removed since the listing, so it is not there.
                continue
        return found

    def path(self, kind: str, name: str) -> Path:
        """Return the path of a file that a node or a request names.

        An input may end in ` [input]`, ` [output]` or ` [temp]` to say which folder it lies in.

        Raises:
            FileProblem: when the name is refused, of an unsafe format, or nothing is there.
        """
        described = _kind(kind)
        bare, place = _placed(name) if described.placed else (name, "")
        unsafe = tuple(end for end in UNSAFE_SUFFIXES if end not in described.suffixes)
        if bare.lower().endswith(unsafe):
            raise FileProblem(
                f"{shown(bare)} is in a format that can run code when it is read.",
                hint="Convert it to .safetensors, or look for its .safetensors version.",
                code="file.unsafe",
            )
        for root in [self._places[place]] if place else self.roots(kind):
            path = contained(root, bare, folders=True, also=self._also(kind))
            if _is_entry(described, path):
                return path
        raise FileProblem(
            f"There is no {shown(bare)} among the {kind} files.",
            hint="Look at the spelling, or put the file into its folder.",
            code="file.missing",
        )

    def stamp(self, kind: str, name: str) -> str:
        """Return a text that changes when the content of a file does.

        Args:
            kind: Of the file.
            name: As `path` takes it, or as a text says it (`embedding:name`). Empty, it stands for
                all files of the kind.

        Raises:
            FileProblem: as `path` does, or when a text means no file.
        """
        digest = hashlib.blake2b(digest_size=16)
        if not name:
            digest.update(repr(self.info(kind)).encode("utf-8", "surrogateescape"))
            return digest.hexdigest()
        if kind in WORDS and name.startswith(f"{WORDS[kind]}:"):
            name = file_meant(kind, name, self.listing(kind))
        path = self.path(kind, name)
        for part in _files_of(path):
            state = part.stat()
            line = f"{part.relative_to(path).as_posix()} {state.st_size} {state.st_mtime_ns}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _also(self, kind: str) -> tuple[Path, ...]:
        return () if _kind(kind).placed else self._bases

    def _read(self, kind: str) -> _Listing:
        read = time.time()
        described = _kind(kind)
        roots = self.roots(kind)
        found: dict[str, Path] = {}
        folders: dict[Path, int] = {}
        for root in roots:
            for name, path in _walk(root, described, folders, self._also(kind)):
                found.setdefault(name, path)
        ordered = dict(sorted(found.items(), key=lambda item: (item[0].casefold(), item[0])))
        return _Listing(ordered, roots, folders, read)


def _kind(name: str) -> Kind:
    kind = KINDS.get(name)
    if kind is None:
        raise FileProblem(
            f"There is no kind of files called {shown(name)}.",
            hint="The kinds are " + ", ".join(KINDS) + ".",
            code="file.kind",
        )
    return kind


def _placed(name: str) -> tuple[str, str]:
    """Split ` [output]` off an input name."""
    for place in PLACES:
        if name.endswith(f" [{place}]"):
            return name.removesuffix(f" [{place}]"), place
    return name, ""


def _is_entry(kind: Kind, path: Path) -> bool:
    """Tell whether a path is one entry of a kind: a file, or a folder with its marker."""
    if path.is_dir():
        return (kind.pipelines and (path / PIPELINE_FILE).is_file()) or (
            kind.plain_folders and (path / CONFIG_FILE).is_file()
        )
    return path.name.lower().endswith(kind.suffixes) and path.is_file()


def _holds(listing: _Listing, roots: list[Path]) -> bool:
    """Tell whether no folder changed since a listing was read."""
    if listing.roots != roots:
        return False
    for folder, modified in listing.folders.items():
        try:
            now = folder.stat().st_mtime_ns
        except OSError:
            return False
        if now != modified or now / 1e9 > listing.read - _SETTLED_SECONDS:
            return False
    return True


def _walk(
    root: Path, kind: Kind, folders: dict[Path, int], also: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    """Yield every entry under a folder, and note the folders that were read in `folders`."""
    waiting = [(root, "")]
    seen: set[tuple[int, int]] = set()
    while waiting:
        folder, prefix = waiting.pop()
        try:
            state = folder.stat()
            entries = list(folder.iterdir())
        except OSError:
            # Removed or unreadable: what cannot be opened is no choice.
            continue
        folders[folder] = state.st_mtime_ns
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        for path in entries:
            name = prefix + path.name
            if not _can_be_named(root, name, path, also):
                continue
            if _is_entry(kind, path):
                yield name, path
            elif path.is_dir() and prefix.count("/") < _DEEPEST:
                waiting.append((path, f"{name}/"))


def _can_be_named(root: Path, name: str, path: Path, also: tuple[Path, ...]) -> bool:
    """Tell whether `Files.path` would accept a name; hidden files are nobody's choice."""
    if path.name.startswith(".") or refusal(path.name):
        return False
    if not path.is_symlink():
        # What is no link lies where its folder lies, and that was looked at before.
        return True
    try:
        contained(root, name, folders=True, also=also)
    except FileProblem:
        return False
    return True


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(part for part in path.rglob("*") if part.is_file())
    return [path]


def _measure(path: Path) -> tuple[int, float]:
    """Return size in bytes and time of the last change."""
    states = [part.stat() for part in _files_of(path)]
    return sum(s.st_size for s in states), max((s.st_mtime for s in states), default=0.0)
