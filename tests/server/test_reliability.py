"""What is promised when servers and workers are killed and stopped."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.platform import WINDOWS, ending
from tests.server.processes import KILL, is_alive, memory
from tests.server.running import (
    Answer,
    Server,
    Unreachable,
    command,
    saving,
    serving,
    through,
    until,
    workflow,
)

DEADLY = ("ToySegfault", "ToyExit", "ToyKill")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it well."""
    with serving(tmp_path_factory.mktemp("data")) as running:
        yield running


def outputs(data: Path) -> list[str]:
    """Return the contents of all files that were saved."""
    return sorted(path.read_text(encoding="utf-8") for path in (data / "output").rglob("*.*"))


def submit_until_killed(server: Server, after: float, prefix: str) -> dict[str, str]:
    """Submit jobs, kill the server some time after the first; return text by id of the accepted."""
    accepted = {server.submit(*saving(f"{prefix} first")): f"{prefix} first 0"}
    killer = threading.Timer(after, server.process.kill)
    killer.start()
    for number in range(100_000):
        text = f"{prefix} {number}"
        try:
            accepted[server.submit(*saving(text))] = f"{text} 0"
        except Unreachable:
            break
    killer.join()
    server.process.wait()
    return accepted


def test_no_accepted_job_is_lost_and_none_is_saved_twice_when_the_server_is_killed(
    tmp_path: Path,
) -> None:
    draw = random.Random(1)
    accepted: dict[str, str] = {}
    for round_ in range(3):
        with serving(tmp_path, wait=False) as server:
            accepted |= submit_until_killed(server, draw.uniform(0.2, 0.6), f"round {round_}")
    with serving(tmp_path) as server:
        for job in accepted:
            assert server.wait_for(job)["state"] == "succeeded"
        until(lambda: server.ask("GET", "/api/v1/queue").body["queued"] == [])
        until(lambda: server.ask("GET", "/api/v1/queue").body["running"] == [])
        saved = outputs(tmp_path)
    # A job whose answer was cut off may exist too; but nothing is there twice.
    assert set(accepted.values()) <= set(saved)
    assert len(saved) == len(set(saved))


def test_a_job_that_is_claimed_as_it_is_queued_survives_a_kill_at_any_moment(
    tmp_path: Path,
) -> None:
    draw = random.Random(2)
    accepted: dict[str, str] = {}
    for round_ in range(4):
        # The worker is idle, so that each submit starts its run from the write that queues it.
        with serving(tmp_path) as server:
            for number in range(3):
                text = f"idle {round_} {number}"
                job = server.submit(*saving(text))
                accepted[job] = f"{text} 0"
                server.wait_for(job)
            accepted |= submit_until_killed(server, draw.uniform(0.0, 0.05), f"kill {round_}")
    with serving(tmp_path) as server:
        for job in accepted:
            found = server.wait_for(job)
            assert found["state"] == "succeeded"
            assert len(found["artifacts"]) == 1
        until(lambda: server.ask("GET", "/api/v1/queue").body["queued"] == [])
        until(lambda: server.ask("GET", "/api/v1/queue").body["running"] == [])
    saved = outputs(tmp_path)
    assert set(accepted.values()) <= set(saved)
    assert len(saved) == len(set(saved))


def test_a_running_job_survives_a_restart_and_leaves_one_file(tmp_path: Path) -> None:
    nodes = (
        ("text", "ToyText", {"text": "once"}),
        ("first", "ToySave", {"text": "@text", "filename_prefix": "first"}),
        ("slow", "ToySteps", {"text": "@text", "steps": 100, "seconds": 0.01}),
        ("last", "ToySave", {"text": "@slow", "filename_prefix": "last"}),
    )
    with serving(tmp_path) as server:
        job = server.submit(*nodes)
        server.wait_for(job, "running")
        until(lambda: list((tmp_path / "output").glob("first*")))
        workers = server.worker_pids()
        server.kill()
    until(lambda: not any(is_alive(pid) for pid in workers))
    with serving(tmp_path) as server:
        found = server.wait_for(job)
        assert found["state"] == "succeeded"
        assert found["attempts"] == 2
    assert [path.name for path in sorted((tmp_path / "output").iterdir())] == [
        "first_00001_.txt",
        "last_00001_.txt",
    ]


