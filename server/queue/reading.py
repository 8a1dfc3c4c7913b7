"""Jobs as clients read them: one, a page of the history, the queue."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nodes.errors import NodeError
from server.queue.queries import counts, cursor, detailed, page_query
from server.queue.rows import (
    ACTIVE,
    STATES,
    Job,
    Page,
    QueueView,
    is_paused,
    job_of,
    placed,
    row_of,
)
from server.store import Store

if TYPE_CHECKING:
    from server.artifacts import Artifacts

_LONGEST_QUEUE_VIEW = 10_000


class JobReader:
    """Reads the queue and the history."""

    def __init__(self, store: Store, artifacts: Artifacts) -> None:
        """Read a store whose tables are there.

        Args:
            store: Where jobs are kept.
            artifacts: Knows the files that jobs made.
        """
        self._store = store
        self._artifacts = artifacts
        self.progress: dict[str, dict[str, Any]] = {}

    async def get(self, job: str, detail: bool = False) -> Job | None:
        """Return a job, with its workflow and plan where `detail` is asked for."""

        def work(connection: sqlite3.Connection) -> Job | None:
            row = row_of(connection, job)
            if row is None:
                return None
            found = placed(connection, row)
            return detailed(connection, found) if detail else found

        found = await self._store.read(work)
        return None if found is None else await self._shown(found)

    async def page(
        self,
        states: Sequence[str] | None = None,
        limit: int = 50,
        before: str | None = None,
        search: str = "",
        client: str | None = None,
        source: str | None = None,
    ) -> Page:
        """Return a page of jobs, the newest first.

        Args:
            states: Only those in one of these states.
            limit: How many at most.
            before: The `next` of the page before.
            search: Words that the title has to hold, each.
            client: Only those of one client.
            source: Only those that came by one API.

        Raises:
            NodeError: `query.before` or `query.state`, when that is no such text.
        """
        if states is not None and not set(states) <= set(STATES):
            raise NodeError(
                "There is no such state of a job.",
                hint="The states are " + ", ".join(STATES) + ".",
                code="query.state",
            )
        query, values = page_query(states, limit, cursor(before), search, client, source)

        def work(connection: sqlite3.Connection) -> tuple[list[Job], bool]:
            rows = connection.execute(query, values).fetchall()
            return [placed(connection, row) for row in rows[:limit]], len(rows) > limit

        jobs, more = await self._store.read(work)
        following = str(jobs[-1].number) if more else None
        return Page(tuple(await self._all_shown(jobs)), following)

    async def queue(self) -> QueueView:
        """Return what runs and what waits."""

        def work(connection: sqlite3.Connection) -> tuple[bool, list[Job], list[Job]]:
            running = connection.execute(
                "SELECT * FROM jobs WHERE state = 'running' ORDER BY started"
            )
            queued = connection.execute(
                "SELECT * FROM jobs WHERE state = 'queued' ORDER BY suspect, rank LIMIT ?",
                (_LONGEST_QUEUE_VIEW,),
            )
            return (
                is_paused(connection),
                [job_of(row) for row in running],
                [job_of(row, place) for place, row in enumerate(queued)],
            )

        paused, running, queued = await self._store.read(work)
        return QueueView(paused, tuple(await self._all_shown(running)), tuple(queued))

    async def counts(self) -> tuple[bool, int, int]:
        """Return whether the queue is paused, how many jobs wait, and how many run."""
        return await self._store.read(counts)

    async def _shown(self, job: Job) -> Job:
        return (await self._all_shown([job]))[0]

    async def _all_shown(self, jobs: Sequence[Job]) -> list[Job]:
        """Add to jobs the files that they made and how far they are."""
        ran = [job.id for job in jobs if job.attempts]
        artifacts = await self._artifacts.of_jobs(ran) if ran else {}
        return [
            replace(
                job,
                artifacts=tuple(artifacts.get(job.id, ())),
                progress=self.progress.get(job.id) if job.state == ACTIVE else None,
            )
            for job in jobs
        ]
