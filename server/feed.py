"""What happens, told to everyone who listens: numbered, kept, and sent again on request.

An event is sent only after it is on the disk, in the order of its number. Progress and previews
have no number: they are sent to whoever listens now and never again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from typing import Any

from server.compact_json import packed
from server.store import Store

MIGRATIONS = (
    """
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        type TEXT NOT NULL,
        job TEXT,
        node TEXT,
        time REAL NOT NULL,
        document TEXT,
        client TEXT,
        data TEXT NOT NULL
    );
    CREATE INDEX events_of_job ON events (job, seq);
    """,
)

RESET = "reset"
"""The type of the marker that says: what lay between is no longer kept, so read the state anew."""

_PAGE = 500
_BACKLOG = 2_000
"""Events held for one slow reader before it is sent back to reading them from the disk."""
_PRUNE_EVERY = 1_000
_ROWS = 500
"""Rows in one statement: a step for each would hand over Python's lock as often."""
_MARKS = "(?, ?, ?, ?, ?, ?, ?, ?)"
_BATCH = 64
"""Events that a reader is given at once, at most."""


@dataclass(frozen=True)
class FeedEvent:
    """Something that happened.

    Attributes:
        type: Such as `job.started` or `node.progress`.
        data: What there is to say of it, JSON.
        job: The job that it is about.
        node: The node of the submitted graph that it is about.
        document: The editor's document that the job was submitted from.
        client: Who submitted the job.
        time: Unix seconds.
        seq: Its number; None for what is not kept.
        blob: The bytes of a preview picture.
    """

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    job: str | None = None
    node: str | None = None
    document: str | None = None
    client: str | None = None
    time: float = field(default_factory=time.time)
    seq: int | None = None
    blob: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the event as it is sent; a preview's bytes travel beside it."""
        return {**self._heading(), "data": self.data}

    @cached_property
    def data_text(self) -> str:
        """`data` as JSON text, written once for the disk and for all who listen."""
        return packed(self.data)

    @cached_property
    def text(self) -> str:
        """`to_json` as text, written once however many listen."""
        return f'{packed(self._heading())[:-1]},"data":{self.data_text}}}'

    def _heading(self) -> dict[str, Any]:
        said = {
            "type": self.type,
            "job": self.job,
            "node": self.node,
            "time": self.time,
            "document": self.document,
            "client": self.client,
        }
        return said if self.seq is None else {"seq": self.seq, **said}


class _Reader:
    """One listener's backlog. Used on the event loop only."""

    def __init__(self, passing: bool) -> None:
        self.passing = passing
        self.behind = False
        self._events: deque[FeedEvent] = deque()
        self._passing: dict[tuple[str, str | None, str | None], FeedEvent] = {}
        self._wake = asyncio.Event()

    def put(self, event: FeedEvent) -> None:
        if event.seq is None and not self.passing:
            return
        if event.seq is None:
            # Only the latest of a kind is of use to a reader that is not keeping up.
            self._passing[event.type, event.job, event.node] = event
        elif not self.behind:
            self._events.extend(self._passing.values())
            self._passing.clear()
            self._events.append(event)
            if len(self._events) > _BACKLOG:
                self.forget()
                self.behind = True
        self._wake.set()

    def forget(self) -> None:
        self._events.clear()
        self._passing.clear()

    async def next(self) -> list[FeedEvent]:
        """Wait for the next events; none at all means that the reader fell behind."""
        while not (self._events or self._passing or self.behind):
            self._wake.clear()
            await self._wake.wait()
        if self.behind:
            return []
        batch = [self._events.popleft() for _ in range(min(_BATCH, len(self._events)))]
        if not self._events:
            batch.extend(self._passing.values())
            self._passing.clear()
        return batch


