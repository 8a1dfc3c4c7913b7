"""One run as the server records it: what its worker says becomes events, files, progress."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from server.artifacts import Artifact, Artifacts
from server.claims import Claim, Claims
from server.engine.canonical import canonical_dumps
from server.feed import Feed, FeedEvent
from server.jobs import Jobs
from server.watch import Watch
from server.workers import Told

_MOST_WRITES = 32
"""Writes under way; beyond them the worker is made to wait."""


class RunRecord:
    """What is known of one run while it goes on."""

    def __init__(
        self,
        claim: Claim,
        claims: Claims,
        jobs: Jobs,
        feed: Feed,
        artifacts: Artifacts,
        watch: Watch,
    ) -> None:
        self.saved = False
        self._claim = claim
        self._claims = claims
        self._feed = feed
        self._artifacts = artifacts
        self._watch = watch
        self._workflow: str | None = None
        self._writes: deque[Future[None]] = deque()
        self._progress: dict[str, Any] = {
            "done": 0,
            "total": 0,
            "node": None,
            "value": None,
            "max": None,
        }
        jobs.progress[claim.job.id] = self._progress

    async def hear(self, told: Sequence[Told]) -> None:
        """Record a batch of what a worker said, without waiting for the disk.

        Writes are made in the order in which they are asked for, so those of the end come last.
        """
        events = await self.events(told)
        if not events:
            return
        self._writes.append(self._claims.record(self._claim, events))
        if len(self._writes) > _MOST_WRITES:
            await self.written()

    async def written(self) -> None:
        """Wait until all that was heard is on the disk.

        Raises:
            Exception: what kept it from getting there.
        """
        while self._writes:
            await asyncio.wrap_future(self._writes.popleft())

    async def events(self, told: Sequence[Told]) -> list[FeedEvent]:
        """Return the events that are to be kept, after passing on those that are not."""
        kept = []
        for said in told:
            self._note(said)
            event = FeedEvent(
                said.type,
                said.data,
                job=self._claim.job.id,
                node=said.node,
                document=self._claim.job.document,
                client=self._claim.job.client,
                time=said.time,
                blob=said.blob,
            )
            if said.type in ("node.progress", "node.preview"):
                self._feed.pass_on(event)
            elif said.type == "node.artifact":
                kept.append(await self._indexed(event))
            else:
                kept.append(event)
        return kept

    async def _indexed(self, event: FeedEvent) -> FeedEvent:
        """Index a file before its event is told."""
        job = self._claim.job
        told = {**event.data["artifact"], "job": job.id, "node": event.node, "title": job.title}
        told.pop("id", None)
        if self._workflow is None:
            self._workflow = canonical_dumps(self._claim.workflow)
        artifact = await self._artifacts.record(Artifact.from_json(told), self._workflow)
        self.saved = True
        return self._claim.event(event.type, {"artifact": artifact.to_json()}, event.node)

    def _note(self, said: Told) -> None:
        """Keep what the job's progress shows."""
        progress = self._progress
        match said.type:
            case "plan":
                progress["total"] = said.data["total"]
            case "node.started":
                progress.update(node=said.node, value=None, max=None)
            case "node.progress":
                progress.update(node=said.node, value=said.data["value"], max=said.data["max"])
            case "node.finished" | "node.cached":
                progress["done"] = min(progress["done"] + 1, progress["total"])
                self._watch.node(said.type, said.data)
