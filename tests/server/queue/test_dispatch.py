"""From the queue to workers and back: a real server with one worker or two."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from server.queue.rows import Submission
from server.services import Services, open_services
from server.settings import Settings
from tests.server.running import Server, saving, serving, through, until, workflow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("data")) as running:
        yield running


def types(server: Server, job: str) -> list[str]:
    return [event["type"] for event in server.events(job)]


def test_everything_that_happens_to_a_job_is_told_in_order(server: Server) -> None:
    job = server.submit(*saving("told"), client="me", document="d1")
    found = server.wait_for(job)
    events = server.events(job)
    assert [event["type"] for event in events] == [
        "job.queued",
        "job.started",
        "plan",
        "node.started",
        "node.finished",
        "node.started",
        "node.artifact",
        "node.finished",
        "job.finished",
    ]
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    assert {(event["client"], event["document"]) for event in events} == {("me", "d1")}
    (artifact,) = found["artifacts"]
    assert (artifact["job"], artifact["node"], artifact["title"]) == (job, "save", "Toys")
    assert found["plan"]["total"] == 2
    assert found["seconds"] > 0


def test_a_cached_sink_publishes_its_file_again_under_the_new_job(server: Server) -> None:
    first, again = (server.wait_for(server.submit(*saving("twice"))) for _ in range(2))
    assert types(server, again["id"]).count("node.started") == 0
    assert again["artifacts"][0]["name"] == first["artifacts"][0]["name"]
    assert again["artifacts"][0]["id"] != first["artifacts"][0]["id"]
    path = server.data / "output" / first["artifacts"][0]["name"]
    path.unlink()
    anew = server.wait_for(server.submit(*saving("twice")))
    assert (server.data / "output" / anew["artifacts"][0]["name"]).exists()


def test_a_failure_is_on_its_node_and_a_warning_stays_with_its_job(server: Server) -> None:
    failed = server.wait_for(server.submit(*through("ToyFail", text="oh")))
    assert failed["problem"]["node"] == "toy"
    assert "oh" in failed["problem"]["message"]
    assert "Traceback" not in str(failed)
    warned = server.wait_for(server.submit(*through("ToyWarn", text="careful")))
    assert warned["state"] == "succeeded"
    assert [warning["message"] for warning in warned["warnings"]] == ["careful"]


def test_a_running_job_shows_how_far_it_is(server: Server) -> None:
    job = server.submit(*through("ToySteps", steps=500, seconds=0.01))
    progress = until(lambda: (p := server.job(job)["progress"]) and p["value"] and p)
    assert (progress["node"], progress["max"], progress["total"]) == ("toy", 500, 2)
    server.ask("POST", f"/api/v1/jobs/{job}/cancel", {})
    assert server.wait_for(job)["progress"] is None


def test_a_plan_says_what_would_run_and_where(server: Server) -> None:
    nodes = saving("planned")
    body = {"workflow": workflow(*nodes)}
    before = server.ask("POST", "/api/v1/plan", body).body
    assert (before["run"], before["worker"]) == (2, "worker-1")
    server.wait_for(server.submit(*nodes))
    after = server.ask("POST", "/api/v1/plan", body).body
    assert (after["run"], set(after["nodes"].values())) == (0, {"cached"})


def test_only_what_is_asked_for_runs(server: Server) -> None:
    nodes = (*saving("target"), ("other", "ToySave", {"text": "not asked for"}))
    found = server.wait_for(server.submit(*nodes, targets=["save"]))
    assert [artifact["node"] for artifact in found["artifacts"]] == ["save"]


def test_metrics_count_what_happened(server: Server) -> None:
    server.wait_for(server.submit(*saving("counted")))
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        lines = [line for line in answer.read().decode().splitlines() if line[0] != "#"]
    values = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
    assert values['weft_attempts_total{outcome="succeeded"}'] >= 1
    assert values['weft_nodes_total{result="run"}'] >= 2
    assert values["weft_wait_seconds_count"] >= 1
    assert values['weft_wait_seconds_bucket{le="+Inf"}'] == values["weft_wait_seconds_count"]


def test_a_client_that_comes_and_goes_misses_no_event_and_gets_none_twice(server: Server) -> None:
    draw = random.Random(3)

    ended: list[str] = []

    async def follow() -> None:
        seen: list[int] = []
        address = f"http://127.0.0.1:{server.port}/api/v1/events"
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(address) as socket:
                start = int((await socket.receive_json())["seq"])
            jobs = [await asyncio.to_thread(server.submit, *saving(f"f {n}")) for n in range(20)]
            while not set(jobs) <= set(ended):
                after = seen[-1] if seen else start
                async with session.ws_connect(f"{address}?after={after}") as socket:
                    assert (await socket.receive_json())["type"] == "hello"
                    for _ in range(draw.randint(1, 30)):
                        event = await asyncio.wait_for(socket.receive_json(), 30)
                        if "seq" in event:
                            seen.append(event["seq"])
                        if event["type"] == "job.finished":
                            ended.append(event["job"])
                        if set(jobs) <= set(ended):
                            break
        assert seen == list(range(start + 1, start + 1 + len(seen)))

    asyncio.run(follow())
    assert len(ended) == len(set(ended))


def test_two_workers_share_the_queue_and_a_job_goes_where_its_results_are(tmp_path: Path) -> None:
    with serving(tmp_path, "--device", "cpu,cpu") as server:
        workers = until(
            lambda: [
                found
                for found in [server.ask("GET", "/api/v1/system").body["workers"]]
                if [worker["state"] for worker in found] == ["idle", "idle"]
            ]
        )
        assert [worker["id"] for worker in workers[0]] == ["worker-1", "worker-2"]
        slow = [server.submit(*through("ToySteps", steps=60, seconds=0.01)) for _ in range(2)]
        assert {server.wait_for(job)["worker"] for job in slow} == {"worker-1", "worker-2"}
        for number in range(4):
            text = f"affine {number}"
            first = server.wait_for(server.submit(*through("ToyText", text=text)))
            again = server.wait_for(server.submit(*through("ToyText", text=text)))
            assert again["worker"] == first["worker"]
            assert "node.started" not in types(server, again["id"])


def test_a_commit_that_fails_costs_no_job_even_one_that_began_before_it(tmp_path: Path) -> None:
    async def test(services: Services) -> None:
        slow = workflow(*through("ToySteps", steps=30, seconds=0.01))
        first = (await services.jobs.submit(Submission(slow))).id
        await changed(services, first, "running")
        second = (await services.jobs.submit(Submission(workflow(*saving("after"))))).id
        worker = services.workers.all[0]
        go, begun = threading.Event(), threading.Event()
        services.store.submit(lambda _: go.wait())
        while worker.state != "idle":
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        # The end of the first waits in the same batch as these two, and with it the second's claim.
        services.store.submit(lambda _: begun.wait())
        failing = services.store.submit(break_the_commit)
        go.set()
        while worker.state != "busy":
            await asyncio.sleep(0.01)
        begun.set()
        with pytest.raises(sqlite3.IntegrityError):
            await asyncio.wrap_future(failing)
        for job in (first, second):
            await changed(services, job, "succeeded")
        found = await services.jobs.get(second)
        assert found is not None
        assert len(found.artifacts) == 1

    with_services(tmp_path, test)
    assert len(list((tmp_path / "output").iterdir())) == 1


def test_a_job_that_needs_nothing_computed_is_over_in_the_commit_that_queues_it(
    tmp_path: Path,
) -> None:
    async def test(services: Services) -> None:
        same = Submission(workflow(*saving("same")))
        await run_one(services, "same")
        again = (await services.jobs.submit(same)).id
        # What is seen now is what the write left that the answer followed.
        state = await services.store.read(
            lambda connection: connection.execute(
                "SELECT state FROM jobs WHERE id = ?", (again,)
            ).fetchone()[0]
        )
        assert state == "succeeded"
        told = [event.type for event in await services.feed.of_job(again)]
        assert told == [
            "job.queued",
            "job.started",
            "plan",
            "node.artifact",
            "node.cached",
            "job.finished",
        ]
        found = await services.jobs.get(again)
        assert found is not None
        assert (found.attempts, len(found.artifacts)) == (1, 1)
        # The worker is free again, and a lost file is made anew.
        (tmp_path / "output" / found.artifacts[0].name).unlink()
        third = (await services.jobs.submit(same)).id
        await changed(services, third, "succeeded")
        assert "node.started" in [event.type for event in await services.feed.of_job(third)]

    with_services(tmp_path, test)


def test_a_job_takes_two_commits_and_one_that_needs_nothing_computed_takes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What depends on the time would write more often on a busy machine.
    monkeypatch.setattr("server.queue.dispatch._LOOK_AROUND", 600.0)
    monkeypatch.setattr("server.queue.run_record._GATHER_SECONDS", 600.0)
    monkeypatch.setattr("server.workers.local._REHEARSED_WITHIN", 600.0)

    async def test(services: Services) -> None:
        statements: list[str] = []
        await run_one(services, "first")
        await services.store.write(lambda database: database.set_trace_callback(statements.append))
        for text, commits in (("second", 2), ("third", 2), ("third", 1)):
            statements.clear()
            await run_one(services, text)
            assert statements.count("COMMIT") == commits, statements

    with_services(tmp_path, test)


def test_a_worker_is_told_to_be_busy_while_it_runs_something(tmp_path: Path) -> None:
    async def test(services: Services) -> None:
        await run_one(services, "first")
        told: list[str] = []

        async def listen() -> None:
            async for event in services.feed.subscribe():
                told.extend([event.data["state"]] if event.type == "worker.changed" else [])

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        for text in ("second", "third"):
            await run_one(services, text)
        while len(told) < 4:
            await asyncio.sleep(0.01)
        listening.cancel()
        assert told == ["busy", "idle"] * 2

    with_services(tmp_path, test)


async def run_one(services: Services, text: str) -> None:
    """Run a quick workflow, until the worker waits for the next."""
    job = (await services.jobs.submit(Submission(workflow(*saving(text))))).id
    await changed(services, job, "succeeded")
    while not all(seat.waiting for seat in services.dispatcher._seats):
        await asyncio.sleep(0.01)


def with_services(data: Path, test: Callable[[Services], Awaitable[None]]) -> None:
    """Run a test with everything behind the routes, and a worker that is ready."""
    settings = Settings(
        data_dir=data,
        device="cpu",
        node_packages=("tests.server.toys",),
        custom_nodes=data / "none",
    )

    async def run() -> None:
        services = open_services(settings)
        try:
            await services.start()
            await test(services)
        finally:
            await services.stop()

    asyncio.run(run())


async def changed(services: Services, job: str, state: str) -> None:
    """Wait until a job is in a state."""
    while (found := await services.jobs.get(job)) is None or found.state != state:
        assert found is not None
        assert not (found.ended and found.state != state), found
        await asyncio.sleep(0.01)


def break_the_commit(connection: sqlite3.Connection) -> None:
    """Leave a body without its job, which is found out only when all is committed."""
    connection.execute("PRAGMA defer_foreign_keys = ON")
    connection.execute("INSERT INTO job_bodies VALUES ('nobody', '{}', 'null', 'null', NULL)")
