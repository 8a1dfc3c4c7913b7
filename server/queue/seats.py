"""The places of workers in the dispatcher's loop, and what puts a job there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.queue.claims import Claim, Claims
from server.queue.run_record import RunRecord
from server.workers import Ending, Task, Worker


class Seat:
    """One worker's place in the loop.

    Attributes:
        worker: Whose place it is.
        wake: Set when there may be work.
        idle: Whether the worker could take a job.
        waiting: Whether it waits for one, after it was seen that there is none.
        looked: Whether the end of its last run was written with the sight that nothing waits.
        offer: What a job that is being queued makes of the place.
        claim: What the worker runs.
        told: The worker's state as those who listen know it.
    """

    def __init__(self, worker: Worker) -> None:
        """Give a worker its place."""
        self.worker = worker
        self.wake = asyncio.Event()
        self.idle = False
        self.waiting = False
        self.looked = False
        self.offer: asyncio.Future[Claim | None] | None = None
        self.claim: Claim | None = None
        self.told = ""


@dataclass(frozen=True)
class Start:
    """A claim to see through, perhaps while it is still on its way to the disk."""

    claim: Claim
    kept: asyncio.Future[Any] | None = None

    async def settled(self) -> None:
        """Wait until the claim is on the disk.

        Raises:
            Exception: what kept it from getting there.
        """
        if self.kept is not None:
            await asyncio.shield(self.kept)


class Offer:
    """One seat, held ready for a job that is being queued; a `Taker`.

    A job that needs nothing computed is over within the write that queues it.

    Attributes:
        over: Whether that was so, and nothing is left to wake anybody for.
    """

    def __init__(
        self,
        claims: Claims,
        seat: Seat,
        record_of: Callable[[Claim], RunRecord],
        ended: Callable[[Claim, RunRecord], None],
    ) -> None:
        """Hold a seat.

        Args:
            claims: The queue.
            seat: What is held.
            record_of: Makes the record of a run.
            ended: Told of a job that was over at once, when that is on the disk.
        """
        self._claims = claims
        self._seat = seat
        self._record_of = record_of
        self._ended = ended
        self._rehearsed: tuple[str, Ending] | None = None
        self._claim: Claim | None = None
        self._done: tuple[Claim, RunRecord] | None = None
        self.over = False
        self._answer: asyncio.Future[Claim | None] = asyncio.get_running_loop().create_future()
        seat.offer = self._answer

    async def rehearse(self, task: Task) -> None:
        """See whether a job that is about to be queued needs anything computed."""
        ending = await self._seat.worker.rehearse(task)
        self._rehearsed = None if ending is None else (task.job, ending)

    def take(self, connection: sqlite3.Connection) -> None:
        """Claim the next job; end it if it needs nothing computed, and claim the one after it."""
        self._done = None
        self._claim = claim = self._claims.take(connection, self._seat.worker.name)
        if claim is None or self._rehearsed is None or claim.job.id != self._rehearsed[0]:
            return
        ending, record = self._rehearsed[1], self._record_of(claim)
        entries = record.rest(ending.told)
        self._claims.end(connection, claim, ending.state, ending.problem, entries)
        self._done = claim, record
        self._claim = self._claims.take(connection, self._seat.worker.name)

    def settle(self, *, kept: bool) -> None:
        """Start what was claimed if the write is on the disk, and hold the seat no longer."""
        if kept and self._done is not None:
            self.over = self._claim is None
            self._ended(*self._done)
        if self.over:
            # The seat goes on waiting: nothing else was to be claimed.
            self._seat.offer = None
        else:
            self._seat.wake.set()
        self._answer.set_result(self._claim if kept else None)
