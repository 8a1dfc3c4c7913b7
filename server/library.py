"""Saved workflows: one file each in a folder that people may also use by hand, with versions kept.

The rule: what is written over is kept as a version first, and nothing is overwritten by somebody
who has not seen it, when the caller says what was seen.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nodes.api import JSON
from nodes.api.file_names import refusal
from nodes.errors import FileProblem, NodeError
from server.atomic import once_let_go, replace_with, sweep_parts
from server.library_entries import Entry, Version, described, version_of
from server.paths import contained, shown
from server.strict_json import loads

SUFFIX = ".json"
VERSIONS = ".versions"
"""The folder of old versions; names that begin with a dot are nobody's workflows."""
COVERS = ".covers"
"""The folder of the pictures that stand for workflows in lists."""
MOST_VERSIONS = 100
"""Versions kept of one workflow; the oldest go first."""
MOST_BYTES = 16 * 2**20
"""A larger file is no workflow: 20,000 nodes take about 5 MB."""

_VERSION_FILE = re.compile(r"(\d{6,9})-[0-9a-f]{20}\.json")


class Conflict(NodeError):
    """Somebody else changed, made or removed the workflow meanwhile."""

    def __init__(self, name: str, version: str | None) -> None:
        """Say which workflow, and keep the version that stands now, if any."""
        self.version = version
        what = "was changed" if version else "was removed"
        super().__init__(
            f"The workflow {shown(name)} {what} since it was opened.",
            hint="Open it again, or save under another name.",
            code="workflow.conflict",
        )


class Taken(Conflict):
    """There is a workflow of that name already."""

    def __init__(self, name: str, version: str) -> None:
        """Say which, and keep its version."""
        NodeError.__init__(
            self,
            f"There is a workflow called {shown(name)} already.",
            hint="Choose another name, or open that one and save over it.",
            code="workflow.taken",
        )
        self.version = version


