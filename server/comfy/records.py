"""Jobs as ComfyUI tells of them: items of its queue and entries of its history."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodes.api import JSON
from server.artifacts import Artifact
from server.comfy.messages import ReadText, at, ended_message, ui_of
from server.comfy.theirs import Theirs, cached_in
from server.feed import FeedEvent
from server.queue.queries import detailed
from server.queue.rows import ENDED, Job, job_of, row_of

if TYPE_CHECKING:
    from server.services import Services

MOST_ITEMS = 10_000


def item_of(job: Job, theirs: Theirs) -> list[JSON]:
    """Return a job as an item of the queue."""
    nodes: dict[str, JSON] = {name: dict(node) for name, node in theirs.prompt.items()}
    extra = {**theirs.extra_data, "create_time": at(job.created)}
    return [theirs.number, job.id, nodes, extra, list(theirs.outputs)]


@dataclass(frozen=True)
class HowFar:
    """How far a job came that did not succeed.

    Attributes:
        executed: The nodes that were computed, by our ids.
        running: The one that ran last.
    """

    executed: tuple[str, ...] = ()
    running: str | None = None


def how_far(events: Sequence[FeedEvent]) -> HowFar:
    """Read from a job's events how far its last attempt came."""
    executed: list[str] = []
    running = None
    for event in events:
        if event.type == "job.started":
            executed, running = [], None
        elif event.node is not None and not event.data.get("inner"):
            if event.type == "node.started":
                running = event.node
            elif event.type == "node.finished":
                executed.append(event.node)
    return HowFar(tuple(executed), running)


def entry_of(
    job: Job, theirs: Theirs, artifacts: Sequence[Artifact], far: HowFar, read: ReadText
) -> dict[str, JSON]:
    """Return a job that has ended as an entry of the history.

    Args:
        job: With its plan.
        theirs: The same in ComfyUI's terms.
        artifacts: The files that it made.
        far: How far it came, where it did not succeed.
        read: Gives the texts among the files.
    """
    start: dict[str, JSON] = {"prompt_id": job.id, "timestamp": at(job.started or job.created)}
    ended = ended_message(
        theirs,
        job.id,
        job.state,
        job.problem,
        job.finished,
        [theirs.name(node) for node in far.executed],
        None if far.running is None else theirs.name(far.running),
    )
    messages: list[JSON] = [
        ["execution_start", start],
        ["execution_cached", {"nodes": cached_in(theirs, job.plan), **start}],
        list(ended),
    ]
    outputs = _outputs(artifacts, theirs)
    succeeded = job.state == "succeeded"
    return {
        "prompt": item_of(job, theirs),
        "outputs": {name: ui_of(made, read) for name, made in outputs.items()},
        "status": {
            "status_str": "success" if succeeded else "error",
            "completed": succeeded,
            "messages": messages,
        },
        "meta": {
            name: {
                "node_id": name,
                "display_node": name,
                "parent_node": None,
                "real_node_id": name,
            }
            for name in outputs
        },
    }


async def queue_of(services: Services) -> tuple[list[Job], list[Job]]:
    """Return what runs and what waits, with their prompts."""

    def work(connection: sqlite3.Connection) -> tuple[list[Job], list[Job]]:
        running = connection.execute("SELECT * FROM jobs WHERE state = 'running' ORDER BY started")
        waiting = connection.execute(
            "SELECT * FROM jobs WHERE state = 'queued' ORDER BY suspect, rank LIMIT ?",
            (MOST_ITEMS,),
        )
        return (
            [detailed(connection, job_of(row)) for row in running],
            [detailed(connection, job_of(row)) for row in waiting],
        )

    return await services.store.read(work)


async def history_of(services: Services, most: int, offset: int | None) -> list[Job]:
    """Return jobs that have run, in the order in which they ended.

    Args:
        services: The parts of the server.
        most: How many at most.
        offset: How many of the oldest to leave out; None for the latest.
    """
    marks = ", ".join("?" * len(ENDED))
    turn = "DESC" if offset is None else "ASC"
    query = (
        f"SELECT * FROM jobs WHERE state IN ({marks}) AND attempts > 0 "
        f"ORDER BY finished {turn}, number {turn} LIMIT ? OFFSET ?"
    )

    def work(connection: sqlite3.Connection) -> list[Job]:
        rows = connection.execute(query, (*ENDED, min(most, MOST_ITEMS), offset or 0)).fetchall()
        return [detailed(connection, job_of(row)) for row in rows]

    found = await services.store.read(work)
    return found[::-1] if offset is None else found


async def ended_ids(services: Services, ids: Sequence[str]) -> list[str]:
    """Return those of some jobs that have ended."""

    def work(connection: sqlite3.Connection) -> list[str]:
        rows = [row_of(connection, name) for name in ids]
        return [row["id"] for row in rows if row is not None and row["state"] in ENDED]

    return await services.store.read(work)


def _outputs(artifacts: Sequence[Artifact], theirs: Theirs) -> dict[str, list[Artifact]]:
    found: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        node = theirs.name(artifact.node)
        if not theirs.sends(node):
            found.setdefault(node, []).append(artifact)
    return found
