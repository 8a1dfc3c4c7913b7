"""Progress counts what a run computes, each node once."""

from __future__ import annotations

from server.queue.progress import Progress

Event = tuple[str, str | None, dict[str, object]]


def counted(*events: Event) -> tuple[int, int]:
    progress = Progress()
    for kind, node, data in events:
        progress.note(kind, node, data)
    return progress.shown["done"], progress.shown["total"]


PLAN: Event = ("plan", None, {"order": ["a", "b"], "total": 2})


def test_what_was_known_before_is_not_counted() -> None:
    assert counted(PLAN, ("node.cached", "loader", {}), ("node.finished", "a", {})) == (1, 2)


def test_a_node_that_is_told_twice_and_nodes_inside_it_count_once() -> None:
    inner: dict[str, object] = {"inner": "a:x"}
    ended: Event = ("node.finished", "a", {})
    assert counted(PLAN, ("node.finished", "a", inner), ended, ended) == (1, 2)
    assert counted(PLAN, ("node.finished", "a", inner)) == (0, 2)


def test_a_plan_that_grows_keeps_what_is_done() -> None:
    grown: Event = ("plan", None, {"order": ["a", "b", "c"]})
    assert counted(PLAN, ("node.finished", "b", {}), grown) == (1, 3)


def test_the_running_node_is_shown_with_its_steps() -> None:
    progress = Progress()
    progress.note("node.started", "a", {})
    progress.note("node.progress", "a", {"value": 3, "max": 20})
    assert progress.shown == {"done": 0, "total": 0, "node": "a", "value": 3, "max": 20}
