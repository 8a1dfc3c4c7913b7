"""How fast the server is over HTTP: three-node jobs, durable, from their post to their end.

Run as `python -m benchmarks.http`; it starts a server of its own over an empty folder and prints
one table. A new job needs two durable writes, one before its answer and one at its end; a job that
was asked for before needs one, and ends with its answer. What such a write costs is the disk's to
say, and measured in the same run: TMPDIR on a disk in memory shows what is the server's own.
The processor time of a job says more than its duration where the machine does other work too.
"""

import asyncio
import itertools
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

JOBS = 1_500
CLIENTS = 16
SINGLE = 200
SEEDED = 100_000

SEED_SQL = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0})
    INSERT INTO jobs (id, state, title, created, source, rank, fingerprint)
    SELECT 'seeded ' || i, 'succeeded', 'Seeded job ' || i, i, 'weft', 1, '' FROM n
"""


def workflow(number: int) -> dict[str, Any]:
    """Make three nodes in a row, different for each number."""
    return {
        "format": 1,
        "title": "Benchmark",
        "nodes": {
            "a": {"type": "QuickNumber", "version": 1, "inputs": {"value": number}},
            "b": {"type": "QuickAdd", "version": 1, "inputs": {"first": {"link": ["a", "int"]}}},
            "c": {"type": "QuickShow", "version": 1, "inputs": {"value": {"link": ["b", "int"]}}},
        },
        "view": {},
    }


@contextmanager
def serving(
    folder: Path, package: str = "benchmarks.quick", *flags: str
) -> Iterator[tuple[str, float, int]]:
    """Run a server; give its address, the seconds until it listened, and its process's id."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "server", "--port", "0", "--no-browser", "--device", "cpu"),
            *("--data-dir", str(folder), "--custom-nodes", str(folder / "none")),
            *("--node-package", package, *flags),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None, "The server did not start."
        yield address[0].rstrip("/"), time.perf_counter() - started, process.pid
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def ended(session: aiohttp.ClientSession) -> AsyncIterator[asyncio.Queue[str]]:
    """Give a queue of the ids of jobs as they end."""
    ids: asyncio.Queue[str] = asyncio.Queue()
    async with session.ws_connect("/api/v1/events") as socket:

        async def listen() -> None:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    event = message.json()
                    if event["type"] == "job.finished":
                        ids.put_nowait(event["job"])

        listening = asyncio.create_task(listen())
        yield ids
        listening.cancel()


async def post(session: aiohttp.ClientSession, number: int) -> tuple[str, float]:
    """Submit a job; give its id and how long the answer took."""
    started = time.perf_counter()
    async with session.post("/api/v1/jobs", json={"workflow": workflow(number)}) as answer:
        body = await answer.json()
        assert answer.status == 202, body
    return body["id"], time.perf_counter() - started


async def many(session: aiohttp.ClientSession, numbers: Iterator[int]) -> tuple[float, list[float]]:
    """Run many different jobs from several clients; give jobs a second and the answers' times."""
    waits: list[float] = []
    async with ended(session) as ids:
        started = time.perf_counter()
        left = iter(range(JOBS))

        async def client() -> None:
            for _ in left:
                _, wait = await post(session, next(numbers))
                waits.append(wait)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        for _ in range(JOBS):
            await ids.get()
        return JOBS / (time.perf_counter() - started), waits


async def single(
    session: aiohttp.ClientSession, numbers: Iterator[int]
) -> tuple[list[float], list[float]]:
    """Submit one job after another; give the answers' times and the times until the end."""
    answers, ends = [], []
    async with ended(session) as ids:
        for number in itertools.islice(numbers, SINGLE):
            started = time.perf_counter()
            job, wait = await post(session, number)
            while await ids.get() != job:
                pass
            answers.append(wait)
            ends.append(time.perf_counter() - started)
    return answers, ends


async def pages(session: aiohttp.ClientSession) -> list[float]:
    """Read pages of the history; give how long each took."""
    found = []
    for query in ("", "?state=failed", "?q=job+99", f"?before={SEEDED // 2}"):
        for _ in range(10):
            started = time.perf_counter()
            async with session.get("/api/v1/jobs" + query) as answer:
                await answer.read()
                assert answer.status == 200
            found.append(time.perf_counter() - started)
    return found


def seed(folder: Path) -> None:
    """Fill the history, while no server runs."""
    with sqlite3.connect(folder / "weft.sqlite") as connection:
        connection.execute(SEED_SQL.format(SEEDED))


def durable_writes(folder: Path) -> list[float]:
    """Make small durable writes to a database, one after another; give how long each took."""
    found = []
    with closing(sqlite3.connect(folder / "alone.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE writes (text TEXT)")
        for _ in range(SINGLE):
            time.sleep(0.003)
            started = time.perf_counter()
            connection.execute("INSERT INTO writes VALUES (?)", ("a job and its event " * 50,))
            found.append(time.perf_counter() - started)
    return found


def row(name: str, value: float, unit: str) -> None:
    print(f"{name:44} {value:10.2f} {unit}")


def spread(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    row(f"{name}, median", statistics.median(ordered) * 1e3, "ms")
    row(f"{name}, 99th percentile", ordered[len(ordered) * 99 // 100] * 1e3, "ms")


def processor_seconds(pid: int) -> dict[str, float]:
    """Give what a server, its workers and this process have taken of the processors so far."""
    if sys.platform != "linux":
        return {}
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return {
        "server": _taken(str(pid)),
        "workers": sum(map(_taken, children)),
        "client": time.process_time(),
    }


def _taken(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(address: str, pid: int) -> None:
    numbers = itertools.count()
    async with aiohttp.ClientSession(address) as session:
        await post(session, next(numbers))
        before = processor_seconds(pid)
        rate, waits = await many(session, numbers)
        row(f"three-node jobs, {CLIENTS} clients", rate, "jobs/s")
        for who, seconds in processor_seconds(pid).items():
            row(f"processor time of a job, {who}", (seconds - before[who]) / JOBS * 1e3, "ms")
        spread("answer to a post under that load", waits)
        answers, ends = await single(session, numbers)
        spread("answer to a single post", answers)
        spread("a single job from post to end", ends)
        _, again = await single(session, itertools.repeat(0))
        spread("the same job again, from post to end", again)


async def measure_pages(address: str) -> None:
    async with aiohttp.ClientSession(address) as session:
        spread(f"a page of a history of {SEEDED} jobs", await pages(session))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spread("a durable write of this disk", durable_writes(folder))
        with serving(folder) as (address, seconds, pid):
            row("start until it listens", seconds * 1e3, "ms")
            asyncio.run(measure(address, pid))
        seed(folder)
        with serving(folder) as (address, _, _):
            asyncio.run(measure_pages(address))


if __name__ == "__main__":
    main()
