"""What runs graphs for the server, seen from the server: somewhere else, and mortal.

A worker shares neither memory nor file handles with the server; what passes is JSON, the bytes of
previews, and the names of files in the data folder.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Task:
    """One attempt at a job.

    Attributes:
        run: Names this attempt: a worker's late words about another are not for it.
        job: The job.
        workflow: The workflow as JSON text.
        targets: The nodes that were asked for; None means every sink.
        extra: What the submitting API keeps with the job.
    """

    run: str
    job: str
    workflow: str
    targets: tuple[str, ...] | None = None
    extra: Any = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON, but for the workflow, which travels beside them."""
        return {
            "run": self.run,
            "job": self.job,
            "targets": None if self.targets is None else list(self.targets),
            "extra": self.extra,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], workflow: str) -> Task:
        """Read what `to_json` wrote."""
        targets = None if data["targets"] is None else tuple(data["targets"])
        return cls(data["run"], data["job"], workflow, targets, data["extra"])


@dataclass(frozen=True)
class Told:
    """What a worker said about a node of its run.

    Attributes:
        type: As in the feed, such as `node.finished`.
        data: JSON.
        node: The node of the submitted graph.
        time: Unix seconds.
        blob: The bytes of a preview.
    """

    type: str
    data: dict[str, Any]
    node: str | None
    time: float
    blob: bytes | None = None


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        state: `succeeded`, `failed` or `cancelled`.
        problem: Why it failed, as JSON.
        told: What was said since the last batch.
    """

    state: str
    problem: dict[str, Any] | None
    told: tuple[Told, ...] = ()


class Lost(Exception):
    """The worker ended before its run did.

    Attributes:
        cause: How, in words that fit after `because it`.
        wanted: Whether it was ended on purpose: to cancel the run, or since the server stops.
    """

    def __init__(self, cause: str, wanted: bool = False) -> None:
        """Keep the cause."""
        super().__init__(cause)
        self.cause = cause
        self.wanted = wanted


Hear = Callable[[Sequence[Told]], Awaitable[None]]


class Worker(Protocol):
    """One place where graphs run, one at a time; it comes back by itself after it was lost."""

    @property
    def name(self) -> str:
        """What it is called, also in the database."""

    @property
    def device(self) -> str:
        """What it computes on."""

    @property
    def state(self) -> str:
        """`starting`, `idle`, `busy` or `stopped`."""

    @property
    def memory(self) -> int | None:
        """Bytes of memory that it occupied when it was last heard."""

    @property
    def heard(self) -> float | None:
        """When it was last heard, in unix seconds."""

    async def ready(self) -> None:
        """Wait until it can run something."""

    async def run(self, task: Task, hear: Hear) -> Ending:
        """Run a task, passing on what is said of it.

        Raises:
            Lost: when the worker ends before the run does.
        """

    async def rehearse(self, task: Task) -> Ending | None:
        """Run a task if it needs nothing computed; None where it does. Only while it is idle."""

    def cancel(self, run: str) -> None:
        """Have a run end soon, by force if it does not."""

    def settled(self, job: str) -> None:
        """Tell it that a job's end is recorded, so that what guards against repeats may go."""

    def watch(self, on: bool) -> None:
        """Tell it whether anybody sees previews, now and until told otherwise."""

    async def known(self, keys: Collection[str]) -> set[str]:
        """Return which of some results it holds; none when it is not there."""

    async def free(self) -> None:
        """Have it give up models and results that are kept for later."""


Described = Callable[[Mapping[str, Any]], Awaitable[None]]


class Workers(Protocol):
    """All workers of a server."""

    @property
    def all(self) -> Sequence[Worker]:
        """The workers so far; there may be more once the first has seen the devices."""

    @property
    def unfit(self) -> str | None:
        """Why a worker cannot be started at all, where that is so."""

    async def start(self, described: Described, added: Callable[[Worker], None]) -> None:
        """Start them, without waiting until they are ready.

        Args:
            described: Called with what each worker that comes up says of itself: `catalogue`,
                `device`, `devices`.
            added: Called with each worker.
        """

    async def stop(self) -> None:
        """End them at once."""
