"""What the feed tells becomes ComfyUI's messages, also where it is odd."""

from __future__ import annotations

from typing import Any

import pytest

from server.comfy.messages import Run
from server.comfy.theirs import Theirs
from server.feed import FeedEvent

PROMPT: dict[str, dict[str, Any]] = {
    "a:1": {"class_type": "Loop", "inputs": {"text": "x" * 1000, "count": 3}},
    "b": {"class_type": "Save", "inputs": {"text": ["a:1", 0]}},
}


def begun(kind: str = "job.started", **data: Any) -> Run:
    run = Run("job", Theirs(PROMPT, {}, ["b"], {"a_1": "a:1"}, 1), lambda artifact: None)
    assert [name for name, _ in run.hear(FeedEvent(kind, data))] == ["execution_start"]
    return run


def hear(run: Run, kind: str, node: str | None = None, **data: Any) -> list[tuple[str, Any]]:
    return list(run.hear(FeedEvent(kind, data, node=node, time=5.0)))


def test_the_plan_is_told_once_with_all_that_need_not_run() -> None:
    run = begun()
    (told,) = hear(run, "plan", order=["b"], cached=[], total=1)
    assert told == ("execution_cached", {"nodes": ["a:1"], "prompt_id": "job", "timestamp": 5000})
    assert hear(run, "plan", order=["a_1", "b"], cached=[], total=2) == []


def test_nodes_within_a_node_are_named_after_it() -> None:
    run = begun()
    hear(run, "node.started", "a_1")
    state, executing = hear(run, "node.started", "a_1", inner="0.text")
    assert executing[1]["node"] == "a:1.0.text"
    assert executing[1]["display_node"] == "a:1"
    shown = state[1]["nodes"]["a:1.0.text"]
    assert (shown["display_node_id"], shown["parent_node_id"]) == ("a:1", "a:1")
    assert [name for name, _ in hear(run, "node.finished", "a_1", inner="0.text")] == [
        "progress_state"
    ]


def test_progress_that_overtakes_its_node_is_told_after_it() -> None:
    run = begun()
    assert hear(run, "node.progress", "a_1", value=2, max=9) == []
    told = hear(run, "node.started", "a_1")
    assert [name for name, _ in told] == [
        "progress_state",
        "executing",
        "progress_state",
        "progress",
    ]
    assert told[-1][1] == {"value": 2, "max": 9, "prompt_id": "job", "node": "a:1"}


def test_the_state_of_a_long_run_stays_short() -> None:
    run = begun()
    for number in range(1000):
        hear(run, "node.started", "a_1", inner=f"{number}.x")
        (told,) = hear(run, "node.finished", "a_1", inner=f"{number}.x")
    assert len(told[1]["nodes"]) <= 65
    assert "a:1.999.x" in told[1]["nodes"]


def test_an_error_tells_the_constants_of_its_node_and_no_traceback() -> None:
    run = begun()
    hear(run, "plan", order=["a_1", "b"], cached=[], total=2)
    problem = {"message": "No.", "hint": "Yes.", "code": "node.failed", "node": "a_1"}
    ((kind, told),) = hear(run, "job.finished", state="failed", problem=problem, seconds=1)
    assert kind == "execution_error"
    assert (told["node_id"], told["node_type"]) == ("a:1", "Loop")
    assert told["current_inputs"] == {"text": ["x" * 300], "count": ["3"]}
    assert (told["exception_message"], told["traceback"]) == ("No. Yes.", [])


def test_a_worker_that_was_lost_is_an_error_without_a_node() -> None:
    run = begun()
    problem = {"message": "Lost.", "hint": "", "code": "job.quarantined", "node": None}
    ((kind, told),) = hear(run, "job.finished", state="quarantined", problem=problem, seconds=1)
    assert (kind, told["node_id"], told["node_type"]) == ("execution_error", None, "")


def test_a_prompt_that_never_began_ends_without_a_word() -> None:
    run = Run("job", Theirs(PROMPT, {}, ["b"], {}, 1), lambda artifact: None)
    assert hear(run, "job.finished", state="cancelled", problem=None, seconds=None) == []


@pytest.mark.parametrize(
    ("kind", "name", "listed"),
    [
        ("image", "a.png", "images"),
        ("latent", "a.latent", "latents"),
        ("model", "a.safetensors", "files"),
    ],
)
def test_what_a_node_made_is_listed_by_its_kind(kind: str, name: str, listed: str) -> None:
    run = begun()
    made = {"job": "job", "node": "b", "index": 0, "kind": kind, "name": name, "folder": "output"}
    whole = made | {"subfolder": "", "mime": "", "bytes": 1, "sha256": ""}
    assert hear(run, "node.artifact", "b", artifact=whole) == []
    (executed, _) = hear(run, "node.finished", "b")
    assert executed[1]["output"] == {
        listed: [{"filename": name, "subfolder": "", "type": "output"}]
    }
