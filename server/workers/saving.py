"""How a worker saves what nodes make: whole, once a place of a job, and found again by its key.

Two kinds of notes are kept beside the cache. A *pledge* is written before a file gets its name: a
second attempt at the same job finds by it the file of the first, and takes its place. A *receipt*
says what a node saved in all; a later run with the same key publishes that again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from nodes.api.file_names import with_date
from nodes.errors import NodeError
from server.artifacts import fingerprint, write_atomic
from server.atomic import replace_with
from server.disk import DiskFull, is_full
from server.engine.effective import inner_of, root_of
from server.paths import contained
from server.settings import Settings

log = logging.getLogger("weft.saving")

Write = Callable[[Path, Mapping[str, str]], None]


class Saver:
    """Saves files for one run after another."""

    def __init__(self, settings: Settings) -> None:
        """Use the folders of the settings."""
        self._folders = {"output": settings.output_dir, "temp": settings.temp_dir}
        self._pledges = settings.cache_dir / "pledges"
        self._receipts = settings.cache_dir / "receipts"
        self._job = ""
        self._texts: Callable[[], Mapping[str, str]] = dict
        self._made: dict[tuple[str, str], tuple[str, list[dict[str, Any]]]] = {}

    def begin(self, job: str, texts: Callable[[], Mapping[str, str]]) -> None:
        """Save for a job from now on.

        Args:
            job: Its id.
            texts: Gives the texts that are embedded in files.
        """
        self._job = job
        self._texts = texts
        self._made = {}

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
        """Save one file and return its artifact as JSON.

        Raises:
            DiskFull: when there is no room for it.
            NodeError: when its name cannot be used.
        """
        folder = "temp" if temporary else "output"
        top = self._folders[folder]
        prefix = with_date(prefix, datetime.now())
        try:
            path = self._written(node, index, top, prefix, suffix, write)
        except OSError as problem:
            if is_full(problem):
                raise DiskFull from problem
            raise NodeError(
                f"The file could not be written: {problem.strerror or 'the reason is unknown'}.",
                hint="Look at the output folder and its permissions.",
                code="file.write",
            ) from problem
        root, inner = root_of(node), inner_of(node)
        artifact = {
            "node": root,
            "index": _place(inner, index),
            "kind": mime.split("/")[0],
            "name": path.name,
            "folder": folder,
            "subfolder": "" if path.parent == top else path.parent.relative_to(top).as_posix(),
            "mime": mime,
            "bytes": path.stat().st_size,
            "sha256": fingerprint(path),
            "created": time.time(),
            "width": None,
            "height": None,
            **{name: about[name] for name in ("kind", "width", "height") if name in about},
        }
        self._made.setdefault((root, inner), (key, []))[1].append(artifact)
        return artifact

    def finished(self, root: str, inner: str) -> None:
        """Write the receipt of a node that has finished, given as its events name it."""
        key, artifacts = self._made.pop((root, inner), ("", []))
        if not artifacts:
            return
        text = json.dumps(artifacts)
        try:
            replace_with(self._receipt(key), lambda path: _write_text(path, text))
        except OSError:
            # The files are there all the same; without a receipt the node just runs again.
            log.warning("a receipt could not be written", exc_info=True)

    def saved(self, key: str) -> list[dict[str, Any]] | None:
        """Return what a node of this key once saved, while all of it is still there."""
        try:
            artifacts: list[dict[str, Any]] = json.loads(self._receipt(key).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            # A damaged receipt: the node runs again and writes a new one.
            self._receipt(key).unlink(missing_ok=True)
            return None
        if not all(self._is_there(artifact) for artifact in artifacts):
            return None
        return artifacts

    def settled(self, job: str) -> None:
        """Forget the pledges of a job whose end is recorded."""
        shutil.rmtree(self._pledges / _short(job), ignore_errors=True)

    def _written(
        self, node: str, index: int, root: Path, prefix: str, suffix: str, write: Write
    ) -> Path:
        texts = self._texts()
        pledge = self._pledges / _short(self._job) / _short(f"{node} {index}")
        before, pledged = _kept(pledge, root)
        into = root.joinpath(prefix).parent if before is None else before.parent

        def promised(path: Path) -> None:
            write(path, texts)
            note = {
                "folder": "" if into == root else into.relative_to(root).as_posix(),
                "files": [*pledged, _identity(path)],
            }
            replace_with(pledge, lambda part: _write_text(part, json.dumps(note)))

        if before is not None:
            replace_with(before, promised)
            return before
        return write_atomic(root, prefix, suffix, promised)

    def _is_there(self, artifact: Mapping[str, Any]) -> bool:
        path = self._folders[artifact["folder"]] / artifact["subfolder"] / artifact["name"]
        try:
            return bool(path.stat().st_size == artifact["bytes"])
        except OSError:
            return False

    def _receipt(self, key: str) -> Path:
        name = _short(key)
        return self._receipts / name[:2] / name


def sweep(settings: Settings, unfinished: Collection[str]) -> None:
    """Forget the pledges of all but some jobs, at the server's start."""
    pledges = settings.cache_dir / "pledges"
    kept = {_short(job) for job in unfinished}
    for folder in pledges.iterdir() if pledges.exists() else ():
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _kept(pledge: Path, root: Path) -> tuple[Path | None, list[Any]]:
    """Find the file that an earlier attempt wrote at the same place, and what it may have been.

    A file is told by its inode, which it has from before it gets its name, and by its content:
    another place's file may hold the same.
    """
    try:
        note = json.loads(pledge.read_bytes())
    except (FileNotFoundError, ValueError):
        return None, []
    folder = contained(root, note["folder"], folders=True) if note["folder"] else root
    found = folder.iterdir() if folder.is_dir() else ()
    by_inode = {path.stat().st_ino: path for path in found if not path.name.startswith(".")}
    # The last one first: the inode of one that was replaced may be another file's by now.
    for identity in reversed(note["files"]):
        path = by_inode.get(identity[0])
        if path is not None and path.is_file() and _identity(path) == identity:
            return path, [identity]
    return None, []


def _identity(path: Path) -> list[Any]:
    found = path.stat()
    return [found.st_ino, found.st_size, fingerprint(path)]


def _place(inner: str, index: int) -> int:
    """Number a file among all that its root's inner nodes save, the same in every attempt.

    A client knows the root alone; 52 bits are what every reader of JSON keeps of a number.
    """
    return index + (zlib.crc32(inner.encode()) << 20 if inner else 0)


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
