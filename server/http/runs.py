"""Jobs and the queue over HTTP, and what can be said of a workflow without running it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from nodes.api import JSON, Catalogue
from server.engine.graph import Graph
from server.engine.problems import Invalid, Problem, errors
from server.engine.upgrade import upgrade
from server.engine.validate import validate
from server.http.refusals import Refused
from server.http.table import Call
from server.platform import memory_of_machine
from server.queue.foresight import Prospect
from server.queue.jobs import NoSuchJob
from server.queue.rows import Job, Page, QueueView, Submission
from server.typed_json import Bounds

Text = Annotated[str, Bounds(0, 200)]

_SMALL = 8 * 2**10
"""Bodies below this are looked at in about the time that handing them to a thread takes."""


@dataclass(frozen=True)
class WorkflowBody:
    """A workflow to look at.

    Attributes:
        workflow: In the format of the workflow file.
        targets: The nodes that are asked for; all that save or show something where left out.
    """

    workflow: JSON
    targets: tuple[Text, ...] | None = None


@dataclass(frozen=True)
class SubmitBody:
    """A workflow to run.

    Attributes:
        workflow: In the format of the workflow file.
        title: What to call it in lists; the workflow's own title where left out.
        client: Who submits it: what a WebSocket gave as `client`.
        document: The editor's document that it comes from, sent along with its events.
        targets: The nodes that are asked for; all that save or show something where left out.
        front: Whether it goes before those that wait.
    """

    workflow: JSON
    title: Text | None = None
    client: Text | None = None
    document: Text | None = None
    targets: tuple[Text, ...] | None = None
    front: bool | None = None


@dataclass(frozen=True)
class HistoryQuery:
    """Which jobs to list.

    Attributes:
        state: Only those in one of these states, with commas between them.
        limit: How many at most.
        before: The `next` of the page before.
        q: Words that the title has to hold.
        client: Only those of one client.
    """

    state: tuple[str, ...] | None = None
    limit: Annotated[int, Bounds(1, 200)] = 50
    before: Annotated[str, Bounds(1, 18)] | None = None
    q: Text = ""
    client: Text | None = None


@dataclass(frozen=True)
class MoveBody:
    """Where a waiting job is to go.

    Attributes:
        before: The job that it goes before; to the end where null.
    """

    before: Text | None


@dataclass(frozen=True)
class EventsQuery:
    """Which events of a job to return.

    Attributes:
        after: Only those with a higher number.
        limit: How many at most.
    """

    after: Annotated[int, Bounds(0)] = 0
    limit: Annotated[int, Bounds(1, 1000)] = 500


@dataclass(frozen=True)
class Problems:
    """What is wrong with a workflow.

    Attributes:
        problems: All of it, each with its node and input.
    """

    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"problems": [problem.to_json() for problem in self.problems]}


@dataclass(frozen=True)
class Outlook:
    """What a run would compute.

    Attributes:
        worker: The worker that holds the most of it already; null while none is up.
        run: How many nodes it would compute.
        total: How many nodes the workflow has.
        nodes: For each node whether it would run, is `cached`, or is `skipped`: not needed.
        problems: What is wrong with it; with an error among it, nothing would run.
    """

    worker: str | None
    run: int
    total: int
    nodes: Mapping[str, Literal["run", "cached", "skipped"]]
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {
            "worker": self.worker,
            "run": self.run,
            "total": self.total,
            "nodes": dict(self.nodes),
            "problems": [problem.to_json() for problem in self.problems],
        }


@dataclass(frozen=True)
class JobEvents:
    """What happened to a job.

    Attributes:
        items: In the order it happened, as on the WebSocket.
    """

    items: tuple[JSON, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"items": list(self.items)}


async def check_workflow(call: Call, body: WorkflowBody) -> Problems:
    """Say everything that is wrong with a workflow."""
    _, problems = await looked_at(call, body.workflow, body.targets)
    return Problems(tuple(problems))


async def plan_workflow(call: Call, body: WorkflowBody) -> Outlook:
    """Say what a run of a workflow would compute, without running it."""
    graph, problems = await looked_at(call, body.workflow, body.targets)
    prospect = None
    if not errors(problems):
        prospect = await call.services.foresight.prospect(graph, body.targets)
    return await asyncio.to_thread(_outlook, graph, problems, prospect)


async def submit_job(call: Call, body: SubmitBody) -> Job:
    """Queue a workflow; the same Idempotency-Key never queues it twice."""
    call.services.disk.require()
    graph, problems = await looked_at(call, body.workflow, body.targets)
    if found := errors(problems):
        raise Invalid(found)
    small = _is_small(call)
    submission = Submission(
        workflow=graph.to_json() if small else await asyncio.to_thread(graph.to_json),
        title=body.title or "",
        client=body.client,
        document=body.document,
        targets=body.targets,
        front=bool(body.front),
        key=idempotency_key(call),
    )
    return await call.services.jobs.submit(submission, small=small)


async def list_jobs(call: Call, query: HistoryQuery) -> Page:
    """List jobs, the newest first."""
    return await call.services.jobs.page(
        query.state, query.limit, query.before, query.q, query.client
    )


async def get_job(call: Call, id: str) -> Job:  # noqa: A002
    """Describe a job, with its workflow and plan."""
    job = await call.services.jobs.get(id, detail=True)
    if job is None:
        raise NoSuchJob
    return job


async def delete_job(call: Call, id: str) -> None:  # noqa: A002
    """Forget a job that does not run; the files that it made stay."""
    await call.services.jobs.delete([id])


async def cancel_job(call: Call, id: str) -> Job:  # noqa: A002
    """Cancel a job: at once where it waits, at its next step where it runs."""
    return await call.services.jobs.cancel(id)


async def retry_job(call: Call, id: str) -> Job:  # noqa: A002
    """Queue a job again that failed, was cancelled or was quarantined."""
    return await call.services.jobs.retry(id)


async def move_job(call: Call, id: str, body: MoveBody) -> Job:  # noqa: A002
    """Put a waiting job before another, or at the end."""
    return await call.services.jobs.move(id, body.before)


async def list_events(call: Call, id: str, query: EventsQuery) -> JobEvents:  # noqa: A002
    """Return what happened to a job."""
    if await call.services.jobs.get(id) is None:
        raise NoSuchJob
    events = await call.services.feed.of_job(id, query.after, query.limit)
    return JobEvents(tuple(event.to_json() for event in events))


async def get_queue(call: Call) -> QueueView:
    """Return what runs and what waits, the next first."""
    return await call.services.jobs.queue()


async def pause_queue(call: Call) -> QueueView:
    """Start no further job, also after a restart, until resumed."""
    await call.services.jobs.pause()
    return await call.services.jobs.queue()


async def resume_queue(call: Call) -> QueueView:
    """Start jobs again."""
    await call.services.jobs.resume()
    return await call.services.jobs.queue()


async def clear_queue(call: Call) -> QueueView:
    """Cancel every job that waits."""
    await call.services.jobs.clear()
    return await call.services.jobs.queue()


async def looked_at(
    call: Call, workflow: JSON, targets: Collection[str] | None
) -> tuple[Graph, list[Problem]]:
    """Bring a workflow up to date and look for problems; in a thread if that may take long."""
    catalogue = await call.services.nodes.get()
    if _is_small(call):
        try:
            return _look(workflow, targets, catalogue, _no_choices)
        except _DiskNeeded:
            # Folders are read in a thread, whatever the size.
            pass
    choices = call.services.files.choices
    return await asyncio.to_thread(_look, workflow, targets, catalogue, choices)


def _is_small(call: Call) -> bool:
    return (call.request.content_length or _SMALL) < _SMALL


def _outlook(graph: Graph, problems: Sequence[Problem], prospect: Prospect | None) -> Outlook:
    states = {} if prospect is None else prospect.plan.to_json()["nodes"]
    return Outlook(
        worker=None if prospect is None else prospect.worker,
        run=sum(state == "run" for state in states.values()),
        total=len(graph.nodes),
        nodes={name: states.get(name, "skipped") for name in graph.nodes},
        problems=tuple(problems),
    )


class _DiskNeeded(Exception):
    """A node names a file, so that folders have to be read."""


def _no_choices(kind: str) -> Collection[str]:
    raise _DiskNeeded


def _look(
    workflow: JSON,
    targets: Collection[str] | None,
    catalogue: Catalogue,
    choices: Callable[[str], Collection[str]],
) -> tuple[Graph, list[Problem]]:
    try:
        graph = upgrade(Graph.from_json(workflow), catalogue)
    except Invalid as invalid:
        return Graph(), list(invalid.problems)
    return graph, validate(graph, catalogue, choices, targets, memory_of_machine())


def idempotency_key(call: Call) -> str | None:
    """Return the key under which a client submits, so that nothing is queued twice.

    Raises:
        Refused: `query.key`.
    """
    text = call.request.headers.get("Idempotency-Key")
    if text is not None and not (1 <= len(text) <= 200 and text.isascii() and text.isprintable()):
        raise Refused(
            "The Idempotency-Key has to be 1 to 200 characters of ASCII.",
            hint="A random UUID serves.",
            code="query.key",
        )
    return text
