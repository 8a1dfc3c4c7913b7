"""Servers and workers are ended at every commit, rename and send: nothing is lost or doubled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server.running import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a round begins with a fork")

TEXTS = ["text 0 0", "text 1 0"]
FEWEST = 8
"""Fewer commits, renames and sends than that have two jobs nowhere."""


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All rounds of `tests.server.fault_rounds`."""
    folder: Path = tmp_path_factory.mktemp("rounds")
    played = subprocess.run(
        [sys.executable, "-m", "tests.server.fault_rounds", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, played.stderr
    return [json.loads(line) for line in played.stdout.splitlines()]


@pytest.mark.parametrize("where", ["server", "worker"])
def test_every_place_was_tried(rounds: list[dict[str, Any]], where: str) -> None:
    ended = [each["ended"] for each in rounds if each["where"] == where]
    assert len(ended) > FEWEST
    assert ended == [True] * (len(ended) - 1) + [False]


def test_what_was_accepted_is_done_once_with_one_whole_file(rounds: list[dict[str, Any]]) -> None:
    for each in rounds:
        assert set(each["accepted"]) <= set(each["states"]), each
        assert set(each["states"].values()) <= {"succeeded"}, each
        assert set(each["artifacts"].values()) <= {1}, each
        assert each["texts"] == TEXTS[: len(each["states"])], each
        # The third is the first once more, and has its file too.
        assert len(each["states"]) <= 3, each


def test_a_worker_that_ends_takes_no_job_with_it(rounds: list[dict[str, Any]]) -> None:
    by_workers = [each for each in rounds if each["where"] == "worker"]
    assert all(len(each["accepted"]) == 3 for each in by_workers)
