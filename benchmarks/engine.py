"""How fast the engine is: chains of cheap nodes, and branches that wait.

Run as `python -m benchmarks.engine`; it prints one table. Nothing but the engine is measured: no
HTTP, no worker process, no torch.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from nodes.api import JSON, QUIET, AnyType, Files, catalogue_of, node
from server.engine.events import Event
from server.engine.execute import execute
from server.engine.graph import Graph
from server.engine.plan import make_plan
from server.engine.results import Results
from server.engine.validate import validate

CHAINS = (100, 1_000, 10_000)
BRANCHES = 8
SLEEP_SECONDS = 0.25
ROUNDS = 5


@node("Add")
def add(a: int = 0, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: One.
        b: The other.
    """
    return a + b


@node("Sleep", io=True)
def sleep(seconds: float, number: int = 0) -> int:
    """Wait.

    Args:
        seconds: How long.
        number: Tells one from another.
    """
    time.sleep(seconds)
    return number


@node("Show")
def show(value: AnyType) -> None:
    """Be a reason to run.

    Args:
        value: Anything.
    """


CATALOGUE = catalogue_of(add, sleep, show)


class BareHost:
    """A host that has nothing to do."""

    device = "cpu"
    dtype = "float32"
    files: Files = QUIET.files

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        """Yield the model."""
        return nullcontext(model)

    def save(
        self,
        node: str,
        index: int,
        key: str,
        write: Callable[[Path, Mapping[str, str]], None],
        *,
        prefix: str,
        suffix: str,
        mime: str,
        temporary: bool,
        about: Mapping[str, JSON],
    ) -> dict[str, Any]:
        """Save nothing."""
        return {}

    def saved(self, key: str) -> list[dict[str, Any]] | None:
        """Remember nothing."""
        return None

    def workspace(self, key: str) -> Path:
        """Have no room for unfinished work, which no node here has."""
        raise NotImplementedError

    def clear_workspaces(self, key: str) -> None:
        """Keep none."""

    def expect(self, values: Sequence[Any]) -> None:
        """Make nothing ready."""

    def watch_memory(self) -> Callable[[], int | None]:
        """Watch nothing."""
        return lambda: None

    def out_of_memory(self, error: BaseException) -> bool:
        """Have enough."""
        return False

    def free_memory(self) -> None:
        """Hold nothing."""


def chain(length: int) -> dict[str, Any]:
    """Write a workflow of nodes in a row, the last of which is a sink."""
    nodes: dict[str, Any] = {"n0": {"type": "Add", "inputs": {"a": 1}}}
    for index in range(1, length - 1):
        link = {"link": [f"n{index - 1}", "int"]}
        nodes[f"n{index}"] = {"type": "Add", "inputs": {"a": link}}
    nodes["end"] = {"type": "Show", "inputs": {"value": {"link": [f"n{length - 2}", "int"]}}}
    return {"format": 1, "nodes": nodes}


def branches(count: int, seconds: float) -> dict[str, Any]:
    """Write a workflow of branches that wait."""
    nodes: dict[str, Any] = {}
    for index in range(count):
        inputs: dict[str, Any] = {"seconds": seconds, "number": index}
        nodes[f"w{index}"] = {"type": "Sleep", "inputs": inputs}
        value = {"link": [f"w{index}", "int"]}
        nodes[f"s{index}"] = {"type": "Show", "inputs": {"value": value}}
    return {"format": 1, "nodes": nodes}


def stages(workflow: Mapping[str, Any]) -> dict[str, float]:
    """Time each stage of a run, and of the run after it that finds everything known, in seconds."""
    times: dict[str, float] = {}
    events: list[Event] = []
    results = Results(2**30)

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        value = work()
        times[name] = time.perf_counter() - start
        return value

    def plan() -> Any:
        return make_plan(graph, CATALOGUE, salt="", stamp=lambda kind, name: "", known=results)

    def run() -> None:
        outcome = execute(
            planned, CATALOGUE, results, events.append, BareHost(), cancelled=lambda: False
        )
        assert outcome.state == "succeeded"

    graph = timed("read", lambda: Graph.from_json(workflow))
    assert timed("validate", lambda: validate(graph, CATALOGUE)) == []
    planned = timed("plan", plan)
    timed("run", run)
    planned = timed("plan again", plan)
    timed("run again", run)
    return times


def main() -> None:
    """Print the table."""
    names = ("read", "validate", "plan", "run", "plan again", "run again")
    print("milliseconds, median of", ROUNDS)
    print(f"{'':>22}" + "".join(f"{name:>12}" for name in names) + f"{'run, a node':>14}")
    for label, size, workflow in [
        *((f"chain of {length:,}", length, chain(length)) for length in CHAINS),
        (f"{BRANCHES} sleep {SLEEP_SECONDS} s", 2 * BRANCHES, branches(BRANCHES, SLEEP_SECONDS)),
    ]:
        rounds = [stages(workflow) for _ in range(ROUNDS)]
        median = {name: statistics.median(times[name] for times in rounds) for name in names}
        cells = "".join(f"{median[name] * 1000:12.2f}" for name in names)
        print(f"{label:>22}{cells}{median['run'] / size * 1000:14.4f}")


if __name__ == "__main__":
    main()
