"""The feed: every numbered event once, in order, however slow or absent a reader is."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

from server.feed import RESET, Feed, FeedEvent
from server.store import Store


def on_feed(path: Path, test: Any, keep: int = 100_000) -> None:
    """Run a test with a feed over a database."""
    store = Store(path / "db.sqlite")
    try:
        asyncio.run(test(Feed(store, keep)))
    finally:
        store.close()


async def take(events: AsyncIterator[FeedEvent], count: int) -> list[FeedEvent]:
    """Take some events."""
    return [await asyncio.wait_for(anext(events), 20) for _ in range(count)]


async def taking(
    feed: Feed, events: AsyncIterator[FeedEvent], count: int
) -> asyncio.Task[list[FeedEvent]]:
    """Begin to take events; return when the feed has the reader, who gets what happens from now."""
    task = asyncio.create_task(take(events, count))
    while not feed._readers:
        await asyncio.sleep(0)
    return task


def happened(number: int) -> FeedEvent:
    return FeedEvent("job.updated", {"number": number}, job=f"job {number % 3}")


def numbers(events: list[FeedEvent]) -> list[int]:
    return [event.data["number"] for event in events]


def test_a_reader_gets_what_happens_after_it_came(tmp_path: Path) -> None:
    async def test(feed: Feed) -> None:
        await feed.publish(happened(0))
        async with aclosing(feed.subscribe()) as events:
            first = await taking(feed, events, 2)
            await feed.publish(happened(1), happened(2))
            assert numbers(await first) == [1, 2]

    on_feed(tmp_path, test)


def test_what_was_missed_is_replayed_before_what_follows(tmp_path: Path) -> None:
    async def test(feed: Feed) -> None:
        await feed.publish(*map(happened, range(1200)))
        async with aclosing(feed.subscribe(after=100)) as events:
            found = await take(events, 5)
            await feed.publish(happened(1200))
            found += await take(events, 1096)
        assert numbers(found) == list(range(100, 1201))
        assert [event.seq for event in found] == list(range(101, 1202))

    on_feed(tmp_path, test)


def test_a_reader_that_comes_and_goes_misses_nothing_and_gets_nothing_twice(
    tmp_path: Path,
) -> None:
    async def test(feed: Feed) -> None:
        async def publish() -> None:
            for number in range(300):
                await feed.publish(happened(number))

        found: list[FeedEvent] = []
        publishing = asyncio.create_task(publish())
        draw = 1
        while len(found) < 300:
            draw = draw * 5 % 17 + 1
            after = found[-1].seq if found else 0
            async with aclosing(feed.subscribe(after)) as events:
                found += await take(events, min(draw, 300 - len(found)))
        await publishing
        assert numbers(found) == list(range(300))

    on_feed(tmp_path, test)


def test_a_slow_reader_blocks_nobody_and_still_gets_everything(tmp_path: Path) -> None:
    async def test(feed: Feed) -> None:
        async with aclosing(feed.subscribe()) as slow:
            first = await taking(feed, slow, 1)
            for start in range(0, 6000, 500):
                await feed.publish(*map(happened, range(start, start + 500)))
            found = await first + await take(slow, 5999)
        assert numbers(found) == list(range(6000))

    on_feed(tmp_path, test)


def test_progress_has_no_number_and_only_the_newest_waits_for_a_slow_reader(
    tmp_path: Path,
) -> None:
    async def test(feed: Feed) -> None:
        async with aclosing(feed.subscribe()) as events:
            first = await taking(feed, events, 1)
            await feed.publish(happened(0))
            await first
            for value in range(50):
                feed.pass_on(FeedEvent("node.progress", {"number": value}, job="a", node="n"))
            await feed.publish(happened(1))
            found = await take(events, 2)
        assert [(event.type, event.data["number"]) for event in found] == [
            ("node.progress", 49),
            ("job.updated", 1),
        ]
        assert "seq" not in found[0].to_json()
        async with aclosing(feed.subscribe(0)) as again:
            assert numbers(await take(again, 2)) == [0, 1]

    on_feed(tmp_path, test)


def test_a_reader_that_was_away_too_long_is_told_to_read_the_state_anew(tmp_path: Path) -> None:
    async def test(feed: Feed) -> None:
        for start in range(0, 3000, 500):
            await feed.publish(*map(happened, range(start, start + 500)))
        for after in (3, 999_999):
            async with aclosing(feed.subscribe(after)) as events:
                found = await taking(feed, events, 2)
                await asyncio.sleep(0.05)
                await feed.publish(happened(3000))
                assert [event.type for event in await found] == [RESET, "job.updated"]

    on_feed(tmp_path, test, keep=100)


def test_old_events_are_not_kept(tmp_path: Path) -> None:
    async def test(feed: Feed) -> None:
        for start in range(0, 5000, 500):
            await feed.publish(*map(happened, range(start, start + 500)))
        kept = await feed.of_job("job 1", limit=10_000)
        assert len(kept) < 1000

    on_feed(tmp_path, test, keep=100)


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    sessions = []

    async def test(feed: Feed) -> None:
        sessions.append(feed.session)
        await feed.publish(happened(len(sessions)))
        assert feed.latest == len(sessions)

    on_feed(tmp_path, test)
    on_feed(tmp_path, test)
    assert len(set(sessions)) == 2


def test_an_event_of_a_write_that_failed_is_never_sent(tmp_path: Path) -> None:
    async def test(feed: Feed) -> None:
        def failing(connection: sqlite3.Connection) -> None:
            feed.append(connection, [happened(666)])
            raise ValueError

        async with aclosing(feed.subscribe()) as events:
            found = await taking(feed, events, 1)
            assert await raised(feed._store.write(failing))
            await feed.publish(happened(1))
            assert numbers(await found) == [1]
        assert numbers(await feed.of_job("job 1")) == [1]
        assert await feed.of_job("job 0") == []

    on_feed(tmp_path, test)


async def raised(doing: Coroutine[Any, Any, object]) -> bool:
    try:
        await doing
    except ValueError:
        return True
    return False
