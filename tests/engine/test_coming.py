"""What comes next is told to the host while a node runs."""

from typing import Any

import pytest

from tests.engine.toys import Bench, graph


@pytest.fixture
def bench() -> Bench:
    return Bench()


def chain(length: int) -> dict[str, Any]:
    """A box, and boxes that each add to the one before; the last is saved."""
    nodes: dict[str, Any] = {"n0": ("Add", {"a": 1, "b": 2}), "other": ("Add", {"a": 3, "b": 4})}
    for number in range(1, length):
        given = {"a": f"@n{number - 1}.int", "b": "@other.int"}
        nodes[f"n{number}"] = ("Add", given)
    return nodes | {"s": ("Save", {"value": f"@n{length - 1}.int"})}


def test_values_of_the_next_steps_are_told_as_far_as_they_are_known(bench: Bench) -> None:
    assert bench.run(graph(chain(3))).state == "succeeded"
    assert bench.ran == ["add 1 2", "add 3 4", "add 3 7", "add 10 7"]
    # While the second makes 7, the 3 of the first is known to be needed next; then the 7 is, twice.
    assert bench.host.expected == [[], [3], [7], [], []]


def test_a_run_tells_no_more_than_a_few_steps_ahead(bench: Bench) -> None:
    bench.run(graph(chain(40)))
    assert max(map(len, bench.host.expected)) <= 8
