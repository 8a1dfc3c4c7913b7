"""The places of workers in the dispatcher's loop, and what puts a job there."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from typing import Any

from server.claims import Claim, Claims
from server.workers import Worker


class Seat:
    """One worker's place in the loop."""

    def __init__(self, worker: Worker) -> None:
        """Give a worker its place."""
        self.worker = worker
        self.wake = asyncio.Event()
        self.idle = False
        self.waiting = False
        self.offer: asyncio.Future[Claim | None] | None = None
        self.claim: Claim | None = None


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
    """One seat, held ready for a job that is being queued; a `Taker`."""

    def __init__(self, claims: Claims, seat: Seat) -> None:
        """Hold a seat."""
        self._claims = claims
        self._seat = seat
        self._claim: Claim | None = None
        self._answer: asyncio.Future[Claim | None] = asyncio.get_running_loop().create_future()
        seat.offer = self._answer

    def take(self, connection: sqlite3.Connection) -> None:
        """Claim the next job. On the writer thread."""
        self._claim = self._claims.take(connection, self._seat.worker.name)

    def settle(self, *, kept: bool) -> None:
        """Start what was claimed if the write is on the disk, and hold the seat no longer."""
        self._answer.set_result(self._claim if kept else None)
        self._seat.wake.set()
