"""One worker process, seen from the server: its channel, its log lines, its end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from server.platform import child_options, ending, physical_cores
from server.settings import ROOT, Settings
from server.workers import Ending, Hear, Lost, Task, Told
from server.workers.frames import Broken, Frame, pack, receive

_BUFFER = 2**20
_WAITING_FRAMES = 64
"""Reports that wait to be recorded before the worker is made to wait too."""
_LONGEST_LINE = 2**16


class Unfit(Exception):
    """The process cannot be a worker, and trying again will not help; the text says why."""


class Child:
    """A process that was started. Used on the event loop only."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Listen to a process; `start` makes one."""
        loop = asyncio.get_running_loop()
        self._process = process
        self._log = logging.getLogger(f"weft.worker.{name}")
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reports: asyncio.Queue[Frame | None] = asyncio.Queue(_WAITING_FRAMES)
        self._wanted_end = ""
        self.described: asyncio.Future[Mapping[str, Any]] = loop.create_future()
        self.lost: asyncio.Future[Lost] = loop.create_future()
        self.running: str | None = None
        self.heard = time.time()
        self._tasks = [
            loop.create_task(self._listen()),
            loop.create_task(self._pass_lines()),
            loop.create_task(self._await_end()),
        ]

    @classmethod
    async def start(cls, name: str, device: str, settings: Settings) -> Child:
        """Start a process and tell it what to be; it is ready when `described` is."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "server.workers.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_BUFFER,
            env=environment_of(device, settings),
            **child_options(),
        )
        child = cls(name, process)
        child.send(
            {"name": name, "device": device, "server": os.getpid(), "settings": settings.to_json()}
        )
        return child

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def send(self, header: dict[str, Any], blob: bytes = b"") -> None:
        """Send a command; to a process that has gone it goes nowhere."""
        assert self._process.stdin is not None
        if not self.lost.done() and not self._process.stdin.is_closing():
            self._process.stdin.write(pack(header, blob))

    async def ask(
        self, header: dict[str, Any], patience: float, blob: bytes = b""
    ) -> dict[str, Any] | None:
        """Send a question and return the answer; None when there is none in time."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self.send({**header, "id": number}, blob)
        try:
            return await asyncio.wait_for(answer, patience)
        except TimeoutError:
            return None
        finally:
            del self._answers[number]

    async def run(self, task: Task, hear: Hear) -> Ending:
        """Run a task to its end.

        Raises:
            Lost: when the process ends first.
        """
        if self.lost.done():
            raise Lost(self.lost.result().cause, wanted=True)
        self.running = task.run
        self.send({"do": "run", "task": task.to_json()}, _encoded(task))
        try:
            while (frames := await self._arrived()) is not None:
                said: list[Told] = []
                for header, blob in frames:
                    if header["run"] != task.run:
                        continue
                    said.extend(_told(header, blob))
                    if header["is"] == "done":
                        return Ending(header["state"], header["problem"], tuple(said))
                await hear(said)
        except BaseException:
            # What is said can no longer be recorded, so what is done would be done for nothing.
            self.send({"do": "cancel", "run": task.run})
            raise
        finally:
            self.running = None
        raise await self.lost

    async def rehearse(self, task: Task, patience: float) -> Ending | None:
        """Run a task if it needs nothing computed; None where it does, or takes too long."""
        question = {"do": "rehearse", "task": task.to_json()}
        answer = await self.ask(question, patience, _encoded(task))
        if answer is None or answer["told"] is None:
            return None
        return Ending("succeeded", None, _told(answer, b""))

    async def _arrived(self) -> list[Frame] | None:
        """Wait for reports, and return all that are there; None when the process has ended."""
        frame = await self._reports.get()
        if frame is None:
            return None
        frames = [frame]
        while not self._reports.empty():
            following = self._reports.get_nowait()
            if following is None:
                # The end is for the next call to find.
                self._reports.put_nowait(None)
                break
            frames.append(following)
        return frames

    def kill(self, why: str) -> None:
        """End the process at once; `why` fits after `because it`."""
        self._wanted_end = why
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def gone(self) -> Lost:
        """Wait until the process has ended."""
        return await asyncio.shield(self.lost)

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            while (frame := await receive(self._process.stdout)) is not None:
                self.heard = time.time()
                await self._take(frame)
        except Broken:
            self._log.error("sent what cannot be read; it is replaced")
            self.kill("sent what cannot be read")
        await self._await_end()
        await self._reports.put(None)

    async def _take(self, frame: Frame) -> None:
        header, _ = frame
        match header["is"]:
            case "answer":
                answer = self._answers.get(header["id"])
                if answer is not None and not answer.done():
                    answer.set_result(header)
            case "ready":
                self.described.set_result(header)
            case "unfit":
                self.described.set_exception(Unfit(header["message"]))
            case _:
                await self._reports.put(frame)

    async def _await_end(self) -> None:
        code = await self._process.wait()
        if self.lost.done():
            return
        lost = Lost(self._wanted_end or ending(code), wanted=bool(self._wanted_end))
        self.lost.set_result(lost)
        if not self.described.done():
            self.described.set_exception(lost)
            # Whoever waits for it hears of it; if nobody does, that is no fault.
            self.described.exception()

    async def _pass_lines(self) -> None:
        """Pass what the process prints on to the log."""
        assert self._process.stderr is not None
        rest = b""
        while part := await self._process.stderr.read(_BUFFER):
            *lines, rest = (rest + part).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines.append(rest)
                rest = b""
            for line in lines:
                self._log.info("%s", line[:_LONGEST_LINE].decode(errors="replace").rstrip())


def _encoded(task: Task) -> bytes:
    return task.workflow.encode("utf-8", "surrogatepass")


def _told(header: Mapping[str, Any], blob: bytes) -> tuple[Told, ...]:
    return tuple(
        Told(said["type"], said["data"], said["node"], said["time"], blob or None)
        for said in header["told"]
    )


def environment_of(device: str, settings: Settings) -> dict[str, str]:
    """Return the environment of a worker's process."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONFAULTHANDLER": "1",
        "PYTHONIOENCODING": "utf-8",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    environment.pop("WEFT_TOKEN", None)
    # Threads that spin while they wait take a core from whatever else runs here.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Large pages, for what layers make in passing; only glibc reads this.
    environment.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
    if settings.threads:
        environment["OMP_NUM_THREADS"] = str(settings.threads)
    elif device in ("auto", "cpu"):
        environment.setdefault("OMP_NUM_THREADS", str(max(1, physical_cores() - 1)))
    return environment
