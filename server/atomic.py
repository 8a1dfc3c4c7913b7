"""Files that appear whole or not at all: written aside, made durable, then given their name."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from server.paths import contained
from server.platform import WINDOWS

T = TypeVar("T")

PART_PREFIX = ".weft-"
PART_SUFFIX = ".part"
"""Files written aside are called `.weft-<random>.part`; nobody lists or serves them."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
_NO_LINKS_ON_WINDOWS = {1, 50}
"""No such function, not supported: what drives of exFAT and of other computers answer."""
_PATIENCE = 2.0 if WINDOWS else 0.0
"""Seconds that a file may be held by others: longer than a scanner looks at it."""
_PAUSE = 0.02
_numbers: dict[tuple[Path, str], int] = {}
_numbers_lock = threading.Lock()


def part_in(folder: Path) -> Path:
    """Return the path of a new file to be written aside in a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{PART_PREFIX}{secrets.token_hex(8)}{PART_SUFFIX}"


def replace_with(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole, over the one that is there.

    Raises:
        OSError: when it cannot be written; what was there before is then untouched.
    """
    part = part_in(path.parent)
    try:
        write(part)
        settle(part)
        once_let_go(lambda: part.replace(path))
        settle_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def once_let_go(change: Callable[[], T], patience: float = _PATIENCE) -> T:
    """Replace, rename or remove a file, as soon as nobody has it open.

    On Windows that is refused while anybody reads it: another request, a scanner for viruses.
    Elsewhere a refusal is final.

    Raises:
        PermissionError: when it is still refused after so many seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return change()
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)


def publish(part: Path, target: Path) -> bool:
    """Give a file that was written aside its name, unless the name is taken.

    Returns:
        Whether it got the name; the part is gone then.
    """
    settle(part)
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError as problem:
        known = getattr(problem, "winerror", None) in _NO_LINKS_ON_WINDOWS
        if not known and problem.errno not in _NO_LINKS:
            raise
        return _publish_without_links(part, target)
    part.unlink()
    settle_folder(target.parent)
    return True


def write_numbered(folder: Path, prefix: str, suffix: str, write: Callable[[Path], object]) -> Path:
    """Write a file whole as `<prefix>_<number>_<suffix>`, with the first number above those there.

    Several processes may write into one folder at a time: each gets its own number.

    Args:
        folder: The folder that the file goes to, made if need be.
        prefix: The name's beginning, without folders.
        suffix: The name's end, such as `.png`.
        write: Writes the content to the path that it is given.

    Raises:
        FileProblem: when the prefix or suffix cannot be part of a file name.
        OSError: when it cannot be written; nothing is left behind then.
    """
    contained(folder, f"{prefix}_00001_{suffix}")
    part = part_in(folder)
    try:
        write(part)
        while True:
            number = _next_number(folder, prefix)
            target = contained(folder, f"{prefix}_{number:05}_{suffix}")
            if publish(part, target):
                return target
    finally:
        part.unlink(missing_ok=True)


def sweep_parts(folder: Path, before: float = math.inf) -> int:
    """Remove what a killed process left half written under a folder; return how many.

    Args:
        folder: Where to look, and in all folders below.
        before: Unix seconds; what was written later may still be somebody's work.
    """
    swept = 0
    for path in folder.rglob(f"{PART_PREFIX}*{PART_SUFFIX}"):
        # On Windows one that is open cannot go; it is somebody's work.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if path.stat().st_mtime < before:
                path.unlink()
                swept += 1
    return swept


def settle(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the platform knows of that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish_without_links(part: Path, target: Path) -> bool:
    """Do the same on file systems without hard links, with a lock file that holds the name."""
    lock = target.with_name(f"{PART_PREFIX}{target.name}{PART_SUFFIX}")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    try:
        if target.exists():
            return False
        part.rename(target)
        settle_folder(target.parent)
        return True
    finally:
        lock.unlink(missing_ok=True)


def _next_number(folder: Path, prefix: str) -> int:
    """Return the next number to try; the folder is read once a process and prefix."""
    with _numbers_lock:
        key = (folder, prefix)
        last = _numbers.get(key)
        if last is None:
            last = _highest_number(folder, prefix)
        _numbers[key] = last + 1
        return last + 1


def _highest_number(folder: Path, prefix: str) -> int:
    pattern = re.compile(re.escape(prefix) + r"_(\d{1,9})_?(\..*)?", re.IGNORECASE)
    found = (pattern.fullmatch(entry.name) for entry in os.scandir(folder))
    return max((int(match[1]) for match in found if match), default=0)
