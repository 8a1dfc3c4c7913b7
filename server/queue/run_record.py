"""One run as the server records it: what its worker says becomes events, files, progress."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

from server.artifacts import Artifact, Artifacts
from server.engine.canonical import canonical_dumps
from server.feed import Feed, FeedEvent
from server.queue.claims import Claim, Claims, Entry
from server.queue.jobs import Jobs
from server.queue.progress import Progress
from server.watch import Watch
from server.workers import Told

_MOST_WRITES = 32
"""Writes under way; beyond them the worker is made to wait."""
_GATHER_SECONDS = 0.02
"""For how long what a worker says is gathered into one write; the end of a quick run goes along."""
_MOST_GATHERED = 500


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
        self._gathered: list[Entry] = []
        self._due: asyncio.TimerHandle | None = None
        self._writes: deque[Future[None]] = deque()
        self._replaced: list[Artifact] = []
        self._progress = Progress()
        jobs.progress[claim.job.id] = self._progress.shown

    async def hear(self, told: Sequence[Told]) -> None:
        """Record a batch of what a worker said, without waiting for the disk.

        Writes are made in the order in which they are asked for, so those of the end come last.
        """
        self._gathered.extend(self._entries(told))
        if len(self._gathered) > _MOST_GATHERED:
            self.flush()
        elif self._gathered and self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_later(_GATHER_SECONDS, self.flush)
        if len(self._writes) > _MOST_WRITES:
            await self._written()

    def rest(self, told: Sequence[Told]) -> list[Entry]:
        """Return what is not being written yet, for the write of the run's end."""
        entries = [*self._gathered, *self._entries(told)]
        self.drop()
        return entries

    def drop(self) -> None:
        """Write nothing more of what was gathered."""
        self._gathered = []
        if self._due is not None:
            self._due.cancel()
            self._due = None

    async def close(self) -> None:
        """Wait until all that was heard is on the disk; remove files that others took the place of.

        Raises:
            Exception: what kept it from getting there.
        """
        await self._written()
        for artifact in self._replaced:
            await asyncio.to_thread(self._artifacts.remove_file, artifact)

    def flush(self) -> None:
        """Write what was gathered."""
        entries = self._gathered
        self.drop()
        if entries:
            self._writes.append(self._claims.record(self._claim, entries))

    async def _written(self) -> None:
        while self._writes:
            await asyncio.wrap_future(self._writes.popleft())

    def _entries(self, told: Sequence[Told]) -> list[Entry]:
        """Return what is to be kept, after passing on what is not."""
        kept: list[Entry] = []
        for said in told:
            self._progress.note(said.type, said.node, said.data)
            if said.type in ("node.finished", "node.cached"):
                self._watch.node(said.type, said.data)
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
                self.saved = True
                kept.append(partial(self._index, event))
            else:
                kept.append(event)
        return kept

    def _index(self, event: FeedEvent, connection: sqlite3.Connection) -> FeedEvent:
        """Index a file in the write that keeps its event. On the writer thread."""
        job = self._claim.job
        told = {**event.data["artifact"], "job": job.id, "node": event.node, "title": job.title}
        told.pop("id", None)
        if self._workflow is None:
            self._workflow = canonical_dumps(json.loads(self._claim.workflow))
        made = Artifact.from_json(told)
        artifact, replaced = self._artifacts.index(connection, made, self._workflow)
        if replaced is not None:
            self._replaced.append(replaced)
        return self._claim.event(event.type, {"artifact": artifact.to_json()}, event.node)
