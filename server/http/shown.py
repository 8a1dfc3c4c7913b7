"""The shapes of answers that are written by hand elsewhere, for the description of the API.

A test holds every answer against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nodes.api import JSON
from server.artifacts import Artifact
from server.engine.problems import Problem
from server.queue.rows import Job, Page, QueueView


@dataclass(frozen=True)
class Progress:
    """How far a running job is.

    Attributes:
        done: Nodes that are finished.
        total: Nodes that are to be computed.
        node: The one that runs.
        value: Its steps so far.
        max: Its steps in all.
    """

    done: int
    total: int
    node: str | None = None
    value: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class JobShown:
    """One run of a workflow, from its submission on.

    Attributes:
        id: Its name.
        state: Where it stands.
        title: Of the workflow.
        created: Unix seconds, as the two that follow.
        started: When a worker was last given it.
        finished: When it ended.
        position: How many jobs are before it; only while it waits.
        attempts: How often a worker was given it.
        worker: Who runs it, or ran it last.
        progress: How far it is; only while it runs.
        problem: Why it did not succeed.
        warnings: What did not stop it.
        client: Who submitted it.
        document: The editor's document that it came from.
        seconds: How long it ran.
        artifacts: The files that it made.
        workflow: What is run; only where one job is asked for.
        plan: What was to be computed, once that is known; only where one job is asked for.
    """

    id: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled", "quarantined"]
    title: str
    created: float
    started: float | None
    finished: float | None
    position: int | None
    attempts: int
    worker: str | None
    progress: Progress | None
    problem: Problem | None
    warnings: tuple[Problem, ...]
    client: str | None
    document: str | None
    seconds: float | None
    artifacts: tuple[Artifact, ...]
    workflow: JSON = None
    plan: JSON = None


@dataclass(frozen=True)
class JobPage:
    """Jobs, the newest first.

    Attributes:
        items: Without their workflows.
        next: What to give as `before` for the page after; null on the last.
    """

    items: tuple[JobShown, ...]
    next: str | None


@dataclass(frozen=True)
class Queue:
    """The queue as it stands.

    Attributes:
        paused: Whether no job is started for now.
        running: What runs.
        queued: What waits, the next first.
    """

    paused: bool
    running: tuple[JobShown, ...]
    queued: tuple[JobShown, ...]


SHOWN_AS: Mapping[type[Any], type[Any]] = {Job: JobShown, Page: JobPage, QueueView: Queue}
