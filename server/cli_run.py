"""`run`: one workflow after another, without a server, on one worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import shutil
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nodes.api.catalogue import Catalogue
from nodes.errors import NodeError
from server.artifacts import write_atomic
from server.cli_files import told
from server.engine.graph import Graph
from server.engine.problems import Invalid, Problem, errors
from server.engine.validate import validate
from server.files import Files
from server.log import set_up_log
from server.opening import opened_file
from server.platform import memory_of_machine, on_stop_signal
from server.queue.claims import DEATHS_ALLOWED
from server.settings import Settings
from server.workers import Ending, Lost, Task, Told
from server.workers.local import LocalWorker, LocalWorkers

SUCCEEDED, FAILED, MISUSED, STOPPED = 0, 1, 2, 130
_BAR = 30
_NUMBERED = re.compile(r"(.+)_\d+_(\.\w+)")


class Misused(NodeError):
    """The command line asks for what cannot be."""


def run_run(
    settings: Settings, files: Sequence[Path], changes: Sequence[str], out: Path | None
) -> int:
    """Run workflow files in order; return the exit status.

    Args:
        settings: As for the server.
        files: Workflow files, or pictures that carry their workflow.
        changes: `node.input=value`, set in each workflow before it runs.
        out: Where the files that it makes are moved to.
    """
    set_up_log(settings.log, logging.WARNING)
    try:
        return asyncio.run(_run(settings, files, changes, out))
    except Misused as problem:
        print(f"weft: {problem.message} {problem.hint}".rstrip(), file=sys.stderr)
        return MISUSED


async def _run(
    settings: Settings, files: Sequence[Path], changes: Sequence[str], out: Path | None
) -> int:
    stopped = asyncio.Event()
    on_stop_signal(asyncio.get_running_loop(), stopped.set)
    workers = LocalWorkers(settings, name="run", most=1)
    described: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()

    async def heard(description: Mapping[str, Any]) -> None:
        if not described.done():
            described.set_result(description)

    seats: list[LocalWorker] = []
    await workers.start(heard, seats.append)
    try:
        catalogue = await _described(workers, described, stopped)
        if catalogue is None:
            return STOPPED
        for file in files:
            graph = _prepared(settings, file, changes, catalogue)
            status = await _Run(settings, seats[0], stopped, out).see_through(file, graph)
            if status != SUCCEEDED:
                return status
    finally:
        await workers.stop()
    return SUCCEEDED


async def _described(
    workers: LocalWorkers,
    described: asyncio.Future[Mapping[str, Any]],
    stopped: asyncio.Event,
) -> Catalogue | None:
    """Wait for the worker; None when the user would rather stop."""
    while not described.done():
        if stopped.is_set():
            return None
        if workers.unfit is not None:
            raise Misused(f"No worker can be started. {workers.unfit}", code="worker.unfit")
        await asyncio.wait([described], timeout=0.1)
    return Catalogue.from_json(described.result()["catalogue"])


def _prepared(
    settings: Settings, file: Path, changes: Sequence[str], catalogue: Catalogue
) -> Graph:
    """Read a workflow, change what is to be changed, and look for problems.

    Raises:
        Misused: when it cannot run; every problem has been printed then.
    """
    try:
        graph = Graph.from_json(opened_file(file, catalogue).workflow)
        for change in changes:
            graph = _changed(graph, change)
        problems = validate(graph, catalogue, Files(settings).choices, memory=memory_of_machine())
    except Invalid as invalid:
        problems = list(invalid.problems)
    except NodeError as error:
        problems = [Problem(error.code, error.message, error.hint)]
    for problem in problems:
        print(f"{file}: {told(problem)}", file=sys.stderr)
    if errors(problems):
        raise Misused(f"{file.name} cannot run.", code="workflow.invalid")
    return graph


def _changed(graph: Graph, change: str) -> Graph:
    name, equals, text = change.partition("=")
    node, dot, given = name.partition(".")
    if not equals or not dot or node not in graph.nodes:
        raise NodeError(
            f"`--set {change}` names no input of the workflow.",
            hint="Write node.input=value, with the node's id in the file.",
            code="run.set",
        )
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return graph.with_input(node, given, value)


class _Run:
    """One workflow on its way."""

    def __init__(
        self, settings: Settings, worker: LocalWorker, stopped: asyncio.Event, out: Path | None
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._stopped = stopped
        self._out = out
        self._live = sys.stderr.isatty()
        self._made: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._done, self._total = 0, 0

    async def see_through(self, file: Path, graph: Graph) -> int:
        """Run it, again where its worker is lost; print what it made."""
        job = str(uuid.uuid4())
        for attempt in range(1, DEATHS_ALLOWED + 1):
            await self._worker.ready()
            task = Task(f"{job}#{attempt}", job, json.dumps(graph.to_json()))
            try:
                ending = await self._attempt(task)
            except Lost as lost:
                if self._stopped.is_set():
                    return STOPPED
                self._say(f"{file}: the worker was lost, since it {lost.cause}")
                continue
            return self._ended(file, job, ending)
        self._say(f"{file}: given up, since it took its worker down {DEATHS_ALLOWED} times")
        return FAILED

    async def _attempt(self, task: Task) -> Ending:
        running = asyncio.ensure_future(self._worker.run(task, self._hear))
        stopping = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            self._worker.cancel(task.run)
        stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stopping
        ending = await running
        await self._hear(ending.told)
        return ending

    def _ended(self, file: Path, job: str, ending: Ending) -> int:
        self._worker.settled(job)
        if self._live:
            if ending.state == "succeeded":
                self._done = self._total
                self._show("", {})
            print(file=sys.stderr)
        if ending.state == "cancelled":
            return STOPPED
        if ending.state != "succeeded":
            assert ending.problem is not None
            self._say(f"{file}: {told(Problem.from_json(ending.problem))}")
            return FAILED
        for artifact in self._made.values():
            print(self._placed(artifact))
        return SUCCEEDED

    async def _hear(self, said: Sequence[Told]) -> None:
        for word in said:
            match word.type:
                case "plan":
                    self._done, self._total = 0, word.data["total"]
                case "node.started" | "node.progress":
                    self._show(word.node or "", word.data)
                case "node.finished":
                    self._done = min(self._done + 1, self._total)
                case "node.warning":
                    self._say(told(Problem.from_json(word.data["problem"])))
                case "node.artifact":
                    artifact = word.data["artifact"]
                    if artifact["folder"] == "output":
                        self._made[artifact["node"], artifact["index"]] = artifact

    def _show(self, node: str, data: Mapping[str, Any]) -> None:
        """Draw how far it is: a line that moves in a terminal, a line a node elsewhere."""
        at = f"{min(self._done + 1, self._total)}/{self._total} {node}"
        if not self._live:
            if "value" not in data:
                self._say(at)
            return
        share = data["value"] / data["max"] if data.get("max") else 0.0
        filled = round(_BAR * (self._done + share) / max(self._total, 1))
        bar = "█" * filled + "·" * (_BAR - filled)
        print(f"\r{bar} {at:32.32}", end="", file=sys.stderr)

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def _placed(self, artifact: Mapping[str, Any]) -> Path:
        """Return where a file is, after moving it to where the user wants it."""
        path: Path = self._settings.output_dir / artifact["subfolder"] / artifact["name"]
        if self._out is None:
            return path
        self._out.mkdir(parents=True, exist_ok=True)
        named = _NUMBERED.fullmatch(path.name)
        prefix, suffix = named.groups() if named else (path.stem, path.suffix)
        moved = write_atomic(self._out, prefix, suffix, lambda part: shutil.copyfile(path, part))
        path.unlink()
        return moved
