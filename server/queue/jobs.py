"""The queue as clients use it: submit, look, reorder, pause, cancel, retry, delete.

Every answer follows the commit of what it says.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from server.compact_json import packed
from server.feed import Feed, FeedEvent
from server.queue import changes
from server.queue.changes import event_of
from server.queue.queries import (
    NoSuchJob,
    WrongState,
    fingerprint_of,
    move,
)
from server.queue.reading import JobReader
from server.queue.refusals import Draining, KeyConflict, QueueFull
from server.queue.rows import (
    ACTIVE,
    ENDED,
    MIGRATIONS,
    Job,
    Submission,
    new_id,
    placed,
    row_of,
)
from server.store import Store
from server.workers import Task

if TYPE_CHECKING:
    from server.artifacts import Artifacts


__all__ = ["Draining", "Jobs", "KeyConflict", "NoSuchJob", "QueueFull", "WrongState"]


_REMEMBERED = 1_000
"""Submissions of which it is known that they were asked for before."""
_REHEARSED_LENGTH = 2**16
"""Characters of the longest workflow that is rehearsed: it is planned in some milliseconds."""


class Taker(Protocol):
    """Claims a job for a worker that is held ready, in the write that queues it."""

    @property
    def over(self) -> bool:
        """Whether the job was over in that write, and nothing is left to wake anybody for."""

    async def rehearse(self, task: Task) -> None:
        """See whether a job that is about to be queued needs anything computed."""

    def take(self, connection: sqlite3.Connection) -> None:
        """Claim the next job. On the writer thread."""

    def settle(self, *, kept: bool) -> None:
        """Start what was claimed if the write is on the disk, and hold the worker no longer."""


class Jobs(JobReader):
    """The queue and the history."""

    def __init__(self, store: Store, feed: Feed, artifacts: Artifacts, limit: int = 10_000) -> None:
        """Use a store's tables, which are made if need be; blocks.

        Args:
            store: Where jobs are kept.
            feed: Told of everything that happens.
            artifacts: Knows the files that jobs made.
            limit: How many jobs may wait.
        """
        store.migrate("jobs", MIGRATIONS)
        super().__init__(store, artifacts)
        self._feed = feed
        self._limit = limit
        self._wake: Callable[[], None] = lambda: None
        self._stop: Callable[[str], None] = lambda job: None
        self._lend: Callable[[], Taker | None] = lambda: None
        self._asked: OrderedDict[str, None] = OrderedDict()
        self.draining = False

    def listen(
        self,
        wake: Callable[[], None],
        stop: Callable[[str], None],
        lend: Callable[[], Taker | None] = lambda: None,
    ) -> None:
        """Connect the dispatcher.

        Args:
            wake: Told that there may be work.
            stop: Told which running job to stop.
            lend: Gives what claims a job for an idle worker in the very write that queues it.
        """
        self._wake = wake
        self._stop = stop
        self._lend = lend

    async def submit(self, submission: Submission, *, small: bool = False) -> Job:
        """Take a job; once this returns, it is never lost.

        Args:
            submission: What is asked for.
            small: Whether its workflow is written in less time than a thread takes to begin.

        Returns:
            The job as it was queued, even where a worker has it by now.

        Raises:
            Draining: when the server is stopping.
            QueueFull: when as many jobs wait as may.
            KeyConflict: when its key or id belongs to another job.
        """
        if self.draining:
            raise Draining
        if small:
            workflow, fingerprint = _written(submission)
        else:
            workflow, fingerprint = await asyncio.to_thread(_written, submission)
        id_ = submission.id or new_id()
        repeated = self._repeats(fingerprint, workflow)
        taker = self._lend()
        if taker is not None and repeated:
            task = Task(f"{id_}#1", id_, workflow, submission.targets, submission.extra)
            await _rehearsed(taker, task)

        def work(connection: sqlite3.Connection) -> Job:
            job = changes.insert(
                connection, self._feed, submission, id_, workflow, fingerprint, self._limit
            )
            if taker is not None:
                taker.take(connection)
            return job

        writing = asyncio.ensure_future(self._store.write(work))
        if taker is not None:
            # Also where the caller does not wait: what was claimed has to run.
            writing.add_done_callback(lambda _: taker.settle(kept=_succeeded(writing)))
        job = await asyncio.shield(writing)
        if taker is None or not taker.over:
            self._wake()
        return await self._shown(job) if job.attempts else job

    def _repeats(self, fingerprint: str, workflow: str) -> bool:
        """Tell whether the same was asked before, so that all of it may be known."""
        known = fingerprint in self._asked
        self._asked[fingerprint] = None
        self._asked.move_to_end(fingerprint)
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return known and len(workflow) <= _REHEARSED_LENGTH

    async def cancel(self, job: str) -> Job:
        """Cancel a job: at once where it waits, at its next step where it runs.

        Raises:
            NoSuchJob: when there is none.
        """
        found = await self._change(job, self._cancelled)
        if found.state == ACTIVE:
            self._stop(job)
        return found

    async def retry(self, job: str) -> Job:
        """Put a job that failed, was cancelled or was quarantined into the queue again.

        Raises:
            NoSuchJob: when there is none.
            WrongState: when it waits, runs or has succeeded.
            QueueFull: when as many jobs wait as may.
            Draining: when the server is stopping.
        """
        if self.draining:
            raise Draining
        found = await self._change(job, self._retried)
        self._wake()
        return found

    async def move(self, job: str, before: str | None) -> Job:
        """Put a waiting job before another, or with None at the end.

        Raises:
            NoSuchJob: when one of them does not exist.
            WrongState: when one of them does not wait.
        """
        return await self._change(job, lambda connection, row: move(connection, row, before))

    async def delete(self, jobs: Iterable[str]) -> int:
        """Forget jobs that do not run, and their events; their files stay. Returns how many.

        Raises:
            WrongState: when one of them runs; then none is forgotten.
        """
        wanted = list(jobs)

        def work(connection: sqlite3.Connection) -> int:
            gone = [row for job in wanted if (row := row_of(connection, job)) is not None]
            if any(row["state"] == ACTIVE for row in gone):
                raise WrongState(ACTIVE, "deleted", "Cancel it first.")
            return changes.forget(connection, self._feed, gone)

        removed = await self._store.write(work)
        await self.announce()
        return removed

    async def clear_history(self) -> int:
        """Forget every job that has ended; their files stay. Returns how many."""

        def work(connection: sqlite3.Connection) -> int:
            marks = ", ".join("?" * len(ENDED))
            query = f"SELECT * FROM jobs WHERE state IN ({marks})"
            return changes.forget(
                connection, self._feed, connection.execute(query, ENDED).fetchall()
            )

        return await self._store.write(work)

    async def clear(self) -> int:
        """Cancel every job that waits. Returns how many."""

        def work(connection: sqlite3.Connection) -> int:
            rows = connection.execute("SELECT * FROM jobs WHERE state = 'queued'").fetchall()
            for row in rows:
                changes.cancel(connection, self._feed, row)
            return len(rows)

        cancelled = await self._store.write(work)
        await self.announce()
        return cancelled

    async def pause(self) -> None:
        """Start no further job, also after a restart, until `resume`."""
        await self._set_paused(True)

    async def resume(self) -> None:
        """Start jobs again."""
        await self._set_paused(False)
        self._wake()

    async def announce(self) -> None:
        """Tell those who listen how many jobs wait and run."""
        if self._feed.watched:
            paused, queued, running = await self.counts()
            data = {"paused": paused, "queued": queued, "running": running}
            self._feed.pass_on(FeedEvent("queue.changed", data))

    async def _set_paused(self, paused: bool) -> None:
        await self._store.write(
            lambda connection: connection.execute(
                "INSERT INTO queue_state VALUES ('paused', ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (str(int(paused)),),
            )
        )
        await self.announce()

    async def _change(
        self, job: str, change: Callable[[sqlite3.Connection, sqlite3.Row], bool]
    ) -> Job:
        """Change a job's row and tell of it; the change says whether there is something to tell."""

        def work(connection: sqlite3.Connection) -> Job:
            row = row_of(connection, job)
            if row is None:
                raise NoSuchJob
            told = change(connection, row)
            row = row_of(connection, job)
            assert row is not None
            changed = placed(connection, row)
            if told:
                self._feed.append(connection, [event_of(changed, "job.updated", changed.to_json())])
            return changed

        changed = await self._store.write(work)
        await self.announce()
        return await self._shown(changed)

    def _cancelled(self, connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
        changes.cancel(connection, self._feed, row)
        # What there is to tell has been told.
        return False

    def _retried(self, connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
        changes.retry(connection, row, self._limit)
        return True


def _written(submission: Submission) -> tuple[str, str]:
    """Return a submission's workflow as text, and its fingerprint."""
    workflow = packed(submission.workflow)
    return workflow, fingerprint_of(submission, workflow)


async def _rehearsed(taker: Taker, task: Task) -> None:
    try:
        await taker.rehearse(task)
    except BaseException:
        # Also where the caller does not wait: the worker is free again.
        taker.settle(kept=False)
        raise


def _succeeded(writing: asyncio.Task[Job]) -> bool:
    return not writing.cancelled() and writing.exception() is None
