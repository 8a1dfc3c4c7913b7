"""Ends servers and workers at every commit, rename and send, one round each, and looks after it.

Run as `python -m tests.server.fault_rounds FOLDER`; it prints what it found, a line of JSON for
each round. It is a process of its own, since every server is forked from one that has imported
everything and has no threads yet: so a round takes little longer than its worker needs to start.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server.queue.rows import Job, Submission
from server.services import Services, open_services
from server.settings import Settings
from server.workers.child import Child
from tests.server.running import saving, workflow
from tests.server.toys.faults import PLACE, Fault

JOBS = 3
MOST_ROUNDS = 100
ACCEPTED, MARKER, REPORT = "accepted", "marker", "report"


@dataclass(frozen=True)
class Round:
    """What was left after a fault, a restart, and some patience.

    Attributes:
        where: `server` or `worker`.
        at: Before which commit, rename or send it was ended.
        ended: Whether there was so many of them.
        accepted: The ids of the jobs that were accepted.
        states: The state of every job by its id.
        artifacts: How many files each job says that it made.
        texts: What every file of the output folder holds.
    """

    where: str
    at: int
    ended: bool
    accepted: tuple[str, ...]
    states: dict[str, str]
    artifacts: dict[str, int]
    texts: tuple[str, ...]


def settings_of(data: Path) -> Settings:
    """Give the settings of a server with toy nodes."""
    return Settings(
        data_dir=data,
        node_packages=("tests.server.toys",),
        custom_nodes=data / "none",
        device="cpu",
        threads=1,
    )


async def served(folder: Path, jobs: int = 0, fault: Fault | None = None) -> None:
    """Serve until nothing is left to do, and write down what there is.

    Args:
        folder: Of the round.
        jobs: How many are submitted; the ids of those that were accepted are noted.
        fault: Ends this process, from when the worker is ready.
    """
    services = open_services(settings_of(folder / "data"))
    await services.start()
    await services.workers.all[0].ready()
    if fault is not None:
        fault.arm()
    for number in range(jobs):
        # The last is the first once more: it is over in the write that queues it.
        text = f"text {number % (JOBS - 1)}"
        if number == JOBS - 1:
            await everything_over(services)
        job = await services.jobs.submit(Submission(workflow(*saving(text))))
        with (folder / ACCEPTED).open("a") as file:
            print(job.id, file=file)
    found = await everything_over(services)
    told = {
        "states": {job.id: job.state for job in found},
        "artifacts": {job.id: len(job.artifacts) for job in found},
    }
    (folder / REPORT).write_text(json.dumps(told))
    await services.stop()


async def everything_over(services: Services) -> tuple[Job, ...]:
    """Wait until every job has ended and the worker waits for the next; give the jobs."""
    while True:
        found = (await services.jobs.page()).items
        waits = all(seat.waiting for seat in services.dispatcher._seats)
        if waits and all(job.ended for job in found):
            return found
        await asyncio.sleep(0.01)


async def ended_at(at: int, folder: Path) -> None:
    """Serve until this process is ended before a commit, rename or send."""
    fault = Fault(at, folder / MARKER)
    fault.before_commits()
    fault.before(os, "link", "rename", "replace")
    fault.before(Child, "send")
    await served(folder, JOBS, fault)


def forked(work: Coroutine[Any, Any, None]) -> int:
    """Run something in a process of its own; give the signal that ended it, or 0."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(work)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    work.close()
    _, status = os.waitpid(pid, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "A round failed by itself."
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def played(where: str, at: int, folder: Path) -> Round:
    """Play one round."""
    folder.mkdir(parents=True)
    (folder / ACCEPTED).touch()
    if where == "worker":
        os.environ[PLACE] = f"{at} {folder / MARKER}"
        forked(served(folder, JOBS))
        del os.environ[PLACE]
    elif forked(ended_at(at, folder)):
        forked(served(folder))
    # Files that are written aside are hidden; the server's start removes what is left of them.
    files = (path for path in (folder / "data" / "output").rglob("[!.]*") if path.is_file())
    return Round(
        where=where,
        at=at,
        ended=(folder / MARKER).exists(),
        accepted=tuple((folder / ACCEPTED).read_text().split()),
        texts=tuple(sorted(path.read_text() for path in files)),
        **json.loads((folder / REPORT).read_text()),
    )


def main() -> None:
    folder = Path(sys.argv[1])
    for where in ("server", "worker"):
        for at in range(1, MOST_ROUNDS):
            found = played(where, at, folder / f"{where} {at}")
            print(json.dumps(asdict(found)), flush=True)  # noqa: T201
            if not found.ended:
                break


if __name__ == "__main__":
    main()
