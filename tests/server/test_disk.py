"""Room on the disk is kept for the state."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from server.disk import Disk, DiskFull, is_full


def test_the_ballast_takes_room_and_gives_it_up(tmp_path: Path) -> None:
    disk = Disk(tmp_path, ballast_bytes=3 * 2**20 + 5, floor_bytes=0)
    assert not disk.held
    assert disk.hold()
    assert (tmp_path / "ballast").stat().st_size == 3 * 2**20 + 5
    assert disk.release()
    assert not disk.held
    assert not disk.release()
    assert disk.hold()


def test_no_ballast_is_laid_where_there_is_no_room_for_it(tmp_path: Path) -> None:
    assert not Disk(tmp_path, ballast_bytes=2**20, floor_bytes=2**60).hold()
    assert list(tmp_path.iterdir()) == []


def test_new_work_is_refused_below_the_floor(tmp_path: Path) -> None:
    Disk(tmp_path, floor_bytes=0).require(1)
    with pytest.raises(DiskFull):
        Disk(tmp_path, floor_bytes=2**60).require()
    with pytest.raises(DiskFull):
        Disk(tmp_path, floor_bytes=0).require(2**60)


def test_a_full_disk_is_told_from_other_failures() -> None:
    assert is_full(OSError(errno.ENOSPC, "No space left on device"))
    assert is_full(sqlite3.OperationalError("database or disk is full"))
    assert not is_full(OSError(errno.EACCES, "Permission denied"))
    assert not is_full(sqlite3.OperationalError("no such table: x"))
