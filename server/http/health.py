"""Whether the server lives, is ready, and how it fares: for those who look after it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from aiohttp import web

from nodes.api import JSON
from server.disk import DiskFull
from server.http.table import Call, Status
from server.services import Services
from server.watch import sample

LOG = logging.getLogger("weft.http")


@dataclass(frozen=True)
class Alive:
    """A sign of life.

    Attributes:
        status: `ok`.
    """

    status: str = "ok"

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Readiness:
    """Whether jobs can be taken and run.

    Attributes:
        ready: Whether all is well; the answer's status is 503 otherwise.
        reasons: What is not, in words.
    """

    ready: bool
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"ready": self.ready, "reasons": list(self.reasons)}


async def get_health(call: Call) -> Alive:
    """Say that the server answers."""
    return Alive()


async def get_readiness(call: Call) -> Status[Readiness]:
    """Say whether jobs can be taken and run, and if not, why; with status 503 then."""
    reasons = await _reasons(call.services)
    return Status(Readiness(not reasons, tuple(reasons)), 503 if reasons else 200)


async def get_metrics(call: Call) -> web.Response:
    """Return counters and states in Prometheus' text format."""
    lines = [*call.services.watch.lines(), *await _states(call.services)]
    return web.Response(
        body=("\n".join(lines) + "\n").encode(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


async def _reasons(services: Services) -> list[str]:
    found = []
    try:
        await services.store.write(lambda connection: connection.execute("SELECT 1").fetchone())
    except Exception:
        # A border: whatever keeps the database from being written, it is not ready.
        LOG.exception("The database cannot be written")
        found.append("The database cannot be written.")
    try:
        services.disk.require()
    except DiskFull as full:
        found.append(full.message)
    if services.jobs.draining:
        found.append("The server is about to stop.")
    if not any(worker.state in ("idle", "busy") for worker in services.workers.all):
        found.append("No worker is up.")
    return found


async def _states(services: Services) -> Iterable[str]:
    paused, queued, running = await services.jobs.counts()
    yielded = [
        "# TYPE weft_jobs gauge",
        sample("weft_jobs", queued, state="queued"),
        sample("weft_jobs", running, state="running"),
        "# TYPE weft_queue_paused gauge",
        sample("weft_queue_paused", int(paused)),
        "# TYPE weft_disk_free_bytes gauge",
        sample("weft_disk_free_bytes", services.disk.free()),
        "# TYPE weft_worker_up gauge",
    ]
    for worker in services.workers.all:
        up = worker.state in ("idle", "busy")
        yielded.append(sample("weft_worker_up", int(up), worker=worker.name, device=worker.device))
    return yielded
