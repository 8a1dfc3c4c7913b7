"""A step of a plan on its way, and what is told of it when it is done."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.engine.calls import Runs
from server.engine.expand import Expansion
from server.engine.host import Call
from server.engine.plan import Plan, Step


@dataclass
class Work:
    """A step that something waits for.

    Attributes:
        step: Which.
        call: What it tells.
        waiting: How many steps it waits for.
        readers: The works that wait for it.
        reads: The steps whose values it holds.
        runs: How often it runs; None before its inputs are there.
        done: The outputs of the runs that are done, or what stands in for them.
        seconds: How long its calls took.
        peaks: By how much each call raised what memory is in use; None where nobody can tell.
        started: Whether it was told.
        expanded: Whether nodes stand in for it.
        finished: Whether its values are there.
    """

    step: Step
    call: Call
    waiting: int = 1
    readers: list["Work"] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    runs: Runs | None = None
    done: list[Mapping[str, Any] | Expansion] = field(default_factory=list)
    seconds: float = 0.0
    peaks: list[int | None] = field(default_factory=list)
    started: bool = False
    expanded: bool = False
    finished: bool = False

    def __lt__(self, other: "Work") -> bool:
        return self.step.place < other.step.place


class Instances:
    """Nodes of the submitted graph that stand for several: each is done with the last of them."""

    def __init__(self, plan: Plan) -> None:
        """Find them in a plan."""
        self._left: defaultdict[str, set[str]] = defaultdict(set)
        self._done: defaultdict[str, list[Work]] = defaultdict(list)
        for step in plan.order:
            if step.inner:
                self._left[step.root].add(step.id)

    def finished(self, work: Work) -> dict[str, Any] | None:
        """Note that a step is done; return what is to be told when it was the last one."""
        root = work.step.root
        left = self._left.get(root, set())
        if work.step.id not in left:
            return None
        left.discard(work.step.id)
        self._done[root].append(work)
        return None if left else finished(self._done.pop(root))


def finished(works: Sequence[Work]) -> dict[str, Any]:
    """Say what steps took together: seconds, and the highest rise of memory if all are known."""
    told: dict[str, Any] = {"seconds": round(sum(work.seconds for work in works), 6)}
    told["cached"] = False
    known = [peak for work in works for peak in work.peaks if peak is not None]
    if len(known) == sum(len(work.peaks) for work in works):
        told["peak_bytes"] = max(known, default=0)
    else:
        told["peak_bytes"] = None
    return told
