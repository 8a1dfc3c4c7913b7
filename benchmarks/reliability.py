"""What failures and long use cost: cancels, lost workers, lag of the event loop, memory over runs.

Run as `python -m benchmarks.reliability`; it prints one table beside what is promised. The last
part runs a shipped workflow with the miniature model again and again: `--runs 0` leaves it out.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.http import ended, post, row, serving

ROOT = Path(__file__).resolve().parent.parent
TIMES = 5
LOAD_SECONDS = 10.0
KEPT = ("--result-memory", "16")
"""Few results, so that the cache is full when the counting begins."""
LARGE = 5_000
"""Nodes of the graphs that are validated while the event loop is watched."""
ENDED = ("succeeded", "failed", "cancelled", "quarantined")


def one(kind: str) -> dict[str, Any]:
    """Make a workflow of one node and something that shows what it gives."""
    nodes = {
        "a": {"type": kind, "version": 1, "inputs": {}},
        "b": {"type": "QuickShow", "version": 1, "inputs": {"value": {"link": ["a", "int"]}}},
    }
    return {"format": 1, "title": "Benchmark", "nodes": nodes, "view": {}}


def large() -> dict[str, Any]:
    """Make a long chain of nodes."""
    nodes: dict[str, Any] = {"n0": {"type": "QuickNumber", "version": 1, "inputs": {"value": 1}}}
    for at in range(1, LARGE):
        inputs = {"first": {"link": [f"n{at - 1}", "int"]}}
        nodes[f"n{at}"] = {"type": "QuickAdd", "version": 1, "inputs": inputs}
    return {"format": 1, "title": "Large", "nodes": nodes, "view": {}}


async def submitted(session: aiohttp.ClientSession, workflow: Any) -> str:
    """Queue a workflow; give the job's id."""
    async with session.post("/api/v1/jobs", json={"workflow": workflow}) as answer:
        body = await answer.json()
        assert answer.status == 202, body
        return str(body["id"])


async def state(session: aiohttp.ClientSession, job: str, *wanted: str) -> None:
    """Wait until a job is in one of some states."""
    while True:
        async with session.get(f"/api/v1/jobs/{job}") as answer:
            if (await answer.json())["state"] in wanted:
                return
        await asyncio.sleep(0.005)


async def ready(session: aiohttp.ClientSession) -> None:
    """Wait until the nodes are loaded."""
    while True:
        async with session.get("/api/v1/nodes") as answer:
            if answer.status == 200:
                return
        await asyncio.sleep(0.2)


async def cancelled(session: aiohttp.ClientSession, kind: str) -> float:
    """Cancel a node that runs; give the seconds until the job has ended."""
    job = await submitted(session, one(kind))
    await state(session, job, "running")
    await asyncio.sleep(0.3)
    started = time.perf_counter()
    async with session.post(f"/api/v1/jobs/{job}/cancel", json={}):
        await state(session, job, *ENDED)
    return time.perf_counter() - started


async def replaced(session: aiohttp.ClientSession, server: int, number: int) -> float:
    """Kill the idle worker; give the seconds until a job that is posted then has ended."""
    (worker,) = children(server)
    async with ended(session) as ids:
        os.kill(worker, signal.SIGKILL)
        started = time.perf_counter()
        job, _ = await post(session, number)
        while await ids.get() != job:
            pass
        return time.perf_counter() - started


async def lag(session: aiohttp.ClientSession) -> float:
    """Validate large graphs for a while; give the 99th percentile of the event loop's lag."""
    body, until = json.dumps({"workflow": large()}), time.monotonic() + LOAD_SECONDS
    headers = {"Content-Type": "application/json"}
    while time.monotonic() < until:
        async with session.post("/api/v1/validate", data=body, headers=headers) as answer:
            assert answer.status == 200
            await answer.read()
    async with session.get("/metrics") as answer:
        found = re.search(r'loop_lag_seconds\{quantile="0.99"\} (\S+)', await answer.text())
    assert found is not None
    return float(found[1])


def children(pid: int) -> list[int]:
    """Give the ids of a process's children."""
    told = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in told.stdout.split()]


def memory(pid: int) -> float:
    """Give the MiB of memory that a process occupies."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def grown(address: str, server: int, runs: int) -> None:
    """Run a shipped workflow with other seeds again and again, and print how memory grows."""
    workflow = json.loads((ROOT / "workflows" / "text_to_image.json").read_text())
    (sampler,) = (n for n in workflow["nodes"].values() if n["type"] == "KSampler")
    async with aiohttp.ClientSession(address) as session:
        await ready(session)
        before = (0.0, 0.0)
        warm = max(1, runs // 10)
        for number in range(warm + runs):
            sampler["inputs"] |= {"seed": number, "steps": 2}
            job = await submitted(session, workflow)
            await state(session, job, *ENDED)
            (worker,) = children(server)
            now = memory(server), memory(worker)
            if number + 1 == warm:
                before = now
            elif number >= warm and (number - warm + 1) % max(1, runs // 5) == 0:
                done = number - warm + 1
                row(f"server after {done} runs, a run", (now[0] - before[0]) / done, "MiB (0.05)")
                row(f"worker after {done} runs, a run", (now[1] - before[1]) / done, "MiB (0.5)")


async def measure(address: str, server: int) -> None:
    """Print what cancels, lost workers and load cost."""
    async with aiohttp.ClientSession(address) as session:
        await post(session, -1)
        steps = [await cancelled(session, "QuickSteps") for _ in range(TIMES)]
        row("cancel of a sampler, median", statistics.median(steps), "s (0.2)")
        stuck = [await cancelled(session, "QuickStuck") for _ in range(TIMES)]
        row("cancel of a node asleep in C, median", statistics.median(stuck), "s (2.5)")
        await post(session, -2)
        lost = [await replaced(session, server, number) for number in range(TIMES)]
        row("a job after its worker was lost, median", statistics.median(lost), "s (6)")
        row(f"loop lag, {LARGE} nodes validated, 99th", await lag(session) * 1e3, "ms (50)")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500, help="runs of the miniature model (500)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server:
        asyncio.run(measure(server[0], server[2]))
    if runs:
        with tempfile.TemporaryDirectory() as name, serving(Path(name), "nodes", *KEPT) as server:
            asyncio.run(grown(server[0], server[2], runs))


if __name__ == "__main__":
    main()
