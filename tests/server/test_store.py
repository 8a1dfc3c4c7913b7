"""The store: what it returns is on the disk, and a failing write harms no other."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.store import Closed, Store

TABLE = "CREATE TABLE t (a INTEGER PRIMARY KEY)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "deep" / "db.sqlite")
    opened.migrate("test", [TABLE])
    yield opened
    opened.close()


def insert(number: int) -> str:
    return f"INSERT INTO t VALUES ({number})"


def numbers(store: Store) -> list[int]:
    def work(connection: sqlite3.Connection) -> list[int]:
        return [row["a"] for row in connection.execute("SELECT a FROM t ORDER BY a")]

    return asyncio.run(store.read(work))


def test_what_a_write_returned_is_there_for_another_connection(store: Store) -> None:
    store.write_now(lambda connection: connection.execute(insert(1)))
    assert numbers(store) == [1]


def test_a_failing_write_undoes_itself_alone(store: Store) -> None:
    go = threading.Event()
    first = store.submit(lambda connection: go.wait() and connection.execute(insert(1)))

    def failing(connection: sqlite3.Connection) -> None:
        connection.execute(insert(2))
        connection.execute(insert(1))

    second = store.submit(failing)
    third = store.submit(lambda connection: connection.execute(insert(3)))
    go.set()
    first.result()
    third.result()
    with pytest.raises(sqlite3.IntegrityError):
        second.result()
    assert numbers(store) == [1, 3]


def test_a_write_that_fails_alone_leaves_nothing_and_tells_its_caller(store: Store) -> None:
    def failing(connection: sqlite3.Connection) -> None:
        connection.execute(insert(1))
        raise LookupError

    with pytest.raises(LookupError):
        store.write_now(failing)
    store.write_now(lambda connection: connection.execute(insert(2)))
    assert numbers(store) == [2]


def test_writes_that_wait_together_share_a_commit(store: Store) -> None:
    go = threading.Event()
    commits: list[str] = []

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(
            lambda statement: commits.append(statement) if statement == "COMMIT" else None
        )

    store.write_now(watch)
    commits.clear()
    held = store.submit(lambda _: go.wait())
    waiting = [store.submit(lambda c, n=n: c.execute(insert(n))) for n in range(50)]  # type: ignore[misc]
    go.set()
    held.result()
    for write in waiting:
        write.result()
    assert len(commits) <= 2
    assert len(numbers(store)) == 50


def test_notices_come_after_the_commit_and_never_for_what_failed(store: Store) -> None:
    seen: list[list[int]] = []

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(insert(1))
        store.after_commit(lambda: seen.append(numbers(store)))

    def failing(connection: sqlite3.Connection) -> None:
        store.after_commit(lambda: seen.append([]))
        raise LookupError

    store.write_now(work)
    with pytest.raises(LookupError):
        store.write_now(failing)
    assert seen == [[1]]


def test_a_write_whose_caller_went_away_is_still_made(store: Store) -> None:
    go = threading.Event()

    async def leave() -> None:
        store.submit(lambda _: go.wait())
        task = asyncio.create_task(store.write(lambda connection: connection.execute(insert(7))))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    go.set()
    store.write_now(lambda _: None)
    assert numbers(store) == [7]


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        asyncio.run(store.read(lambda connection: connection.execute(insert(1))))


def test_closing_finishes_what_waits_and_refuses_what_comes_later(tmp_path: Path) -> None:
    store = Store(tmp_path / "db.sqlite")
    store.migrate("test", [TABLE])
    writes = [store.submit(lambda c, n=n: c.execute(insert(n))) for n in range(5)]  # type: ignore[misc]
    store.close()
    assert all(write.done() and write.exception() is None for write in writes)
    with pytest.raises(Closed):
        store.write_now(lambda _: None)
    with pytest.raises(Closed):
        asyncio.run(store.read(lambda _: None))


def test_migrations_run_once_each_and_a_later_version_is_refused(tmp_path: Path) -> None:
    for steps in ([TABLE], [TABLE, "ALTER TABLE t ADD b; CREATE INDEX i ON t (b);"]):
        store = Store(tmp_path / "db.sqlite")
        store.migrate("test", steps)
        store.close()
    store = Store(tmp_path / "db.sqlite")
    store.migrate("test", [TABLE, "ALTER TABLE t ADD b; CREATE INDEX i ON t (b);"])
    store.write_now(lambda connection: connection.execute("INSERT INTO t VALUES (1, 2)"))
    with pytest.raises(RuntimeError, match="later version of Weft"):
        store.migrate("test", [TABLE])
    store.close()


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "db.sqlite")
    with pytest.raises(sqlite3.OperationalError):
        store.migrate("test", [TABLE, "CREATE TABLE u (a); CREATE TABLE t (b);"])
    tables = store.write_now(
        lambda connection: connection.execute("SELECT name FROM sqlite_master").fetchall()
    )
    assert tables == []
    store.close()


def test_durability_is_asked_of_the_database(store: Store) -> None:
    full = 2
    found = store.write_now(
        lambda connection: [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        ]
    )
    assert found == ["wal", full]
