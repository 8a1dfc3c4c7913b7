"""The queue and its claims, over a real database and without workers."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nodes.errors import NodeError
from server.artifacts import Artifacts
from server.feed import Feed, FeedEvent
from server.queue.claims import DEATHS_ALLOWED, Claim, Claims
from server.queue.jobs import Draining, Jobs, KeyConflict, NoSuchJob, QueueFull, WrongState
from server.queue.rows import Submission, new_id
from server.settings import Settings
from server.store import Store
from server.workers import Task


@dataclass
class Queue:
    """What a test works with."""

    store: Store
    feed: Feed
    jobs: Jobs
    claims: Claims

    async def add(self, *titles: str, **more: Any) -> list[str]:
        return [(await self.jobs.submit(Submission({}, title, **more))).id for title in titles]

    async def order(self) -> list[str]:
        return [job.title for job in (await self.jobs.queue()).queued]

    async def claimed(self, worker: str = "w") -> Claim:
        claim = await self.claims.claim(worker)
        assert claim is not None
        return claim

    async def state(self, job: str) -> str:
        found = await self.jobs.get(job)
        assert found is not None
        return found.state

    async def types(self, job: str) -> list[str]:
        return [event.type for event in await self.feed.of_job(job)]


Test = Callable[[Queue], Awaitable[None]]


def with_queue(folder: Path, test: Test, limit: int = 10_000) -> None:
    """Run a test with a queue over a folder."""
    store = Store(folder / "db.sqlite")
    try:
        feed = Feed(store)
        jobs = Jobs(store, feed, Artifacts(store, Settings(data_dir=folder)), limit)
        asyncio.run(test(Queue(store, feed, jobs, Claims(store, feed))))  # type: ignore[arg-type]
    finally:
        store.close()


def test_ids_begin_with_the_time_and_are_all_different() -> None:
    before = time.time_ns() // 1_000_000
    made = [uuid.UUID(new_id()) for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    times = [identifier.int >> 80 for identifier in made]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= after
    assert {(identifier.version, identifier.variant) for identifier in made} == {(7, uuid.RFC_4122)}
    assert len(set(made)) == len(made)


def test_jobs_are_claimed_in_order_and_the_front_comes_first(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        await queue.add("a", "b", "c")
        await queue.add("d", "e", front=True)
        assert await queue.order() == ["e", "d", "a", "b", "c"]
        claims = [(await queue.claimed()).job.title for _ in range(5)]
        assert claims == ["e", "d", "a", "b", "c"]
        assert await queue.claims.claim("w") is None

    with_queue(tmp_path, test)


def test_a_job_says_how_many_are_before_it(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        ids = await queue.add("a", "b", "c")
        found = [await queue.jobs.get(job) for job in ids]
        assert [job.position for job in found if job] == [0, 1, 2]

    with_queue(tmp_path, test)


def test_a_waiting_job_can_be_moved_before_any_other_and_to_the_end(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        a, b, c = await queue.add("a", "b", "c")
        await queue.jobs.move(c, before=a)
        assert await queue.order() == ["c", "a", "b"]
        await queue.jobs.move(c, before=None)
        assert await queue.order() == ["a", "b", "c"]
        await queue.jobs.move(a, before=a)
        assert await queue.order() == ["a", "b", "c"]
        await queue.claimed()
        with pytest.raises(WrongState):
            await queue.jobs.move(a, before=b)
        with pytest.raises(WrongState):
            await queue.jobs.move(c, before=a)
        with pytest.raises(NoSuchJob):
            await queue.jobs.move(c, before="nobody")

    with_queue(tmp_path, test)


def test_the_same_key_and_body_are_one_job_and_another_body_is_refused(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        made = await asyncio.gather(
            *(queue.jobs.submit(Submission({"n": 1}, key="k")) for _ in range(20))
        )
        assert len({job.id for job in made}) == 1
        with pytest.raises(KeyConflict):
            await queue.jobs.submit(Submission({"n": 2}, key="k"))
        chosen = await queue.jobs.submit(Submission({"n": 3}, id="mine"))
        assert chosen.id == "mine"
        assert (await queue.jobs.submit(Submission({"n": 3}, id="mine"))).id == "mine"
        with pytest.raises(KeyConflict):
            await queue.jobs.submit(Submission({"n": 4}, id="mine"))

    with_queue(tmp_path, test)


def test_the_queue_takes_no_more_than_its_limit_and_nothing_while_stopping(
    tmp_path: Path,
) -> None:
    async def test(queue: Queue) -> None:
        done, *_ = await queue.add("a", "b", "c")
        with pytest.raises(QueueFull):
            await queue.add("d")
        await queue.claimed()
        await queue.add("d")
        await queue.jobs.cancel(done)
        queue.jobs.draining = True
        with pytest.raises(Draining):
            await queue.add("e")

    with_queue(tmp_path, test, limit=3)


@dataclass
class Hand:
    """Takes the next job for a worker in the write that queues one."""

    claims: Claims
    claim: Claim | None = None
    kept: bool | None = None
    rehearsed: list[Task] = field(default_factory=list)
    failing: bool = False
    over: bool = False

    async def rehearse(self, task: Task) -> None:
        self.rehearsed.append(task)
        if self.failing:
            raise RuntimeError("no")

    def take(self, connection: sqlite3.Connection) -> None:
        self.claim = self.claims.take(connection, "w")

    def settle(self, *, kept: bool) -> None:
        self.kept = kept


def test_a_job_is_claimed_in_the_write_that_queues_it(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        hand = Hand(queue.claims)
        queue.jobs.listen(lambda: None, lambda job: None, lambda: hand)
        (job,) = await queue.add("a")
        assert hand.kept
        assert hand.claim is not None
        assert (hand.claim.job.id, hand.claim.run) == (job, f"{job}#1")
        assert await queue.state(job) == "running"
        assert await queue.types(job) == ["job.queued", "job.started"]
        await queue.claims.finish(hand.claim, "succeeded", None)
        assert await queue.state(job) == "succeeded"

    with_queue(tmp_path, test)


def test_what_waits_longer_is_claimed_first_and_nothing_while_paused(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        (first,) = await queue.add("a")
        hand = Hand(queue.claims)
        queue.jobs.listen(lambda: None, lambda job: None, lambda: hand)
        (second,) = await queue.add("b")
        assert hand.claim is not None
        assert hand.claim.job.id == first
        assert await queue.state(second) == "queued"
        await queue.jobs.pause()
        await queue.add("c")
        assert hand.claim is None

    with_queue(tmp_path, test)


def test_only_what_was_asked_before_is_rehearsed(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        hand = Hand(queue.claims)
        queue.jobs.listen(lambda: None, lambda job: None, lambda: hand)
        first = await queue.jobs.submit(Submission({"n": 1}))
        await queue.jobs.submit(Submission({"n": 2}))
        again = await queue.jobs.submit(Submission({"n": 1}, targets=("a",)))
        assert hand.rehearsed == []
        again = await queue.jobs.submit(Submission({"n": 1}))
        (task,) = hand.rehearsed
        assert (task.job, task.run, task.workflow) == (again.id, f"{again.id}#1", '{"n":1}')
        assert again.id != first.id

    with_queue(tmp_path, test)


def test_a_rehearsal_that_fails_leaves_the_worker_free(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        hand = Hand(queue.claims, failing=True)
        await queue.add("a")
        queue.jobs.listen(lambda: None, lambda job: None, lambda: hand)
        with pytest.raises(RuntimeError):
            await queue.add("a")
        assert hand.kept is False

    with_queue(tmp_path, test)


def test_a_refused_job_leaves_the_worker_free(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        await queue.add("a")
        hand = Hand(queue.claims)
        queue.jobs.listen(lambda: None, lambda job: None, lambda: hand)
        with pytest.raises(QueueFull):
            await queue.add("b")
        assert (hand.claim, hand.kept) == (None, False)

    with_queue(tmp_path, test, limit=1)


def test_the_next_claim_is_told_before_it_is_on_the_disk(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        first, second = await queue.add("a", "b")
        claim = await queue.claimed()
        told: list[tuple[str, str]] = []

        def claimed(following: Claim) -> None:
            with sqlite3.connect(tmp_path / "db.sqlite") as other:
                query = "SELECT state FROM jobs WHERE id = ?"
                (state,) = other.execute(query, (following.job.id,)).fetchone()
            other.close()
            told.append((following.job.id, state))

        following = await queue.claims.finish(
            claim, "succeeded", None, claim_next=True, claimed=claimed
        )
        assert told == [(second, "queued")]
        assert following is not None
        assert await queue.state(second) == "running"
        assert await queue.state(first) == "succeeded"

    with_queue(tmp_path, test)


def test_numbers_beyond_53_bits_come_back_unchanged(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        job = await queue.jobs.submit(Submission({"seed": 2**64 - 1}))
        found = await queue.jobs.get(job.id, detail=True)
        assert found is not None
        assert found.to_json()["workflow"] == {"seed": 2**64 - 1}

    with_queue(tmp_path, test)


def test_a_paused_queue_gives_nothing_out_also_after_a_restart(tmp_path: Path) -> None:
    async def pause(queue: Queue) -> None:
        await queue.add("a")
        await queue.jobs.pause()
        assert await queue.claims.claim("w") is None

    async def resume(queue: Queue) -> None:
        assert (await queue.jobs.queue()).paused
        assert await queue.claims.claim("w") is None
        await queue.jobs.resume()
        assert (await queue.claimed()).job.title == "a"

    with_queue(tmp_path, pause)
    with_queue(tmp_path, resume)


def test_what_ran_when_the_server_ended_waits_again_behind_the_others(tmp_path: Path) -> None:
    async def run(queue: Queue) -> None:
        await queue.add("a", "b")
        await queue.claimed()

    async def recover(queue: Queue) -> None:
        assert await queue.claims.recover() == 1
        assert await queue.order() == ["b", "a"]

    with_queue(tmp_path, run)
    with_queue(tmp_path, recover)


def test_a_job_given_back_takes_its_old_place(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        await queue.add("a")
        claim = await queue.claimed()
        await queue.add("b")
        await queue.claims.give_back(claim)
        assert await queue.order() == ["a", "b"]
        assert (await queue.claimed()).job.attempts == 2

    with_queue(tmp_path, test)


def test_a_stale_claim_changes_nothing(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        (job,) = await queue.add("a")
        stale = await queue.claimed("old")
        await queue.claims.recover()
        fresh = await queue.claimed("new")
        before = await queue.types(job)
        queue.claims.record(stale, [FeedEvent("node.finished", {}, job=job)]).result()
        await queue.claims.finish(stale, "failed", None)
        await queue.claims.give_back(stale)
        assert not await queue.claims.worker_died(stale, "was ended")
        assert await queue.state(job) == "running"
        assert await queue.types(job) == before
        await queue.claims.finish(fresh, "succeeded", None)
        assert await queue.state(job) == "succeeded"

    with_queue(tmp_path, test)


def test_finishing_one_claims_the_next_in_the_same_commit(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        first, second = await queue.add("a", "b")
        claim = await queue.claimed()
        following = await queue.claims.finish(claim, "succeeded", None, claim_next=True)
        assert following is not None
        assert following.job.id == second
        assert await queue.types(first) == ["job.queued", "job.started", "job.finished"]
        assert (
            await queue.claims.finish(following, "failed", {"code": "x"}, claim_next=True) is None
        )
        found = await queue.jobs.get(second)
        assert found is not None
        assert found.problem == {"code": "x"}

    with_queue(tmp_path, test)


def test_a_job_whose_worker_dies_runs_last_and_after_some_deaths_never(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        (deadly,) = await queue.add("deadly")
        await queue.add("good", "fine")
        for death in range(1, DEATHS_ALLOWED + 1):
            claim = await queue.claimed()
            if claim.job.id != deadly:
                await queue.claims.finish(claim, "succeeded", None)
                claim = await queue.claimed()
                await queue.claims.finish(claim, "succeeded", None)
                claim = await queue.claimed()
            assert claim.job.id == deadly
            again = await queue.claims.worker_died(claim, "was ended by SIGSEGV")
            assert again == (death < DEATHS_ALLOWED)
        found = await queue.jobs.get(deadly)
        assert found is not None
        assert found.state == "quarantined"
        assert found.problem is not None
        assert "SIGSEGV" in found.problem["message"]
        await queue.jobs.retry(deadly)
        claim = await queue.claimed()
        assert await queue.claims.worker_died(claim, "was ended")

    with_queue(tmp_path, test)


def test_cancelling_ends_a_waiting_job_and_tells_of_a_running_one(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        stopped: list[str] = []
        queue.jobs.listen(lambda: None, stopped.append)
        running, waiting = await queue.add("a", "b")
        claim = await queue.claimed()
        assert (await queue.jobs.cancel(waiting)).state == "cancelled"
        assert (await queue.jobs.cancel(running)).state == "running"
        assert stopped == [running]
        await queue.claims.give_back(claim)
        assert await queue.state(running) == "cancelled"
        assert (await queue.jobs.cancel(running)).state == "cancelled"
        assert (await queue.types(running))[-1] == "job.finished"
        with pytest.raises(NoSuchJob):
            await queue.jobs.cancel("nobody")

    with_queue(tmp_path, test)


def test_only_what_did_not_succeed_can_be_retried(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        good, bad = await queue.add("good", "bad")
        await queue.claims.finish(await queue.claimed(), "succeeded", None)
        await queue.claims.finish(await queue.claimed(), "failed", {"code": "x"})
        with pytest.raises(WrongState):
            await queue.jobs.retry(good)
        again = await queue.jobs.retry(bad)
        assert (again.state, again.problem, again.finished) == ("queued", None, None)
        with pytest.raises(WrongState):
            await queue.jobs.retry(bad)

    with_queue(tmp_path, test)


def test_deleting_forgets_a_job_with_its_events_but_not_while_it_runs(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        running, waiting = await queue.add("a", "b")
        await queue.claimed()
        with pytest.raises(WrongState):
            await queue.jobs.delete([waiting, running])
        assert await queue.jobs.delete([waiting, "nobody"]) == 1
        assert await queue.jobs.get(waiting) is None
        assert await queue.types(waiting) == []
        bodies = await queue.store.read(
            lambda connection: connection.execute("SELECT count(*) FROM job_bodies").fetchone()[0]
        )
        assert bodies == 1

    with_queue(tmp_path, test)


def test_clearing_cancels_what_waits_and_history_can_be_forgotten(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        ids = await queue.add("a", "b", "c")
        await queue.claimed()
        assert await queue.jobs.clear() == 2
        assert [await queue.state(job) for job in ids] == ["running", "cancelled", "cancelled"]
        assert await queue.jobs.clear_history() == 2
        assert [job.title for job in (await queue.jobs.page()).items] == ["a"]

    with_queue(tmp_path, test)


def test_pages_go_through_the_history_once_with_any_filter(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        for number in range(25):
            await queue.add(f"job {number} {'even' if number % 2 == 0 else '100%'}")
            claim = await queue.claimed()
            await queue.claims.finish(claim, "failed" if number % 5 == 0 else "succeeded", None)

        async def all_pages(**filters: Any) -> list[str]:
            found: list[str] = []
            before = None
            while True:
                page = await queue.jobs.page(limit=4, before=before, **filters)
                found += [job.title for job in page.items]
                before = page.next
                if before is None:
                    return found

        everything = await all_pages()
        assert len(everything) == 25
        assert everything[0] == "job 24 even"
        assert len(await all_pages(states=["failed"])) == 5
        assert await all_pages(states=["failed", "succeeded"]) == everything
        assert len(await all_pages(search="even job")) == 13
        assert len(await all_pages(search="0%")) == 12
        with pytest.raises(NodeError):
            await queue.jobs.page(before="x")
        with pytest.raises(NodeError):
            await queue.jobs.page(states=["dead"])

    with_queue(tmp_path, test)


def test_a_page_of_a_hundred_thousand_jobs_is_small_and_read_from_indexes(tmp_path: Path) -> None:
    async def test(queue: Queue) -> None:
        def seed(connection: sqlite3.Connection) -> None:
            rows = (
                (f"id {n}", ("failed" if n % 1000 == 0 else "succeeded"), f"Job {n}", time.time())
                for n in range(100_000)
            )
            connection.executemany(
                "INSERT INTO jobs (id, state, title, created, source, rank, fingerprint)"
                " VALUES (?, ?, ?, ?, 'weft', 1, '')",
                rows,
            )

        await queue.store.write(seed)
        filters: dict[str, Any]
        for filters in (
            {},
            {"states": ["failed"]},
            {"states": ["failed", "quarantined"], "before": "50000"},
        ):
            steps = await counted_steps(queue.store)
            page = await queue.jobs.page(limit=200, **filters)
            assert steps() < 100_000
            assert page.items
            assert len(json.dumps(page.to_json())) < 2**20

    with_queue(tmp_path, test)


async def counted_steps(store: Store) -> Callable[[], int]:
    """Count the steps of the database's machine on all readers from now on: work, not time."""
    taken = [0]

    def count() -> int:
        taken[0] += 1000
        return 0

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_progress_handler(count, 1000)
        time.sleep(0.02)

    await asyncio.gather(*(store.read(watch) for _ in range(6)))
    return lambda: taken[0]
