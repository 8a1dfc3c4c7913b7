"""SQLite with one writer thread: what a write returns is on the disk, or it is not returned.

Writes that wait together share one commit, each in its own savepoint, so that durability costs
one `fsync` for all of them while a failing write undoes only itself. One that waits alone needs no
savepoint.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from server.disk import Disk, DiskFull, is_full

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_LARGEST_BATCH = 256
"""Writes that share a commit: enough to be limited by the work and not by the disk."""
_READERS = 3
_WAL_PAGES = 4_000
"""Pages of the log (16 MiB) that are carried into the file at a time: what changed many times in
between is carried once."""


class Closed(Exception):
    """The store was asked for something after it was closed."""


@dataclass(frozen=True)
class _Write:
    work: Work[Any]
    done: Future[Any] | asyncio.Future[Any]


_Outcome = tuple[Any, BaseException | None]


class Store:
    """The database file. Reads run in a few threads, writes in one."""

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        """Open or make the database.

        Args:
            path: The file; its folder is made.
            disk: Gives up its ballast when the disk is full, so that the state can be kept.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._disk = disk
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="weft-read")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._notices: list[Callable[[], None]] = []
        self._connection = self._connect()
        self._writer = threading.Thread(target=self._run, name="weft-write", daemon=True)
        self._writer.start()

    def migrate(self, service: str, steps: Sequence[str]) -> None:
        """Bring one service's tables up to date. Blocks; to be called before serving.

        Args:
            service: Whose tables these are.
            steps: SQL scripts, one a version; only ever appended to.

        Raises:
            RuntimeError: when the database is from a later version of the project.
        """
        self.write_now(lambda connection: _migrate(connection, service, steps))

    async def write(self, work: Work[T]) -> T:
        """Run a function on the writer thread inside a transaction; return once it is on disk.

        Raises:
            DiskFull: when there is no room, even without the ballast.
            Exception: what the function raised; its changes are undone then.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(_Write(work, done))
        return await done

    def submit(self, work: Work[T]) -> Future[T]:
        """Queue a write; the future is done once it is on the disk."""
        done: Future[T] = Future()
        # From here on nobody can cancel it: what was asked for is written, heard or not.
        done.set_running_or_notify_cancel()
        self._put(_Write(work, done))
        return done

    def write_now(self, work: Work[T]) -> T:
        """Write from a thread that may wait, such as at the start."""
        return self.submit(work).result()

    async def read(self, work: Work[T]) -> T:
        """Run a function on a reader thread against the last committed state."""
        if self._closed:
            raise Closed("The database is closed.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, lambda: work(self._reading()))

    def after_commit(self, notify: Callable[[], None]) -> None:
        """Call a function once the write that is running now is on the disk.

        Only to be called from inside a write. What it does must be quick: it runs on the writer
        thread, before the write's caller goes on.
        """
        self._notices.append(notify)

    def close(self) -> None:
        """Finish the queued writes and close the file. Blocks."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._writes.put(None)
        self._writer.join()
        self._readers.shutdown()
        for connection in self._open:
            connection.close()

    def _put(self, write: _Write) -> None:
        with self._lock:
            if self._closed:
                raise Closed("The database is closed.")
            self._writes.put(write)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=30
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
        self._open.append(connection)
        return connection

    def _reading(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with self._lock:
                connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
        return connection

    def _run(self) -> None:
        while True:
            first = self._writes.get()
            if first is None:
                return
            batch, last = self._gather(first)
            self._settle(batch)
            if last:
                return

    def _gather(self, first: _Write) -> tuple[list[_Write], bool]:
        batch = [first]
        while len(batch) < _LARGEST_BATCH:
            try:
                write = self._writes.get_nowait()
            except queue.Empty:
                break
            if write is None:
                return batch, True
            batch.append(write)
        return batch, False

    def _settle(self, batch: list[_Write]) -> None:
        """Commit a batch; on a full disk give up the ballast and try once more."""
        try:
            results = self._commit(batch)
        except Exception as problem:
            if is_full(problem) and self._disk is not None and self._disk.release():
                self._settle(batch)
                return
            failure: BaseException = DiskFull() if is_full(problem) else problem
            _tell(batch, [(None, failure)] * len(batch))
            return
        for notify in self._notices:
            notify()
        _tell(batch, results)

    def _commit(self, batch: list[_Write]) -> list[_Outcome]:
        connection = self._connection
        results: list[_Outcome] = []
        self._notices.clear()
        connection.execute("BEGIN IMMEDIATE")
        try:
            if len(batch) == 1:
                # What it raises undoes all there is.
                results.append((batch[0].work(connection), None))
            else:
                for write in batch:
                    told = len(self._notices)
                    results.append(_saved(connection, write.work))
                    if results[-1][1] is not None:
                        del self._notices[told:]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results


def _tell(batch: Sequence[_Write], outcomes: Sequence[_Outcome]) -> None:
    """Hand outcomes to those who wait; an event loop is woken once for all that are its."""
    of_loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], _Outcome]]] = {}
    for write, outcome in zip(batch, outcomes, strict=True):
        if isinstance(write.done, asyncio.Future):
            of_loops.setdefault(write.done.get_loop(), []).append((write.done, outcome))
        else:
            _resolve(write.done, outcome)
    for loop, told in of_loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve_all, told)


def _resolve_all(told: Sequence[tuple[asyncio.Future[Any], _Outcome]]) -> None:
    for done, outcome in told:
        if not done.done():
            _resolve(done, outcome)


def _resolve(done: Future[Any] | asyncio.Future[Any], outcome: _Outcome) -> None:
    result, error = outcome
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)


def _saved(connection: sqlite3.Connection, work: Work[Any]) -> _Outcome:
    """Run one write in a savepoint: what it raises undoes it alone and goes to its caller."""
    connection.execute("SAVEPOINT work")
    try:
        result = work(connection)
    except Exception as error:
        if isinstance(error, sqlite3.Error) and is_full(error):
            raise
        connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        return None, error
    connection.execute("RELEASE work")
    return result, None


def _migrate(connection: sqlite3.Connection, service: str, steps: Sequence[str]) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (service TEXT PRIMARY KEY, version INTEGER NOT NULL)"
    )
    row = connection.execute(
        "SELECT version FROM migrations WHERE service = ?", (service,)
    ).fetchone()
    version = 0 if row is None else int(row["version"])
    if version > len(steps):
        raise RuntimeError(
            f"The database was written by a later version of Weft (its {service} tables are "
            f"version {version}, this one knows {len(steps)}). Update Weft, or use another "
            "--data-dir."
        )
    for step in steps[version:]:
        for statement in _statements(step):
            connection.execute(statement)
    connection.execute(
        "INSERT INTO migrations VALUES (?, ?) "
        "ON CONFLICT (service) DO UPDATE SET version = excluded.version",
        (service, len(steps)),
    )


def _statements(script: str) -> list[str]:
    """Split a script: `executescript` would commit the transaction that it runs in."""
    statements: list[str] = []
    pending = ""
    for part in script.split(";"):
        pending += part + ";"
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return [statement for statement in statements if statement.strip() != ";"]
