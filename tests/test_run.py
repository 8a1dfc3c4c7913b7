"""The start script: which build of torch it takes, and how it runs its checks."""

import os
import sys
from pathlib import Path

import pytest

from run import TORCH_CUDA, run_steps, torch_index


@pytest.mark.parametrize(
    ("build", "platform", "nvidia", "index"),
    [
        ("auto", "linux", True, ""),
        ("auto", "linux", False, "cpu"),
        # The package index has no CUDA build for Windows.
        ("auto", "win32", True, TORCH_CUDA),
        ("auto", "win32", False, ""),
        ("auto", "darwin", False, ""),
        ("cpu", "linux", True, "cpu"),
        ("cpu", "win32", True, ""),
        ("cpu", "darwin", False, ""),
        ("default", "linux", False, ""),
        ("default", "win32", True, ""),
    ],
)
def test_torch_comes_from_where_the_build_for_this_machine_is(
    build: str, platform: str, nvidia: bool, index: str
) -> None:
    name, reason = torch_index(build, platform, nvidia)
    assert name == index
    assert reason


@pytest.mark.parametrize("aside", [False, True])
def test_steps_are_all_run_and_those_that_fail_are_named(
    aside: bool, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    python = [sys.executable, "-c"]
    steps = [
        ("first", [*python, "print('told'); raise SystemExit(3)"]),
        ("second", [*python, "import os; print(os.environ['ASKED'])"]),
    ]
    failed = run_steps(steps, tmp_path, {**os.environ, "ASKED": "answered"}, aside=aside)
    assert failed == ["first"]
    said = capfd.readouterr().out.split()
    assert said == ["weft:", "---", "first", "told", "weft:", "---", "second", "answered"]
