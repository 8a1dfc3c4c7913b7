"""The queue as the dispatcher uses it: claim, record, finish, give back, recover.

Each claim carries the worker and the number of the attempt, and each later write holds only while
the job's row still says the same: what a stale worker reports changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from server.compact_json import packed
from server.engine.problems import Problem
from server.feed import Feed, FeedEvent
from server.queue.changes import event_of
from server.queue.rows import Job, is_paused, job_of, placed, row_of
from server.store import Store

DEATHS_ALLOWED = 3
"""A job that took its worker down this often is not tried again."""


_TAKE = """
    UPDATE jobs SET state = 'running', worker = ?, attempts = attempts + 1, started = ?,
        finished = NULL
    WHERE number = (
        SELECT number FROM jobs WHERE state = 'queued' ORDER BY suspect, rank LIMIT 1
    ) AND NOT EXISTS (SELECT 1 FROM queue_state WHERE name = 'paused' AND value = '1')
    RETURNING *
"""

Entry = FeedEvent | Callable[[sqlite3.Connection], FeedEvent]
"""An event, or what makes one inside the write that keeps it."""


@dataclass(frozen=True)
class Claim:
    """One attempt at a job, given to one worker.

    Attributes:
        job: The job as it was claimed.
        worker: The worker's name.
        workflow: What is to be run, as JSON text: the server has no need to read it again.
        targets: The nodes that were asked for; None means every sink.
        extra: What the submitting API keeps with the job.
    """

    job: Job
    worker: str
    workflow: str
    targets: tuple[str, ...] | None
    extra: Any

    @property
    def run(self) -> str:
        """A name for this attempt alone."""
        return f"{self.job.id}#{self.job.attempts}"

    def event(self, kind: str, data: dict[str, Any], node: str | None = None) -> FeedEvent:
        """Make an event of this job."""
        job = self.job
        return FeedEvent(
            kind, data, job=job.id, node=node, document=job.document, client=job.client
        )


class Claims:
    """What the dispatcher does to the queue; each method is one commit."""

    def __init__(self, store: Store, feed: Feed) -> None:
        """Work on the tables that `Jobs` made."""
        self._store = store
        self._feed = feed

    async def recover(self) -> int:
        """Put back what ran when the server ended; return how many jobs that were.

        Any of them may have brought the server down with it, so they run after all others.
        """

        def work(connection: sqlite3.Connection) -> int:
            rows = connection.execute("SELECT * FROM jobs WHERE state = 'running'").fetchall()
            for row in rows:
                self._give_back(connection, row, suspect=True)
            return len(rows)

        return await self._store.write(work)

    async def first(self) -> tuple[Job, Any, tuple[str, ...] | None] | None:
        """Return the job that is next, with its workflow and targets."""

        def work(connection: sqlite3.Connection) -> tuple[Job, Any, tuple[str, ...] | None] | None:
            row = None if is_paused(connection) else _next_row(connection)
            if row is None:
                return None
            workflow, targets, _ = _body(connection, row["id"])
            return job_of(row, 0), json.loads(workflow), targets

        return await self._store.read(work)

    async def claim(self, worker: str) -> Claim | None:
        """Give a worker the next job; None when there is none, or the queue is paused."""
        return await self._store.write(lambda connection: self.take(connection, worker))

    def record(self, claim: Claim, events: Sequence[Entry]) -> Future[None]:
        """Keep what a worker said of its job; done when it is on the disk."""
        return self._store.submit(lambda connection: self._record(connection, claim, events))

    async def finish(
        self,
        claim: Claim,
        state: str,
        problem: Mapping[str, Any] | None,
        events: Sequence[Entry] = (),
        claim_next: bool = False,
        claimed: Callable[[Claim], None] = lambda claim: None,
    ) -> Claim | None:
        """Record a job's end, and in the same commit claim the next for the same worker.

        Args:
            claim: What has ended.
            state: `succeeded`, `failed` or `cancelled`.
            problem: Why it failed.
            events: What was said before.
            claim_next: Whether the worker takes the next job.
            claimed: Called on the writer thread with the next claim, before the commit: that job
                is on the disk already, so that it may run while its claim gets there. Nothing of
                it may be recorded, or its end told, unless the commit succeeds.

        Returns:
            The next claim, if there is one.
        """

        def work(connection: sqlite3.Connection) -> Claim | None:
            self.end(connection, claim, state, problem, events)
            following = self.take(connection, claim.worker) if claim_next else None
            if following is not None:
                claimed(following)
            return following

        return await self._store.write(work)

    async def give_back(self, claim: Claim) -> None:
        """Put a job back to where it was in the queue: that it did not finish is not its fault."""

        def work(connection: sqlite3.Connection) -> None:
            row = _held(connection, claim)
            if row is not None:
                self._give_back(connection, row, suspect=False)

        await self._store.write(work)

    async def worker_died(self, claim: Claim, cause: str) -> bool:
        """Record that a job's worker ended under it: it is tried again last, or never.

        Returns:
            Whether it will be tried again.
        """

        def work(connection: sqlite3.Connection) -> bool:
            row = _held(connection, claim)
            if row is None:
                return False
            deaths = row["deaths"] + 1
            connection.execute("UPDATE jobs SET deaths = ? WHERE id = ?", (deaths, row["id"]))
            if row["cancelling"]:
                self._end(connection, claim, "cancelled", None)
            elif deaths >= DEATHS_ALLOWED:
                self._end(connection, claim, "quarantined", _quarantine(cause).to_json())
            else:
                self._give_back(connection, row, suspect=True)
                return True
            return False

        return await self._store.write(work)

    def take(self, connection: sqlite3.Connection, worker: str) -> Claim | None:
        """Do what `claim` does as a part of another write."""
        row = connection.execute(_TAKE, (worker, time.time())).fetchone()
        if row is None:
            return None
        claim = Claim(job_of(row), worker, *_body(connection, row["id"]))
        data = {"worker": worker, "attempt": row["attempts"]}
        self._feed.append(connection, [claim.event("job.started", data)])
        return claim

    def end(
        self,
        connection: sqlite3.Connection,
        claim: Claim,
        state: str,
        problem: Mapping[str, Any] | None,
        events: Sequence[Entry],
    ) -> None:
        """Record a job's end as a part of another write."""
        row = _held(connection, claim)
        if row is not None:
            self._end(connection, claim, state, problem, _kept(connection, claim, row, events))

    def _record(
        self, connection: sqlite3.Connection, claim: Claim, entries: Sequence[Entry]
    ) -> None:
        row = _held(connection, claim)
        if row is not None and entries:
            self._feed.append(connection, _kept(connection, claim, row, entries))

    def _end(
        self,
        connection: sqlite3.Connection,
        claim: Claim,
        state: str,
        problem: Mapping[str, Any] | None,
        before: Sequence[FeedEvent] = (),
    ) -> None:
        finished = time.time()
        connection.execute(
            "UPDATE jobs SET state = ?, problem = ?, finished = ?, cancelling = 0 WHERE id = ?",
            (state, None if problem is None else packed(problem), finished, claim.job.id),
        )
        started = claim.job.started or finished
        data = {"state": state, "problem": problem, "seconds": finished - started}
        self._feed.append(connection, [*before, claim.event("job.finished", data)])

    def _give_back(
        self, connection: sqlite3.Connection, row: sqlite3.Row, *, suspect: bool
    ) -> None:
        if row["cancelling"]:
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', finished = ?, cancelling = 0 WHERE id = ?",
                (time.time(), row["id"]),
            )
            data = {"state": "cancelled", "problem": None, "seconds": None}
            self._feed.append(connection, [event_of(job_of(row), "job.finished", data)])
            return
        connection.execute(
            "UPDATE jobs SET state = 'queued', started = NULL, warnings = '[]',"
            " suspect = max(suspect, ?) WHERE id = ?",
            (int(suspect), row["id"]),
        )
        waiting = row_of(connection, row["id"])
        assert waiting is not None
        job = placed(connection, waiting)
        self._feed.append(connection, [event_of(job, "job.updated", job.to_json())])


