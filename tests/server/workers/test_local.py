"""Workers as child processes: real ones, with toy nodes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from server.platform import WINDOWS, ending
from server.settings import Settings
from server.workers import Lost, Task, Told
from server.workers.local import LocalWorker, LocalWorkers
from tests.server.processes import KILL
from tests.server.running import saving, through, workflow

HOW = ending(KILL if WINDOWS else -KILL)

Test = Callable[[LocalWorker], Awaitable[None]]


class Ear:
    """Hears what a worker says."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.started = asyncio.Event()

    async def hear(self, told: Sequence[Told]) -> None:
        self.told.extend(told)
        if "node.started" in self.types():
            self.started.set()

    def types(self) -> list[str]:
        return [said.type for said in self.told]


def with_worker(folder: Path, test: Test, **settings: Any) -> list[str]:
    """Run a test with a worker; return why it was restarted."""
    restarts: list[str] = []

    async def run() -> None:
        told = {"device": "cpu", "node_packages": ("tests.server.toys",), **settings}
        made = Settings(data_dir=folder, custom_nodes=folder / "none", **told)
        workers = LocalWorkers(made, restarts.append)
        described: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()

        async def heard(description: Mapping[str, Any]) -> None:
            if not described.done():
                described.set_result(description)

        await workers.start(heard, lambda worker: None)
        try:
            await asyncio.wait_for(workers.all[0].ready(), 60)
            assert "ToyText" in (await described)["catalogue"]["nodes"]
            await test(workers.all[0])
        finally:
            await workers.stop()

    asyncio.run(run())
    return restarts


def task(*nodes: tuple[str, str, Mapping[str, Any]], run: str = "job#1") -> Task:
    return Task(run, run.partition("#")[0], json.dumps(workflow(*nodes)))


def test_a_run_is_told_from_plan_to_end(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        ear = Ear()
        ending = await worker.run(task(*saving()), ear.hear)
        types = ear.types() + [said.type for said in ending.told]
        assert ending.state == "succeeded"
        assert types[0] == "plan"
        assert types.count("node.finished") == 2
        assert "node.artifact" in types
        held = [said for said in (*ear.told, *ending.told) if said.type == "plan"]
        assert held[0].data["total"] == 2
        again = await worker.run(task(*saving(), run="job#2"), ear.hear)
        assert "node.started" not in [said.type for said in again.told]

    with_worker(tmp_path, test)


def test_what_nodes_print_does_not_disturb_the_channel(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        for number in range(3):
            ending = await worker.run(
                task(*through("ToyPrint", text="\0{}" * 500), run=f"job#{number}"), Ear().hear
            )
            assert ending.state == "succeeded"

    assert with_worker(tmp_path, test) == []


def test_previews_come_to_those_who_look_and_warnings_always(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        unseen = Ear()
        steps = through("ToySteps", steps=4, seconds=0.01)
        ending = await worker.run(task(*steps), unseen.hear)
        said = (*unseen.told, *ending.told)
        assert "node.preview" not in [told.type for told in said]
        worker.watch(True)
        ear = Ear()
        await worker.run(task(*through("ToySteps", steps=3, seconds=0.01)), ear.hear)
        (preview,) = [said for said in ear.told if said.type == "node.preview"][:1]
        assert preview.blob == b"picture 0"
        ending = await worker.run(task(*through("ToyWarn", text="Oh."), run="job#2"), ear.hear)
        heard = (*ear.told, *ending.told)
        (warning,) = [said for said in heard if said.type == "node.warning"]
        assert warning.data["problem"]["message"] == "Oh."

    with_worker(tmp_path, test)


def test_a_run_can_be_cancelled_and_the_worker_stays(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        ear = Ear()
        pid = worker.pid
        running = asyncio.create_task(
            worker.run(task(*through("ToySteps", steps=10_000, seconds=0.01)), ear.hear)
        )
        await ear.started.wait()
        assert worker.state == "busy"
        worker.cancel("another run")
        worker.cancel("job#1")
        assert (await running).state == "cancelled"
        assert (worker.pid, worker.state) == (pid, "idle")

    with_worker(tmp_path, test)


def test_a_run_that_cannot_be_recorded_is_cancelled_and_the_worker_goes_on(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        async def deaf(_: Sequence[Told]) -> None:
            raise LookupError

        with pytest.raises(LookupError):
            await worker.run(task(*through("ToySteps", steps=100_000, seconds=0.01)), deaf)
        ear = Ear()
        assert (await worker.run(task(*saving(), run="next#1"), ear.hear)).state == "succeeded"
        assert {said.node for said in ear.told} <= {"text", "save", None}

    assert with_worker(tmp_path, test) == []


def test_a_worker_that_is_killed_is_lost_and_comes_back(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        ear = Ear()
        first = worker.pid
        assert first is not None
        running = asyncio.create_task(worker.run(task(*through("ToyStuck", seconds=300)), ear.hear))
        await ear.started.wait()
        os.kill(first, KILL)
        with pytest.raises(Lost, match=HOW) as lost:
            await running
        assert not lost.value.wanted
        await asyncio.sleep(0)
        await asyncio.wait_for(worker.ready(), 60)
        assert worker.pid != first
        assert (await worker.run(task(*saving()), ear.hear)).state == "succeeded"

    assert with_worker(tmp_path, test) == [HOW]


def test_a_run_that_does_not_heed_its_cancel_is_ended_by_force(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        ear = Ear()
        running = asyncio.create_task(worker.run(task(*through("ToyStuck", seconds=300)), ear.hear))
        await ear.started.wait()
        child = worker._child
        assert child is not None
        while await child.ask({"do": "ping"}, 0.3) is not None:
            # Until it answers no more it is still on its way into the node, and would heed.
            await asyncio.sleep(0.01)
        worker.cancel("job#1")
        with pytest.raises(Lost) as lost:
            await running
        assert lost.value.wanted

    with_worker(tmp_path, test)


def test_a_worker_says_which_results_it_holds_and_can_forget_them(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        ending = await worker.run(task(*through("ToyText", text="x")), Ear().hear)
        assert ending.state == "succeeded"
        assert await worker.known(["no such key"]) == set()
        await worker.free()
        again = await worker.run(task(*through("ToyText", text="x"), run="job#2"), Ear().hear)
        assert again.state == "succeeded"

    with_worker(tmp_path, test)


def test_a_workflow_that_cannot_run_fails_with_its_problem(tmp_path: Path) -> None:
    async def test(worker: LocalWorker) -> None:
        ending = await worker.run(task(*through("NoSuchNode")), Ear().hear)
        assert ending.state == "failed"
        assert ending.problem is not None
        assert ending.problem["message"]

    assert with_worker(tmp_path, test) == []


def test_a_package_of_nodes_that_is_not_there_is_said_and_not_tried_again(tmp_path: Path) -> None:
    async def run() -> None:
        settings = Settings(data_dir=tmp_path, device="cpu", node_packages=("no_such_package",))
        workers = LocalWorkers(settings)

        async def heard(_: Mapping[str, Any]) -> None:
            raise AssertionError("It came up.")

        await workers.start(heard, lambda worker: None)
        while workers.unfit is None:
            await asyncio.sleep(0.01)
        assert "no_such_package" in workers.unfit
        await workers.stop()

    asyncio.run(run())
