"""What is done to the rows of jobs for clients, and the events that tell of it. In writes only."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from server.compact_json import packed
from server.feed import Feed, FeedEvent
from server.queue.queries import WrongState, known_as, standing, title_of
from server.queue.refusals import KeyConflict, QueueFull
from server.queue.rows import ACTIVE, WAITING, Job, Submission, job_of, placed


def insert(
    connection: sqlite3.Connection,
    feed: Feed,
    submission: Submission,
    id_: str,
    workflow: str,
    fingerprint: str,
    limit: int,
) -> Job:
    """Queue a job under an id, unless it is known by the key or id that its client chose.

    Raises:
        KeyConflict: when its key or id belongs to another job.
        QueueFull: when as many jobs wait as may.
    """
    known = known_as(connection, submission)
    if known is not None:
        if known["fingerprint"] != fingerprint:
            raise KeyConflict
        return placed(connection, known)
    queued, rank = standing(connection, front=submission.front)
    if queued >= limit:
        raise QueueFull(limit)
    row = connection.execute(
        "INSERT INTO jobs (id, state, title, client, document, source, created, rank, key,"
        " fingerprint) VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (
            id_,
            submission.title or title_of(submission.workflow),
            submission.client,
            submission.document,
            submission.source,
            time.time(),
            rank,
            submission.key,
            fingerprint,
        ),
    ).fetchone()
    connection.execute(
        "INSERT INTO job_bodies (job, workflow, targets, extra) VALUES (?, ?, ?, ?)",
        (id_, workflow, packed(submission.targets), packed(submission.extra)),
    )
    made = job_of(row, 0 if submission.front else queued)
    feed.append(connection, [event_of(made, "job.queued", made.to_json())])
    return made


def cancel(connection: sqlite3.Connection, feed: Feed, row: sqlite3.Row) -> None:
    """Cancel a job that waits, and have one that runs cancelled."""
    if row["state"] == ACTIVE:
        connection.execute("UPDATE jobs SET cancelling = 1 WHERE id = ?", (row["id"],))
    elif row["state"] == WAITING:
        connection.execute(
            "UPDATE jobs SET state = 'cancelled', finished = ? WHERE id = ?",
            (time.time(), row["id"]),
        )
        data = {"state": "cancelled", "problem": None, "seconds": None}
        feed.append(connection, [event_of(job_of(row), "job.finished", data)])


def retry(connection: sqlite3.Connection, row: sqlite3.Row, limit: int) -> None:
    """Put a job that did not succeed behind all that wait.

    Raises:
        WrongState: when it waits, runs or has succeeded.
        QueueFull: when as many jobs wait as may.
    """
    if row["state"] not in ("failed", "cancelled", "quarantined"):
        raise WrongState(row["state"], "retried", "Submit the workflow again instead.")
    queued, rank = standing(connection, front=False)
    if queued >= limit:
        raise QueueFull(limit)
    connection.execute(
        "UPDATE jobs SET state = 'queued', rank = ?, suspect = 0, cancelling = 0, deaths = 0,"
        " started = NULL, finished = NULL, problem = NULL, warnings = '[]' WHERE id = ?",
        (rank, row["id"]),
    )


def forget(connection: sqlite3.Connection, feed: Feed, rows: Sequence[sqlite3.Row]) -> int:
    """Remove jobs and their events; return how many."""
    ids = [(row["id"],) for row in rows]
    connection.executemany("DELETE FROM events WHERE job = ?", ids)
    connection.executemany("DELETE FROM jobs WHERE id = ?", ids)
    removed = [FeedEvent("job.removed", {"id": job}) for (job,) in ids]
    if removed:
        feed.append(connection, removed)
    return len(ids)


def event_of(job: Job, kind: str, data: dict[str, Any]) -> FeedEvent:
    """Make an event that concerns a job."""
    return FeedEvent(kind, data, job=job.id, document=job.document, client=job.client)