def _next_row(connection: sqlite3.Connection) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM jobs WHERE state = 'queued' ORDER BY suspect, rank LIMIT 1"
    ).fetchone()
    return row


def _held(connection: sqlite3.Connection, claim: Claim) -> sqlite3.Row | None:
    """Return the job's row while the claim still holds."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM jobs WHERE id = ? AND state = 'running' AND worker = ? AND attempts = ?",
        (claim.job.id, claim.worker, claim.job.attempts),
    ).fetchone()
    return row


def _kept(
    connection: sqlite3.Connection, claim: Claim, row: sqlite3.Row, entries: Sequence[Entry]
) -> list[FeedEvent]:
    """Keep what events say of their job with it; return them, to be appended."""
    events = [e if isinstance(e, FeedEvent) else e(connection) for e in entries]
    warnings = [event.data["problem"] for event in events if event.type == "node.warning"]
    if warnings:
        connection.execute(
            "UPDATE jobs SET warnings = ? WHERE id = ?",
            (packed([*json.loads(row["warnings"]), *warnings]), claim.job.id),
        )
    for event in events:
        if event.type == "plan":
            connection.execute(
                "UPDATE job_bodies SET plan = ? WHERE job = ?",
                (packed(event.data), claim.job.id),
            )
    return events


def _body(connection: sqlite3.Connection, job: str) -> tuple[str, tuple[str, ...] | None, Any]:
    row = connection.execute("SELECT * FROM job_bodies WHERE job = ?", (job,)).fetchone()
    targets = json.loads(row["targets"])
    return (
        row["workflow"],
        None if targets is None else tuple(targets),
        json.loads(row["extra"]),
    )


def _quarantine(cause: str) -> Problem:
    return Problem(
        code="job.quarantined",
        message=f"Its worker was lost {DEATHS_ALLOWED} times over it: the last {cause}.",
        hint="Make the pictures smaller or leave nodes out to find which one it is, then retry.",
    )