def test_a_file_that_was_written_but_never_told_of_is_not_written_twice(
    server: Server, tmp_path: Path
) -> None:
    before = outputs(server.data)
    nodes = (
        ("text", "ToyText", {"text": "untold"}),
        ("save", "ToySaveAndDie", {"text": "@text", "marker": str(tmp_path / "done")}),
    )
    found = server.wait_for(server.submit(*nodes))
    assert (found["state"], found["attempts"]) == ("succeeded", 2)
    assert len(found["artifacts"]) == 1
    assert sorted([*before, "untold 0"]) == outputs(server.data)


@pytest.mark.parametrize("number", [KILL, signal.SIGSEGV])
def test_a_worker_that_dies_is_replaced_and_its_job_runs_again(server: Server, number: int) -> None:
    for _ in range(2):
        job = server.submit(*through("ToySteps", steps=30, seconds=0.01))
        server.wait_for(job, "running")
        (worker,) = server.worker_pids()
        os.kill(worker, number)
        assert server.wait_for(job)["state"] == "succeeded"
        assert server.worker_pids() != [worker]
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        told = ending(number if WINDOWS else -number)
        assert f'cause="{told}"' in answer.read().decode()


@pytest.mark.parametrize("deadly", [*DEADLY, "ToyMemory", "ToyFail"])
def test_the_server_lives_on_whatever_a_node_does(server: Server, deadly: str) -> None:
    found = server.wait_for(server.submit(*through(deadly, text="x")))
    assert found["state"] == ("quarantined" if deadly in DEADLY else "failed")
    assert found["problem"]["message"]
    assert server.wait_for(server.submit(*saving()))["state"] == "succeeded"
    assert server.process.poll() is None


def test_a_cancel_stops_a_sampler_at_its_next_step(server: Server) -> None:
    job = server.submit(*through("ToySteps", steps=10_000, seconds=0.01))
    server.wait_for(job, "running")
    workers = server.worker_pids()
    server.ask("POST", f"/api/v1/jobs/{job}/cancel", {})
    assert server.wait_for(job)["state"] == "cancelled"
    assert server.worker_pids() == workers


def test_a_cancel_ends_a_node_that_is_asleep_in_c_by_replacing_its_worker(server: Server) -> None:
    job = server.submit(*through("ToyStuck", seconds=300))
    until(lambda: any(e["type"] == "node.started" for e in server.events(job)))
    (worker,) = server.worker_pids()
    server.ask("POST", f"/api/v1/jobs/{job}/cancel", {})
    assert server.wait_for(job)["state"] == "cancelled"
    assert not is_alive(worker)
    assert server.wait_for(server.submit(*saving()))["state"] == "succeeded"


def test_a_hundred_posts_under_one_key_are_one_job_and_one_run(server: Server) -> None:
    body = {"workflow": workflow(*saving("keyed"))}
    headers = {"Idempotency-Key": "the same"}

    def post(_: int) -> str:
        answer = server.ask("POST", "/api/v1/jobs", body, headers)
        assert answer.status == 202
        return str(answer.body["id"])

    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(post, range(100)))
    assert len(ids) == 1
    assert server.wait_for(ids.pop())["attempts"] == 1
    other = {"workflow": workflow(*saving("another"))}
    assert server.ask("POST", "/api/v1/jobs", other, headers).status == 409


def test_memory_does_not_grow_with_runs(tmp_path: Path) -> None:
    with serving(tmp_path, "--result-memory", "1") as server:
        (worker,) = server.worker_pids()

        def run(count: int, name: str) -> None:
            jobs = [server.submit(*saving(f"{name} {n}")) for n in range(count)]
            for job in jobs:
                server.wait_for(job)

        run(60, "warm")
        before = memory(server.process.pid), memory(worker)
        run(120, "then")
        grown = memory(server.process.pid) - before[0], memory(worker) - before[1]
    assert grown[0] / 120 <= 0.05 * 2**20
    assert grown[1] / 120 <= 0.5 * 2**20


def test_a_spare_worker_takes_over(tmp_path: Path) -> None:
    with serving(tmp_path, "--spare") as server:
        until(lambda: len(server.worker_pids()) == 2)
        job = server.submit(*through("ToySteps", steps=50, seconds=0.01))
        server.wait_for(job, "running")
        before = set(server.worker_pids())
        first = min(before)
        os.kill(first, KILL)
        assert server.wait_for(job)["state"] == "succeeded"
        assert set(server.worker_pids()) & before == before - {first}


