"""Reading and ordering jobs: the SQL of the queue and the history."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nodes.errors import NodeError
from server.compact_json import packed
from server.queue.rows import WAITING, Job, Submission, is_paused, row_of, waiting

_STANDING = """
    SELECT (SELECT count(*) FROM jobs WHERE state = 'queued'), (
        SELECT {0}(rank) FROM (
            SELECT {0}(rank) AS rank FROM jobs WHERE state = 'queued' AND suspect = 0
            UNION ALL SELECT rank FROM jobs WHERE state = 'running'
        )
    )
"""
"""Asked of each state apart, so that an index answers; a running job may be given back."""


class NoSuchJob(NodeError):
    """There is no job of this id."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(
            "There is no such job.", hint="It may have been deleted.", code="job.missing"
        )


class WrongState(NodeError):
    """What was asked does not fit the state that the job is in."""

    def __init__(self, state: str, what: str, hint: str) -> None:
        """Name the state and what was asked."""
        super().__init__(f"A job that is {state} cannot be {what}.", hint=hint, code="job.state")


def detailed(connection: sqlite3.Connection, job: Job) -> Job:
    """Add to a job what only its detail shows."""
    body = connection.execute("SELECT * FROM job_bodies WHERE job = ?", (job.id,)).fetchone()
    targets = json.loads(body["targets"])
    return replace(
        job,
        detailed=True,
        workflow=json.loads(body["workflow"]),
        targets=None if targets is None else tuple(targets),
        extra=json.loads(body["extra"]),
        plan=None if body["plan"] is None else json.loads(body["plan"]),
    )


def fingerprint_of(submission: Submission, workflow: str) -> str:
    """Return what two submissions share only if they ask for the same."""
    told = packed([workflow, submission.targets, submission.title, submission.front])
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def known_as(connection: sqlite3.Connection, submission: Submission) -> sqlite3.Row | None:
    """Return the job that has a submission's key or id already."""
    row: sqlite3.Row | None = None
    if submission.key is not None:
        row = connection.execute("SELECT * FROM jobs WHERE key = ?", (submission.key,)).fetchone()
    if row is None and submission.id is not None:
        row = row_of(connection, submission.id)
    return row


def title_of(workflow: Any) -> str:
    """Return a workflow's own title."""
    title = workflow.get("title") if isinstance(workflow, dict) else None
    return title if isinstance(title, str) else ""


def standing(connection: sqlite3.Connection, *, front: bool) -> tuple[int, float]:
    """Return how many jobs wait, and a rank before or behind all that wait or run."""
    queued, rank = connection.execute(_STANDING.format("min" if front else "max")).fetchone()
    return queued, float(rank or 0) + (-1 if front else 1)


def move(connection: sqlite3.Connection, row: sqlite3.Row, before: str | None) -> bool:
    """Put a waiting job before another, or with None at the end; tell whether it moved."""
    if row["state"] != WAITING:
        raise WrongState(row["state"], "moved", "Only waiting jobs can be moved.")
    if before == row["id"]:
        return False
    order = [
        str(other["id"])
        for other in connection.execute(
            "SELECT id FROM jobs WHERE state = 'queued' AND suspect = 0 AND id <> ? ORDER BY rank",
            (row["id"],),
        )
    ]
    if before is None:
        place = len(order)
    elif before in order:
        place = order.index(before)
    else:
        other = row_of(connection, before)
        if other is None:
            raise NoSuchJob
        if other["state"] != WAITING:
            raise WrongState(other["state"], "moved before", "Choose a job that waits.")
        place = len(order)
    order.insert(place, row["id"])
    # Whoever moves a job by hand vouches for it.
    connection.execute("UPDATE jobs SET suspect = 0 WHERE id = ?", (row["id"],))
    connection.executemany(
        "UPDATE jobs SET rank = ? WHERE id = ?", [(rank, job) for rank, job in enumerate(order)]
    )
    return True


def counts(connection: sqlite3.Connection) -> tuple[bool, int, int]:
    """Return whether the queue is paused, how many jobs wait, and how many run."""
    running = connection.execute("SELECT count(*) FROM jobs WHERE state = 'running'").fetchone()[0]
    return is_paused(connection), waiting(connection), int(running)


def page_query(
    states: Sequence[str] | None,
    limit: int,
    before: int | None,
    search: str,
    client: str | None,
    source: str | None,
) -> tuple[str, list[Any]]:
    """Return SQL that walks one index a state backwards, so that its cost is the page's size."""
    conditions, values = ["1"], []
    for condition, value in (
        ("number < ?", before),
        ("client = ?", client),
        ("source = ?", source),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    for word in search.split():
        conditions.append("title LIKE ? ESCAPE '\\'")
        values.append("%" + _escaped(word) + "%")
    where = " AND ".join(conditions)
    tail = "ORDER BY number DESC LIMIT ?"
    if not states:
        return f"SELECT * FROM jobs WHERE {where} {tail}", [*values, limit + 1]
    part = f"SELECT * FROM (SELECT * FROM jobs WHERE state = ? AND {where} {tail})"
    parts = " UNION ALL ".join([part] * len(states))
    inner = [value for state in states for value in (state, *values, limit + 1)]
    return f"SELECT * FROM ({parts}) {tail}", [*inner, limit + 1]


def _escaped(word: str) -> str:
    for character in ("\\", "%", "_"):
        word = word.replace(character, "\\" + character)
    return word


def cursor(before: str | None) -> int | None:
    """Read the `before` of a page.

    Raises:
        NodeError: `query.before`, when it is none.
    """
    if before is None:
        return None
    if not (before.isascii() and before.isdecimal() and len(before) <= 18):
        raise NodeError(
            "This is no place in the list.",
            hint="Give the `next` of the page before as `before`.",
            code="query.before",
        )
    return int(before)