class Feed:
    """All events of this installation."""

    def __init__(self, store: Store, keep: int = 200_000) -> None:
        """Read where the numbering stands.

        Args:
            store: Where the events are kept.
            keep: How many of the latest are kept.
        """
        store.migrate("feed", MIGRATIONS)
        self._store = store
        self._keep = keep
        self._readers: set[_Reader] = set()
        self._committed: list[FeedEvent] = []
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        row = store.write_now(
            lambda connection: connection.execute(
                "SELECT min(seq), max(seq) FROM events"
            ).fetchone()
        )
        self._last: int = row[1] or 0
        self._delivered = self._last
        self._pruned = (row[0] or 1) - 1
        self.session = secrets.token_hex(8)

    @property
    def latest(self) -> int:
        """The number of the last event that was sent."""
        return self._delivered

    @property
    def watched(self) -> bool:
        """Whether anybody listens to all that happens, so that previews are worth making."""
        return any(reader.passing for reader in self._readers)

    def append(self, connection: sqlite3.Connection, events: Sequence[FeedEvent]) -> None:
        """Number and keep events inside a write; they are sent once it is on the disk."""
        numbered = [replace(event, seq=self._last + n) for n, event in enumerate(events, 1)]
        self._last += len(numbered)
        for at in range(0, len(numbered), _ROWS):
            rows = [_row(event) for event in numbered[at : at + _ROWS]]
            marks = ", ".join([_MARKS] * len(rows))
            connection.execute(f"INSERT INTO events VALUES {marks}", list(chain(*rows)))
        if self._last - self._keep - self._pruned >= _PRUNE_EVERY:
            self._pruned = self._last - self._keep
            connection.execute("DELETE FROM events WHERE seq <= ?", (self._pruned,))
        self._store.after_commit(lambda: self._hand_over(numbered))

    async def publish(self, *events: FeedEvent) -> None:
        """Keep and send events that belong to no other write."""
        await self._store.write(lambda connection: self.append(connection, events))

    def pass_on(self, event: FeedEvent) -> None:
        """Send an event that is not kept to those who listen now. Event loop only."""
        for reader in self._readers:
            reader.put(event)

    async def subscribe(self, after: int | None = None) -> AsyncGenerator[FeedEvent, None]:
        """Yield events as they happen, without end; see `batches`."""
        async with aclosing(self.batches(after)) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def batches(
        self, after: int | None = None, *, passing: bool = True
    ) -> AsyncGenerator[list[FeedEvent], None]:
        """Yield events as they happen, several at once where they are there, without end.

        A reader that is slower than what happens reads from the disk what it missed: it gets
        every numbered event, each once, in order, and only the newest of those without number.

        Args:
            after: Start with what followed this number; None starts now.
            passing: Whether events without number are wanted too.

        Yields:
            Events, at least one at a time; one of type `reset` alone when some that should
            follow are no longer kept.
        """
        self._loop = asyncio.get_running_loop()
        reader = _Reader(passing)
        position = self._delivered if after is None else after
        reader.behind = after is not None
        self._readers.add(reader)
        try:
            while True:
                batch = [] if reader.behind else await reader.next()
                if batch:
                    new = [event for event in batch if event.seq is None or event.seq > position]
                    position = max([position, *(event.seq or 0 for event in new)])
                    if new:
                        yield new
                    continue
                if position < self._pruned or position > self._last:
                    position = self._delivered
                    yield [FeedEvent(RESET)]
                reader.forget()
                reader.behind = False
                async for page in self._kept(position):
                    position = page[-1].seq or position
                    yield page
        finally:
            self._readers.discard(reader)

    async def of_job(self, job: str, after: int = 0, limit: int = 1_000) -> list[FeedEvent]:
        """Return the kept events of one job in order."""
        return await self._store.read(
            lambda connection: [
                _from_row(row)
                for row in connection.execute(
                    "SELECT * FROM events WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?",
                    (job, after, limit),
                )
            ]
        )

    async def _kept(self, position: int) -> AsyncIterator[list[FeedEvent]]:
        while page := await self._store.read(partial(_after, position=position)):
            for at in range(0, len(page), _BATCH):
                yield page[at : at + _BATCH]
            if len(page) < _PAGE:
                return
            position = page[-1].seq or position

    def _hand_over(self, events: Sequence[FeedEvent]) -> None:
        """Pass committed events from the writer thread to the event loop."""
        self._delivered = events[-1].seq if events and events[-1].seq else self._delivered
        if self._loop is None or not self._readers or self._loop.is_closed():
            return
        with self._lock:
            waking = not self._committed
            self._committed.extend(events)
        if waking:
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            events, self._committed = self._committed, []
        for reader in self._readers:
            for event in events:
                reader.put(event)


def _after(connection: sqlite3.Connection, position: int) -> list[FeedEvent]:
    query = "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
    return [_from_row(row) for row in connection.execute(query, (position, _PAGE))]


def _row(event: FeedEvent) -> tuple[Any, ...]:
    return (
        event.seq,
        event.type,
        event.job,
        event.node,
        event.time,
        event.document,
        event.client,
        event.data_text,
    )


def _from_row(row: sqlite3.Row) -> FeedEvent:
    event = FeedEvent(
        row["type"],
        json.loads(row["data"]),
        job=row["job"],
        node=row["node"],
        document=row["document"],
        client=row["client"],
        time=row["time"],
        seq=row["seq"],
    )
    # It is written already: the property looks here first.
    vars(event)["data_text"] = row["data"]
    return event