def test_a_job_that_kills_its_worker_is_tried_three_times_over_restarts_while_all_others_finish(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as server:
        server.ask("POST", "/api/v1/queue/pause", {})
        others = [server.submit(*saving(f"before {n}")) for n in range(10)]
        deadly = server.submit(*through("ToySegfault"))
        others += [server.submit(*saving(f"after {n}")) for n in range(10)]
        server.ask("POST", "/api/v1/queue/resume", {})
        until(lambda: server.job(deadly)["attempts"] >= 1)
        server.kill()
    with serving(tmp_path) as server:
        assert [server.wait_for(job)["state"] for job in others] == ["succeeded"] * 20
        found = server.wait_for(deadly)
        assert found["state"] == "quarantined"
        assert found["problem"]["code"] == "job.quarantined"
        # The server's own death may have cut one attempt short, which blames nobody.
        assert 3 <= found["attempts"] <= 4
        retried = server.ask("POST", f"/api/v1/jobs/{deadly}/retry", {})
        assert retried.body["state"] == "queued"


def test_a_cancel_and_a_pause_survive_the_servers_death_and_no_worker_does(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as server:
        stuck = server.submit(*through("ToyStuck", seconds=300))
        until(lambda: any(e["type"] == "node.started" for e in server.events(stuck)))
        server.ask("POST", "/api/v1/queue/pause", {})
        waiting = server.submit(*saving())
        server.ask("POST", f"/api/v1/jobs/{stuck}/cancel", {})
        workers = server.worker_pids()
        server.kill()
        until(lambda: not any(is_alive(pid) for pid in workers))
    with serving(tmp_path) as server:
        assert server.wait_for(stuck)["state"] == "cancelled"
        queue = server.ask("GET", "/api/v1/queue").body
        assert queue["paused"]
        assert [job["id"] for job in queue["queued"]] == [waiting]
        server.ask("POST", "/api/v1/queue/resume", {})
        assert server.wait_for(waiting)["state"] == "succeeded"


def test_a_stop_refuses_jobs_lets_the_running_one_finish_and_keeps_the_rest(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as server:
        running = server.submit(*through("ToySteps", steps=100, seconds=0.02))
        server.wait_for(running, "running")
        waiting = server.submit(*saving("later"))
        server.stop()
        refused = until(lambda: refusal(server))
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert server.process.wait(35) == 0
    with serving(tmp_path) as server:
        assert server.job(running)["state"] == "succeeded"
        assert server.job(running)["attempts"] == 1
        assert server.wait_for(waiting)["state"] == "succeeded"


def test_a_stop_puts_back_what_does_not_finish_in_its_grace(tmp_path: Path) -> None:
    with serving(tmp_path, "--grace", "0.5") as server:
        stuck = server.submit(*through("ToyStuck", seconds=300))
        server.wait_for(stuck, "running")
        (worker,) = server.worker_pids()
        server.stop()
        assert server.process.wait(35) == 0
        assert not is_alive(worker)
    with serving(tmp_path, wait=False) as server:
        assert server.job(stuck)["state"] in ("queued", "running")


def test_the_queue_is_bounded(tmp_path: Path) -> None:
    with serving(tmp_path, "--queue-limit", "25", wait=False) as server:
        server.ask("POST", "/api/v1/queue/pause", {})
        for number in range(25):
            server.submit(*saving(str(number)))
        refused = refusal(server)
        assert refused is not None
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert refused.body["error"]["code"] == "queue.full"
        assert len(server.ask("GET", "/api/v1/queue").body["queued"]) == 25
        second = subprocess.run(
            command("serve", "--port", "0", "--no-browser", "--data-dir", str(tmp_path)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert "Another Weft server is using this data folder" in second.stderr


def test_the_same_graph_gives_the_same_result_in_a_fresh_process(tmp_path: Path) -> None:
    sums = []
    for name in ("one", "two"):
        with serving(tmp_path / name) as server:
            found = server.wait_for(server.submit(*saving("same")))
            sums.append(found["artifacts"][0]["sha256"])
    assert sums[0] == sums[1]


def refusal(server: Server) -> Answer | None:
    """Submit a job; return the answer if it was refused."""
    answer = server.ask("POST", "/api/v1/jobs", {"workflow": workflow(*saving("late"))})
    return answer if answer.status != 202 else None
