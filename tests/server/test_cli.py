"""The command line, run as a user runs it, with toy nodes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from server.cli import COMMANDS
from server.engine.canonical import canonical_dumps
from tests.server.processes import ask_to_stop, stoppable
from tests.server.running import ROOT, command, saving, through, until, workflow

Nodes = tuple[str, str, Mapping[str, Any]]


def call(name: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(name, *flags), cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )


def file_of(folder: Path, *nodes: Nodes, name: str = "w.json") -> str:
    path = folder / name
    path.write_text(json.dumps(workflow(*nodes)), encoding="utf-8")
    return str(path)


def data(folder: Path) -> tuple[str, str]:
    return "--data-dir", str(folder / "data")


def test_run_prints_where_the_results_are_and_changes_inputs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = file_of(tmp_path, *saving("hello"))
    for number, value in ((1, "bye"), (2, "again")):
        done = call(
            "run", file, "--set", f"text.text={value}", "--set", "text.seed=7", "--out", str(out),
            *data(tmp_path),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        path = Path(done.stdout.strip())
        assert path == out / f"toy_{number:05}_.txt"
        assert path.read_text(encoding="utf-8") == f"{value} 7"
    assert list((tmp_path / "data" / "output").iterdir()) == []


def test_run_tells_a_failure_by_status_and_in_words(tmp_path: Path) -> None:
    failed = call("run", file_of(tmp_path, *through("ToyFail", text="oh")), *data(tmp_path))
    assert failed.returncode == 1
    assert "toy" in failed.stderr
    assert "Traceback" not in failed.stderr.partition("worker")[0]


def test_run_gives_up_on_what_takes_its_worker_down(tmp_path: Path) -> None:
    failed = call("run", file_of(tmp_path, *through("ToyExit")), *data(tmp_path))
    assert failed.returncode == 1
    assert "3 times" in failed.stderr


def test_run_refuses_what_cannot_run(tmp_path: Path) -> None:
    wrong = file_of(tmp_path, ("a", "ToyTexd", {}))
    for flags in ((wrong,), (file_of(tmp_path, *saving(), name="v.json"), "--set", "no.text=1")):
        refused = call("run", *flags, *data(tmp_path))
        assert refused.returncode == 2
        assert refused.stdout == ""
        assert not [line for line in refused.stderr.splitlines() if line.endswith(" ")]
    missing = call("run", str(tmp_path / "none.json"), *data(tmp_path))
    assert missing.returncode == 2
    assert "cannot be read" in missing.stderr


@pytest.mark.parametrize("toy", ["ToySteps", "ToyStuck"])
def test_run_can_be_interrupted(tmp_path: Path, toy: str) -> None:
    inputs = {"steps": 50_000} if toy == "ToySteps" else {"seconds": 300}
    file = file_of(tmp_path, *through(toy, **inputs))
    running = subprocess.Popen(
        command("run", file, *data(tmp_path)),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **stoppable(),
    )
    assert running.stderr is not None
    until(lambda: "toy" in (running.stderr.readline() if running.stderr else ""))
    ask_to_stop(running)
    assert running.wait(60) == 130
    running.stderr.close()


def test_validate_prints_every_problem(tmp_path: Path) -> None:
    good = file_of(tmp_path, *saving(), name="good.json")
    bad = file_of(tmp_path, ("a", "ToyTexd", {}), ("b", "ToySave", {}), name="bad.json")
    done = call("validate", good, bad, *data(tmp_path))
    assert done.returncode == 1
    assert "good.json: can run" in done.stdout
    assert "ToyTexd" in done.stdout
    assert "b.text" in done.stdout
    assert call("validate", good, *data(tmp_path)).returncode == 0


def test_convert_writes_the_canonical_form(tmp_path: Path) -> None:
    file = file_of(tmp_path, *saving())
    done = call("convert", file, *data(tmp_path))
    assert done.returncode == 0
    assert done.stdout == canonical_dumps(workflow(*saving()))
    into = tmp_path / "new.json"
    assert call("convert", file, "--out", str(into), *data(tmp_path)).returncode == 0
    assert into.read_text(encoding="utf-8") == done.stdout


def test_convert_writes_a_file_of_comfyuis_page(tmp_path: Path) -> None:
    file = file_of(tmp_path, *saving("hi"))
    done = call("convert", file, "--to", "comfyui", *data(tmp_path))
    assert done.returncode == 0, done.stderr
    nodes = {node["id"]: node for node in json.loads(done.stdout)["nodes"]}
    assert nodes["text"]["widgets_values"] == ["hi", 0, "fixed"]
    assert [port["name"] for port in nodes["save"]["inputs"]] == ["text", "filename_prefix"]


def test_convert_reads_a_prompt_of_comfyuis_api(tmp_path: Path) -> None:
    path = tmp_path / "prompt.json"
    prompt = {
        "1": {"class_type": "ToyText", "inputs": {"text": "hi"}},
        "2": {"class_type": "ToySave", "inputs": {"text": ["1", 0]}},
    }
    path.write_text(json.dumps({"prompt": prompt}), encoding="utf-8")
    done = call("convert", str(path), *data(tmp_path))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["nodes"]["2"]["inputs"]["text"] == {"link": ["1", "string"]}
    path.write_text("[1, 2]", encoding="utf-8")
    refused = call("convert", str(path), *data(tmp_path))
    assert refused.returncode == 1
    assert "not a workflow" in refused.stderr


def test_nodes_lists_and_describes(tmp_path: Path) -> None:
    listed = call("nodes", *data(tmp_path))
    assert listed.returncode == 0
    assert "ToyText" in listed.stdout
    described = call("nodes", "ToyText", *data(tmp_path))
    assert "Give a text." in described.stdout
    assert "Makes it another one." in described.stdout
    assert json.loads(call("nodes", "--json", *data(tmp_path)).stdout)
    assert call("nodes", "ToyTexd", *data(tmp_path)).returncode == 1


def test_a_bad_setting_is_said_in_a_sentence(tmp_path: Path) -> None:
    done = call("serve", "--host", "0.0.0.0", *data(tmp_path))
    assert done.returncode == 2
    assert "token" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_command() -> None:
    done = subprocess.run(
        [*command("serve")[:3], "--help"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0
    for name, says in COMMANDS.items():
        assert name in done.stdout
        assert says.split()[0] in done.stdout
