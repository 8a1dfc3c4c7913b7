"""Nodes that run out of memory are run again, in a thriftier way if they have one."""

from dataclasses import replace

import pytest

from nodes.api import node
from nodes.api.catalogue import catalogue_of
from tests.engine.toys import RAN, Bench, graph, save


def _in_halves(size: int = 1) -> int:
    RAN.append("in halves")
    if size > 100:
        raise MemoryError("DefaultCPUAllocator: you tried to allocate 4096 bytes.")
    return size


@node("Greedy", title="Greedy", thriftier=[_in_halves])
def greedy(size: int = 1) -> int:
    """Take more memory than there is.

    Args:
        size: How much.
    """
    RAN.append("whole")
    raise MemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1 GiB.")


@node("Untidy", title="Untidy")
def untidy(size: int = 1) -> int:
    """Take more memory than there is, the first time.

    Args:
        size: How much.
    """
    RAN.append("tried")
    if RAN.count("tried") == 1:
        raise MemoryError
    return size


CATALOGUE = catalogue_of(greedy, untidy, save)


@pytest.fixture
def bench() -> Bench:
    return replace(Bench(), catalogue=CATALOGUE)


def test_memory_is_freed_and_the_thriftier_way_taken(bench: Bench) -> None:
    wanted = graph({"g": ("Greedy", {"size": 5}), "s": ("Save", {"value": "@g.int"})})
    assert bench.run(wanted).state == "succeeded"
    assert bench.ran == ["whole", "in halves"]
    assert bench.host.freed == 1
    (told,) = [e.data["problem"]["message"] for e in bench.events if e.type == "node.warning"]
    assert (
        told == "Greedy ran out of memory and was run again with a thriftier way, which is slower."
    )


def test_a_failure_of_the_thriftiest_way_says_what_was_asked_for(bench: Bench) -> None:
    wanted = graph({"g": ("Greedy", {"size": 500}), "s": ("Save", {"value": "@g.int"})})
    problem = bench.run(wanted).problem
    assert problem is not None
    assert problem.message == (
        "Greedy needs more memory than the device has: the last 4096 bytes that it asked for were "
        "not there."
    )
    assert problem.hint.startswith("Use a smaller size")
    assert (problem.code, problem.node) == ("memory.exhausted", "g")
    assert bench.host.freed == 2


def test_without_a_thriftier_way_a_node_is_tried_once_more(bench: Bench) -> None:
    wanted = graph({"u": ("Untidy", {"size": 5}), "s": ("Save", {"value": "@u.int"})})
    assert bench.run(wanted).state == "succeeded"
    assert bench.ran == ["tried", "tried"]
