"""Files appear whole or not at all, and nobody's name is taken twice."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nodes.errors import FileProblem
from server.artifacts import fingerprint, write_atomic
from server.atomic import once_let_go, replace_with, sweep_parts

ROOT = Path(__file__).resolve().parents[2]
CONTENT = b"whole" * 20_000

WRITER = """
import sys
from pathlib import Path
from server.artifacts import write_atomic
from server.atomic import replace_with
folder = Path(sys.argv[1])
print("ready", flush=True)
content = b"whole" * 20_000
while True:
    write_atomic(folder, "a", ".png", lambda part: part.write_bytes(content))
    replace_with(folder / "state.json", lambda part: part.write_bytes(content))
"""


def save(folder: Path, prefix: str = "weft") -> str:
    return write_atomic(folder, prefix, ".png", lambda part: part.write_bytes(CONTENT)).name


def save_many(folder: Path) -> list[str]:
    return [save(folder) for _ in range(20)]


def test_names_are_numbered_like_comfyui_s(tmp_path: Path) -> None:
    assert save(tmp_path) == "weft_00001_.png"
    assert save(tmp_path) == "weft_00002_.png"
    assert save(tmp_path, "other") == "other_00001_.png"
    path = write_atomic(tmp_path, "people/ann", ".png", lambda part: part.write_bytes(b"x"))
    assert path == tmp_path / "people" / "ann_00001_.png"


def test_numbering_goes_on_after_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "weft_00041_.png").write_bytes(b"x")
    (tmp_path / "weft_x_.png").write_bytes(b"x")
    assert save(tmp_path) == "weft_00042_.png"


@pytest.mark.parametrize(
    "prefix", ["../x", "/x", "a/../x", "", "a/", ".versions/x", "a\x00", "C:x"]
)
def test_a_prefix_that_leads_out_is_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(FileProblem):
        save(tmp_path / "output", prefix)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_threads_and_processes_never_share_a_number(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool, ThreadPoolExecutor(4) as threads:
        elsewhere = pool.map_async(save_many, [tmp_path] * 4)
        here = [name for names in threads.map(save_many, [tmp_path] * 4) for name in names]
        names = here + [name for names in elsewhere.get(60) for name in names]
    assert len(set(names)) == 160
    assert {fingerprint(tmp_path / name) for name in names} == {fingerprint(tmp_path / names[0])}
    assert len(list(tmp_path.iterdir())) == 160


def test_a_file_system_without_hard_links_serves_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refuse_link)
    assert [save(tmp_path) for _ in range(3)] == [f"weft_0000{n}_.png" for n in (1, 2, 3)]
    (tmp_path / "weft_00004_.png").write_bytes(b"taken")
    assert save(tmp_path) == "weft_00005_.png"
    assert len(list(tmp_path.iterdir())) == 5


def test_a_file_that_is_being_read_is_replaced_once_it_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(b"old")
    reader = path.open("rb")
    threading.Timer(0.2, reader.close).start()
    replace_with(path, lambda part: part.write_bytes(b"new"))
    assert path.read_bytes() == b"new"
    once_let_go(path.unlink)
    assert not path.exists()


def test_what_stays_refused_is_told() -> None:
    tries = iter(range(3))

    def refused_at_first() -> str:
        for number in tries:
            raise PermissionError(13, f"held by {number}")
        return "done"

    assert once_let_go(refused_at_first, patience=60) == "done"
    tries = iter([1])
    with pytest.raises(PermissionError, match="held by 1"):
        once_let_go(refused_at_first, patience=0)


def refuse_link(source: Path, target: Path) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(part: Path) -> None:
        part.write_bytes(b"half")
        raise RuntimeError("stopped")

    kept = tmp_path / "kept.json"
    kept.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        write_atomic(tmp_path, "a", ".png", fail)
    with pytest.raises(RuntimeError):
        replace_with(kept, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]
    assert kept.read_bytes() == b"old"


def test_no_kill_leaves_a_torn_file_in_sight(tmp_path: Path) -> None:
    for round_number in range(25):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline().rstrip() == b"ready"
        time.sleep(0.002 * round_number)
        process.kill()
        process.wait()
        process.stdout.close()
        visible = [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
        assert all(path.stat().st_size == len(CONTENT) for path in visible)
    sweep_parts(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
