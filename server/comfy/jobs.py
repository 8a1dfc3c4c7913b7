"""Jobs under ComfyUI's `/jobs`: what waits, runs and has run as one list, a page at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from nodes.api import JSON, Catalogue
from nodes.errors import NodeError
from server.artifacts import Artifact
from server.comfy.messages import at, ended_message, file_of, list_of
from server.comfy.queue import entries_of
from server.comfy.records import MOST_ITEMS
from server.comfy.requests import number_in, sent
from server.comfy.theirs import theirs_of
from server.http.keys import SERVICES
from server.queue.queries import NoSuchJob, detailed
from server.queue.rows import Job, job_of

if TYPE_CHECKING:
    from server.services import Services

STATUSES = {
    "pending": ("queued",),
    "in_progress": ("running",),
    "completed": ("succeeded",),
    "failed": ("failed", "quarantined"),
    "cancelled": ("cancelled",),
}
"""Our states by ComfyUI's names."""
ORDERS = {
    "created_at": "number",
    # Of the times as they are shown: milliseconds each.
    "execution_duration": "round(finished * 1000) - round(started * 1000)",
}
TURNS = ("desc", "asc")
_MOST_JOBS = 1000
"""On a page."""
_SHOWN = ("image", "animation", "video", "audio")
"""Kinds of results that a list can show."""


@dataclass(frozen=True)
class Page:
    """A part of the list.

    Attributes:
        states: Ours, of the jobs that are asked for.
        order: What they are ordered by, in SQL.
        turn: `asc` or `desc`.
        limit: How many.
        offset: How many come before.
    """

    states: Sequence[str]
    order: str
    turn: str
    limit: int
    offset: int


async def get_jobs(request: web.Request) -> web.Response:
    """List what waits, runs and has run, a page at a time, without workflows."""
    services = request.app[SERVICES]
    page = _page(request)
    total, jobs = await _jobs_of(services, page)
    artifacts = await services.artifacts.of_jobs([job.id for job in jobs])
    catalogue = await services.nodes.get()

    def told() -> dict[str, JSON]:
        entries = [_entry(job, artifacts.get(job.id, []), catalogue) for job in jobs]
        return {
            "jobs": list(entries),
            "pagination": {
                "offset": page.offset,
                "limit": page.limit,
                "total": total,
                "has_more": page.offset + len(entries) < total,
            },
        }

    return await sent(await asyncio.to_thread(told))


async def get_job(request: web.Request) -> web.Response:
    """Tell of one job, with its workflow and all that it made."""
    services = request.app[SERVICES]
    job = await services.jobs.get(request.match_info["prompt_id"], detail=True)
    if job is None:
        raise NoSuchJob
    artifacts = (await services.artifacts.of_jobs([job.id])).get(job.id, [])
    catalogue = await services.nodes.get()
    ended = await entries_of(services, [job]) if job.ended and job.attempts else {}

    def told() -> dict[str, JSON]:
        theirs = theirs_of(job, catalogue)
        prompt: dict[str, JSON] = {name: dict(node) for name, node in theirs.prompt.items()}
        entry = ended.get(job.id)
        assert entry is None or isinstance(entry, dict)
        return {
            **_entry(job, artifacts, catalogue),
            "update_time": at(job.finished or job.started or job.created),
            "workflow": {"prompt": prompt, "extra_data": dict(theirs.extra_data)},
            "outputs": entry["outputs"] if entry else {},
            "execution_status": entry["status"] if entry else None,
            "execution_meta": entry["meta"] if entry else None,
        }

    return await sent(await asyncio.to_thread(told))


def _page(request: web.Request) -> Page:
    statuses = request.query.get("status", ",".join(STATUSES)).split(",")
    order = _one_of(request, "sort_by", tuple(ORDERS))
    for status in statuses:
        _known("status", status, tuple(STATUSES))
    return Page(
        states=[state for status in statuses for state in STATUSES[status]],
        order=ORDERS[order],
        turn=_one_of(request, "sort_order", TURNS),
        limit=min(max(number_in(request, "limit", _MOST_JOBS), 0), _MOST_JOBS),
        offset=min(max(number_in(request, "offset", 0), 0), MOST_ITEMS),
    )


def _one_of(request: web.Request, key: str, known: Sequence[str]) -> str:
    given = request.query.get(key, known[0])
    _known(key, given, known)
    return given


def _known(key: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise NodeError(
            f"`{key}` cannot be {given[:100]!r}.",
            f"It is one of: {', '.join(known)}.",
            code="query.choice",
        )


async def _jobs_of(services: Services, page: Page) -> tuple[int, list[Job]]:
    """Count the jobs that are asked for, and return a page of them.

    Those that were taken out of the queue before they ran are left out, as in the history.
    """
    marks = ", ".join("?" * len(page.states))
    which = f"state IN ({marks}) AND (attempts > 0 OR state = 'queued')"
    count = f"SELECT COUNT(*) FROM jobs WHERE {which}"
    query = (
        f"SELECT * FROM jobs WHERE {which} "
        f"ORDER BY {page.order} {page.turn}, number {page.turn} LIMIT ? OFFSET ?"
    )

    def work(connection: sqlite3.Connection) -> tuple[int, list[Job]]:
        (total,) = connection.execute(count, page.states).fetchone()
        rows = connection.execute(query, (*page.states, page.limit, page.offset)).fetchall()
        return total, [detailed(connection, job_of(row)) for row in rows]

    return await services.store.read(work)


def _entry(job: Job, artifacts: Sequence[Artifact], catalogue: Catalogue) -> dict[str, JSON]:
    status = next(name for name, states in STATUSES.items() if job.state in states)
    return {
        "id": job.id,
        "status": status,
        "priority": job.number,
        "create_time": at(job.created),
        "execution_start_time": None if job.started is None else at(job.started),
        "execution_end_time": None if job.finished is None else at(job.finished),
        "execution_error": _error(job, catalogue) if status == "failed" else None,
        "outputs_count": len(artifacts),
        "preview_output": _preview(job, artifacts),
        "workflow_id": _workflow_id(job),
    }


def _error(job: Job, catalogue: Catalogue) -> dict[str, JSON]:
    theirs = theirs_of(job, catalogue)
    return ended_message(theirs, job.id, job.state, job.problem, job.finished, [])[1]


def _preview(job: Job, artifacts: Sequence[Artifact]) -> dict[str, JSON] | None:
    """Return what a list shows of a job: the first result that it saved, else the first."""
    shown = [artifact for artifact in artifacts if artifact.kind in _SHOWN]
    saved = [artifact for artifact in shown if artifact.folder == "output"]
    first = next(iter(saved or shown), None)
    if first is None:
        return None
    extra = job.extra if isinstance(job.extra, dict) else {}
    node = extra.get("ids", {}).get(first.node, first.node)
    return {**file_of(first), "nodeId": node, "mediaType": list_of(first)}


def _workflow_id(job: Job) -> JSON:
    """Return the id that a client's own editor gave the workflow, where it sent it along."""
    found: JSON = job.extra
    for key in ("extra_data", "extra_pnginfo", "workflow", "id"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None
