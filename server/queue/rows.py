"""A job as clients see it, and the tables that it is kept in."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.artifacts import Artifact

WAITING = "queued"
ACTIVE = "running"
ENDED = ("succeeded", "failed", "cancelled", "quarantined")
STATES = (WAITING, ACTIVE, *ENDED)

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,
        title TEXT NOT NULL,
        client TEXT,
        document TEXT,
        source TEXT NOT NULL,
        created REAL NOT NULL,
        started REAL,
        finished REAL,
        rank REAL NOT NULL,
        suspect INTEGER NOT NULL DEFAULT 0,
        cancelling INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        deaths INTEGER NOT NULL DEFAULT 0,
        worker TEXT,
        problem TEXT,
        warnings TEXT NOT NULL DEFAULT '[]',
        key TEXT UNIQUE,
        fingerprint TEXT NOT NULL
    );
    CREATE INDEX jobs_waiting ON jobs (suspect, rank) WHERE state = 'queued';
    CREATE INDEX jobs_by_state ON jobs (state, number);
    CREATE TABLE job_bodies (
        job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
        workflow TEXT NOT NULL,
        targets TEXT NOT NULL,
        extra TEXT NOT NULL,
        plan TEXT
    ) WITHOUT ROWID;
    CREATE TABLE queue_state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
)
"""`rank` orders the queue; jobs suspected of having killed their worker come after all others.
The bodies stand apart, so that pages of history read only small rows."""


@dataclass(frozen=True)
class Job:
    """One run of a workflow, from its submission on.

    Attributes:
        id: Its name for clients.
        number: Its place in the order of submission.
        state: One of `STATES`.
        title: Of the workflow.
        created: Unix seconds, as `started` and `finished`.
        position: How many jobs are before it; only while it is queued.
        attempts: How often a worker was given it.
        worker: Who runs it, or ran it last.
        progress: `{done, total, node, value, max}` while it runs.
        problem: Why it did not succeed, as JSON.
        warnings: Problems that did not stop it, as JSON.
        client: Who submitted it.
        document: The editor's document that it came from.
        source: The API that it came by: `weft` or `comfy`.
        artifacts: The files that it made.
        workflow: What is run; only in the detail, as the three that follow.
        targets: The nodes that were asked for; None means every sink.
        extra: What the submitting API keeps with the job.
        plan: What was to be computed, once it is known.
    """

    id: str
    number: int
    state: str
    title: str
    created: float
    started: float | None
    finished: float | None
    position: int | None
    attempts: int
    worker: str | None
    progress: Mapping[str, Any] | None
    problem: Mapping[str, Any] | None
    warnings: tuple[Mapping[str, Any], ...]
    client: str | None
    document: str | None
    source: str
    artifacts: tuple[Artifact, ...] = ()
    detailed: bool = False
    workflow: Any = None
    targets: tuple[str, ...] | None = None
    extra: Any = None
    plan: Any = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it, unless it is retried."""
        return self.state in ENDED

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started

    def to_json(self) -> dict[str, Any]:
        """Return the job as clients see it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "state": self.state,
            "title": self.title,
            "created": self.created,
            "started": self.started,
            "finished": self.finished,
            "position": self.position,
            "attempts": self.attempts,
            "worker": self.worker,
            "progress": self.progress,
            "problem": self.problem,
            "warnings": list(self.warnings),
            "client": self.client,
            "document": self.document,
            "seconds": self.seconds,
            "artifacts": [artifact.to_json() for artifact in self.artifacts],
        }
        if self.detailed:
            shown["workflow"] = self.workflow
            shown["plan"] = self.plan
        return shown


@dataclass(frozen=True)
class Submission:
    """What a client asks to be run.

    Attributes:
        workflow: The workflow, checked already.
        title: For lists; the workflow's own when empty.
        client: Who asks.
        document: The editor's document that it comes from.
        targets: Nodes to compute; None means every sink.
        front: Whether it goes before those that wait.
        key: The same key names the same job, however often it is submitted.
        source: The API that it comes by: `weft` or `comfy`.
        id: The job's id, where the API lets its client choose.
        extra: Kept with the job for that API.
    """

    workflow: Any
    title: str = ""
    client: str | None = None
    document: str | None = None
    targets: tuple[str, ...] | None = None
    front: bool = False
    key: str | None = None
    source: str = "weft"
    id: str | None = None
    extra: Any = None


@dataclass(frozen=True)
class Page:
    """Jobs, the newest first.

    Attributes:
        items: The jobs, without their workflows.
        next: What to give as `before` for the page after; None on the last.
    """

    items: tuple[Job, ...]
    next: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the page as clients see it."""
        return {"items": [job.to_json() for job in self.items], "next": self.next}


@dataclass(frozen=True)
class QueueView:
    """The queue as it stands.

    Attributes:
        paused: Whether no job is started for now.
        running: What runs.
        queued: What waits, the next first.
    """

    paused: bool
    running: tuple[Job, ...] = ()
    queued: tuple[Job, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the queue as clients see it."""
        return {
            "paused": self.paused,
            "running": [job.to_json() for job in self.running],
            "queued": [job.to_json() for job in self.queued],
        }


def new_id() -> str:
    """Make a job's id: a UUID of version 7 (RFC 9562), which begins with the time.

    Ids of jobs that follow one another stand together in every index, so that a commit touches few
    pages.
    """
    milliseconds = time.time_ns() // 1_000_000
    variant_and_random = 0b10 << 62 | secrets.randbits(62)
    number = milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | variant_and_random
    return str(uuid.UUID(int=number))


def job_of(row: sqlite3.Row, position: int | None = None) -> Job:
    """Make a job of its row, without workflow, artifacts and progress."""
    return Job(
        id=row["id"],
        number=row["number"],
        state=row["state"],
        title=row["title"],
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        position=position,
        attempts=row["attempts"],
        worker=row["worker"],
        progress=None,
        problem=None if row["problem"] is None else json.loads(row["problem"]),
        warnings=tuple(json.loads(row["warnings"])),
        client=row["client"],
        document=row["document"],
        source=row["source"],
    )


def row_of(connection: sqlite3.Connection, job: str) -> sqlite3.Row | None:
    """Return the row of a job."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM jobs WHERE id = ?", (job,)
    ).fetchone()
    return row


def position_of(connection: sqlite3.Connection, row: sqlite3.Row) -> int | None:
    """Count the jobs before a queued one."""
    if row["state"] != WAITING:
        return None
    return int(
        connection.execute(
            "SELECT count(*) FROM jobs WHERE state = 'queued' AND (suspect, rank) < (?, ?)",
            (row["suspect"], row["rank"]),
        ).fetchone()[0]
    )


def placed(connection: sqlite3.Connection, row: sqlite3.Row) -> Job:
    """Make a job of its row, with its position in the queue."""
    return job_of(row, position_of(connection, row))


def waiting(connection: sqlite3.Connection) -> int:
    """Count the queued jobs."""
    return int(connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()[0])


def is_paused(connection: sqlite3.Connection) -> bool:
    """Tell whether the queue is paused."""
    row = connection.execute("SELECT value FROM queue_state WHERE name = 'paused'").fetchone()
    return row is not None and row["value"] == "1"
