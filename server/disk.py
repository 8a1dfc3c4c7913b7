"""Room on the disk: a reserve for the state, and a plain refusal when the rest is used up."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path
from typing import IO

from nodes.errors import NodeError
from server.atomic import settle

BALLAST_BYTES = 32 * 2**20
"""What is kept back for the state: thousands of job ends of some kilobytes each."""
FLOOR_BYTES = 64 * 2**20
"""New work is refused when less than this would be left: one run's pictures and their index."""

_FULL = {errno.ENOSPC, errno.EDQUOT}


class DiskFull(NodeError):
    """There is no room for what was asked."""

    def __init__(self) -> None:
        """Say so in the words that every route uses."""
        super().__init__(
            "The disk that holds the data folder is full.",
            hint="Free some space, for example by deleting old outputs, and try again.",
            code="disk.full",
        )


def is_full(problem: BaseException) -> bool:
    """Tell whether an exception means that the disk is full."""
    if isinstance(problem, OSError):
        return problem.errno in _FULL
    return isinstance(problem, sqlite3.OperationalError) and "full" in str(problem)


class Disk:
    """The disk of the data folder, with a ballast file that gives its room up to the state."""

    def __init__(
        self, folder: Path, ballast_bytes: int = BALLAST_BYTES, floor_bytes: int = FLOOR_BYTES
    ) -> None:
        """Watch the disk that a folder lies on; nothing is written yet."""
        self._folder = folder
        self._ballast = folder / "ballast"
        self._ballast_bytes = ballast_bytes
        self._floor_bytes = floor_bytes

    @property
    def held(self) -> bool:
        """Tell whether the ballast is in place."""
        try:
            return self._ballast.stat().st_size == self._ballast_bytes
        except FileNotFoundError:
            return False

    def hold(self) -> bool:
        """Put the ballast in place if there is room for it and for more; tell whether it is."""
        if self.held:
            return True
        if self.free() < self._ballast_bytes + self._floor_bytes:
            return False
        try:
            with self._ballast.open("wb") as ballast:
                _take_room(ballast, self._ballast_bytes)
            settle(self._ballast)
        except OSError as problem:
            if not is_full(problem):
                raise
            self.release()
        return self.held

    def release(self) -> bool:
        """Give up the ballast's room to the state; tell whether there was any."""
        was_held = self._ballast.exists()
        self._ballast.unlink(missing_ok=True)
        return was_held

    def free(self) -> int:
        """Return how many bytes can still be written."""
        return shutil.disk_usage(self._folder).free

    def require(self, size: int = 0) -> None:
        """Refuse new work when there is no room for it.

        Args:
            size: Bytes that are about to be written, beside what a run needs.

        Raises:
            DiskFull: when less than the floor would be left.
        """
        if self.free() < size + self._floor_bytes:
            raise DiskFull


def _take_room(file: IO[bytes], size: int) -> None:
    """Give a file real blocks of the disk; a file that was only made long has none."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, 2**20):
        file.write(os.urandom(min(2**20, size - start)))