class Library:
    """The workflows in a folder. Every method may be called from any thread, and reads files."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made at the first save."""
        self._folder = folder
        self._lock = threading.Lock()
        self._entries: dict[Path, tuple[tuple[int, int], Entry]] = {}

    def sweep(self, before: float) -> int:
        """Remove what a killed process left half written before a time; return how many."""
        return sweep_parts(self._folder, before)

    def entries(self, search: str = "") -> list[Entry]:
        """Return the workflows whose name, title, tags or description hold every searched word."""
        words = search.casefold().split()
        found = []
        for name, path in self._names():
            entry = self._entry(name, path)
            if entry is None:
                continue
            text = " ".join((entry.name, entry.title, *entry.tags, entry.description)).casefold()
            if all(word in text for word in words):
                found.append(replace(entry, cover=self._covered(name)))
        return sorted(found, key=lambda entry: (entry.name.casefold(), entry.name))

    def get(self, name: str) -> tuple[JSON, str]:
        """Return a workflow and its version.

        Raises:
            FileProblem: when the name is refused, nothing is there, or it is no JSON.
        """
        data = self._read(name)
        return loads(data), version_of(data)

    def put(
        self, name: str, data: bytes, *, if_match: str | None = None, new: bool = False
    ) -> tuple[str, bool]:
        """Save a workflow.

        Args:
            name: Where to; folders are made.
            data: The file's content, canonical JSON.
            if_match: The version that is to be replaced; nothing to replace whatever is there.
            new: Whether nothing may be there yet.

        Returns:
            Its version, and whether it is a new workflow.

        Raises:
            Conflict: when something else is there; Taken, when nothing should be.
            FileProblem: when the name is refused.
        """
        path = self._path(name)
        with self._lock:
            old = path.read_bytes() if path.is_file() else None
            current = None if old is None else version_of(old)
            if if_match is not None and if_match != current:
                raise Conflict(name, current)
            if new and current is not None:
                raise Taken(name, current)
            version = version_of(data)
            if version == current:
                return version, False
            if old is not None:
                self._keep(name, old)
            try:
                replace_with(path, lambda part: part.write_bytes(data))
            except (NotADirectoryError, FileExistsError, IsADirectoryError) as problem:
                raise _folder_in_the_way(name) from problem
            self._keep(name, data)
            return version, old is None

    def delete(self, name: str, *, if_match: str | None = None) -> bool:
        """Remove a workflow; its versions stay, and a new one of that name continues them.

        Returns:
            Whether it was there.

        Raises:
            Conflict: when it is not the version that was to be removed.
            FileProblem: when the name is refused.
        """
        path = self._path(name)
        with self._lock:
            if not path.is_file():
                return False
            data = path.read_bytes()
            if if_match is not None and if_match != version_of(data):
                raise Conflict(name, version_of(data))
            self._keep(name, data)
            once_let_go(path.unlink)
            self._cover(name).unlink(missing_ok=True)
            return True

    def rename(self, name: str, to: str) -> str:
        """Give a workflow another name, with its versions; return its version.

        Raises:
            Taken: when the new name is.
            FileProblem: when a name is refused, or nothing is there.
        """
        path, target = self._path(name), self._path(to)
        with self._lock:
            data = self._read(name)
            if name == to:
                return version_of(data)
            # Where capitals are no difference, a name in other letters is the same file.
            if target.exists() and not target.samefile(path):
                raise Taken(to, version_of(target.read_bytes()))
            self._keep(name, data)
            old, new = self._history(name), self._history(to)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                new.parent.mkdir(parents=True, exist_ok=True)
            except (NotADirectoryError, FileExistsError) as problem:
                raise _folder_in_the_way(to) from problem
            once_let_go(lambda: path.rename(target))
            if not new.exists() or new.samefile(old):
                old.rename(new)
            if self._cover(name).is_file():
                self._cover(to).parent.mkdir(parents=True, exist_ok=True)
                self._cover(name).replace(self._cover(to))
            return version_of(data)

    def cover(self, name: str) -> Path:
        """Return the picture that stands for a workflow, a WebP.

        Raises:
            FileProblem: when the name is refused, or there is no picture.
        """
        self._path(name)
        path = self._cover(name)
        if not path.is_file():
            raise FileProblem(
                f"The workflow {shown(name)} has no picture.",
                hint="Run it, then save it: the first picture of the run is kept with it.",
                code="file.missing",
            )
        return path

    def set_cover(self, name: str, picture: Path) -> None:
        """Keep a copy of a WebP as the picture that stands for a workflow.

        Raises:
            FileProblem: when the name is refused, or nothing is there.
        """
        with self._lock:
            self._read(name)
            data = picture.read_bytes()
            replace_with(self._cover(name), lambda part: part.write_bytes(data))

    def versions(self, name: str) -> list[Version]:
        """Return the contents that a workflow had, the newest first.

        Raises:
            FileProblem: when the name is refused, or there never was such a workflow.
        """
        self._path(name)
        found = []
        for number, path in sorted(self._numbered(name).items(), reverse=True):
            state = path.stat()
            found.append(Version(number, _version_in(path), state.st_mtime, state.st_size))
        if not found:
            # A file put there by hand has no versions yet; no file at all is a mistake.
            self._read(name)
        return found

    def get_version(self, name: str, number: int) -> tuple[JSON, str]:
        """Return one content that a workflow had, and its version.

        Raises:
            FileProblem: when the name is refused, or there is no such version.
        """
        self._path(name)
        path = self._numbered(name).get(number)
        if path is None:
            raise FileProblem(
                f"The workflow {shown(name)} has no version {number}.",
                hint="Its versions are listed under it; the oldest go when there are many.",
                code="file.missing",
            )
        return loads(path.read_bytes()), _version_in(path)

    def _path(self, name: str) -> Path:
        contained(self._folder, name, folders=True)
        for part in name.split("/"):
            if part.startswith(".") or part.lower().endswith(SUFFIX):
                raise FileProblem(
                    f"{shown(name)} cannot be a workflow's name.",
                    hint="Leave off the .json, and begin no part of it with a dot.",
                    code="file.name",
                )
        return contained(self._folder, name + SUFFIX, folders=True)

    def _history(self, name: str) -> Path:
        return contained(self._folder / VERSIONS, name + SUFFIX, folders=True)

    def _cover(self, name: str) -> Path:
        return contained(self._folder / COVERS, f"{name}.webp", folders=True)

    def _covered(self, name: str) -> int | None:
        try:
            return int(self._cover(name).stat().st_mtime * 1000)
        except FileNotFoundError:
            return None

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        if not path.is_file():
            raise FileProblem(
                f"There is no workflow called {shown(name)}.",
                hint="Look at the spelling, or choose one from the list.",
                code="file.missing",
            )
        if path.stat().st_size > MOST_BYTES:
            raise FileProblem(
                f"The file of {shown(name)} is larger than {MOST_BYTES // 2**20} MiB.",
                hint="It is hardly a workflow; look at the file.",
                code="workflow.size",
            )
        return path.read_bytes()

    def _numbered(self, name: str) -> dict[int, Path]:
        """Return the files of the versions by number."""
        history = self._history(name)
        if not history.is_dir():
            return {}
        matches = ((_VERSION_FILE.fullmatch(path.name), path) for path in history.iterdir())
        return {int(match[1]): path for match, path in matches if match}

    def _keep(self, name: str, data: bytes) -> None:
        """Keep a content as the newest version, unless it is that already."""
        numbered = self._numbered(name)
        last = max(numbered, default=0)
        version = version_of(data)
        if last and _version_in(numbered[last]) == version:
            return
        path = self._history(name) / f"{last + 1:06}-{version}{SUFFIX}"
        replace_with(path, lambda part: part.write_bytes(data))
        for number in sorted(numbered)[: max(0, len(numbered) + 1 - MOST_VERSIONS)]:
            numbered[number].unlink(missing_ok=True)

    def _names(self) -> Iterator[tuple[str, Path]]:
        for path in self._folder.rglob(f"*{SUFFIX}"):
            relative = path.relative_to(self._folder)
            if not any(part.startswith(".") or refusal(part) for part in relative.parts):
                yield relative.as_posix().removesuffix(SUFFIX), path

    def _entry(self, name: str, path: Path) -> Entry | None:
        try:
            state = path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            known = self._entries.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            data = self._read(name)
        except (FileProblem, OSError):
            # Removed meanwhile, a link that leads out, or far too large: no workflow of ours.
            return None
        entry = described(name, data, state.st_mtime)
        self._entries[path] = (stamp, entry)
        return entry


def _version_in(path: Path) -> str:
    return path.stem.partition("-")[2]


def _folder_in_the_way(name: str) -> FileProblem:
    return FileProblem(
        f"A part of {shown(name)} is a folder in one place and a file in the other.",
        hint="Choose another name.",
        code="file.name",
    )
