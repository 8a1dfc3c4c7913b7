"""Workers as child processes of the server, one a device, each replaced when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from server.settings import Settings
from server.workers import Ending, Hear, Lost, Task
from server.workers.child import Child, Unfit

log = logging.getLogger("weft.workers")

CANCEL_GRACE = 2.0
"""Seconds that a cancelled run is given to end by itself."""
_PING_EVERY = 2.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
_LONGEST_PAUSE_AT_START = 30.0
"""A process that does not even come up is tried more rarely."""
_ANSWER_WITHIN = 1.0
_REHEARSED_WITHIN = 0.05
"""Seconds that whoever submits a job is made to wait at most, to hear of its end at once."""

Described = Callable[[Mapping[str, Any]], Awaitable[None]]
Restarted = Callable[[str], None]


class LocalWorker:
    """One device's worker: a process, and after its end the next."""

    def __init__(self, name: str, device: str, settings: Settings, restarted: Restarted) -> None:
        """Describe it; `live` starts it."""
        self._name = name
        self._device = device
        self._settings = settings
        self._restarted = restarted
        self._child: Child | None = None
        self._spare: Child | None = None
        self._started: set[Child] = set()
        self._watching: asyncio.Task[None] | None = None
        self._pause = 0.0
        self._ready = asyncio.Event()
        self._memory: int | None = None
        self._watched = False
        self._stopped = False

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def device(self) -> str:
        """What it computes on; `auto` until its process has chosen."""
        return self._device

    @property
    def state(self) -> str:
        """`starting`, `idle`, `busy` or `stopped`."""
        if self._stopped:
            return "stopped"
        if self._child is None:
            return "starting"
        return "idle" if self._child.running is None else "busy"

    @property
    def memory(self) -> int | None:
        """Bytes of memory that its process occupies."""
        return self._memory

    @property
    def heard(self) -> float | None:
        """When its process was last heard, in unix seconds."""
        return None if self._child is None else self._child.heard

    @property
    def pid(self) -> int | None:
        """The id of its process."""
        return None if self._child is None else self._child.pid

    async def ready(self) -> None:
        """Wait until its process can run something."""
        await self._ready.wait()

    async def run(self, task: Task, hear: Hear) -> Ending:
        """Run a task in its process.

        Raises:
            Lost: when the process ends before the task does.
        """
        if self._child is None:
            raise Lost("was not there", wanted=True)
        ending = await self._child.run(task, hear)
        self._pause = 0.0
        return ending

    async def rehearse(self, task: Task) -> Ending | None:
        """Have its process run a task, if it needs nothing computed."""
        if self._child is None:
            return None
        return await self._child.rehearse(task, _REHEARSED_WITHIN)

    def cancel(self, run: str) -> None:
        """Ask its process to end a run, and end the process if it does not."""
        child = self._child
        if child is None or child.running != run:
            return
        child.send({"do": "cancel", "run": run})

        def insist() -> None:
            if child.running == run:
                child.kill("did not stop when it was cancelled")

        asyncio.get_running_loop().call_later(CANCEL_GRACE, insist)

    def settled(self, job: str) -> None:
        """Tell its process that a job's end is recorded."""
        if self._child is not None:
            self._child.send({"do": "settled", "job": job})

    async def known(self, keys: Collection[str]) -> set[str]:
        """Ask its process which of some results it holds."""
        if self._child is None:
            return set()
        answer = await self._child.ask({"do": "known", "keys": list(keys)}, _ANSWER_WITHIN)
        return set() if answer is None else set(answer["keys"])

    def watch(self, on: bool) -> None:
        """Tell its process whether anybody sees previews."""
        changed, self._watched = on is not self._watched, on
        if changed and self._child is not None:
            self._child.send({"do": "watch", "on": on})

    async def free(self) -> None:
        """Have its process give up what it keeps, once it is idle."""
        if self._child is not None:
            self._child.send({"do": "free"})

    async def live(self, described: Described) -> None:
        """Keep a process running, without end.

        Raises:
            Unfit: when no process can ever be this worker.
        """
        while True:
            child = self._spare or await self._start()
            self._spare = None
            came_up = await self._settle_in(child, described)
            lost = await child.gone()
            self._child = None
            self._started.discard(child)
            self._ready.clear()
            log.warning("%s ended because it %s", self._name, lost.cause)
            self._restarted("stopped" if lost.wanted else lost.cause)
            if lost.wanted:
                continue
            if self._spare is None:
                await asyncio.sleep(self._pause)
            longest = _LONGEST_PAUSE if came_up else _LONGEST_PAUSE_AT_START
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), longest)

    async def end(self) -> None:
        """End its processes at once."""
        self._stopped = True
        for child in list(self._started):
            child.kill("was told to end")
            await child.gone()

    async def _start(self) -> Child:
        child = await Child.start(self._name, self._device, self._settings)
        self._started.add(child)
        return child

    async def _settle_in(self, child: Child, described: Described) -> bool:
        """Wait until a process is ready; tell whether it became so."""
        try:
            description = await child.described
        except Lost:
            return False
        self._device = description["device"]
        await described(description)
        self._child = child
        child.send({"do": "watch", "on": self._watched})
        self._ready.set()
        self._watching = asyncio.get_running_loop().create_task(self._watch(child))
        if self._settings.spare:
            self._spare = await self._start()
        return True

    async def _watch(self, child: Child) -> None:
        """Hear now and then how a process is."""
        while not child.lost.done():
            answer = await child.ask({"do": "ping"}, _PING_EVERY * 5)
            if answer is not None:
                self._memory = answer["memory"]
            await asyncio.wait([child.lost], timeout=_PING_EVERY)


class LocalWorkers:
    """The child processes of this server."""

    def __init__(
        self,
        settings: Settings,
        restarted: Restarted = lambda cause: None,
        *,
        name: str = "worker",
        most: int | None = None,
    ) -> None:
        """Describe them; nothing is started yet.

        Args:
            settings: Name the devices.
            restarted: Called with the cause when a process ended and is replaced.
            name: What they are called, with a number after it.
            most: How many there are at most, whatever devices there are.
        """
        self._settings = settings
        self._restarted = restarted
        self._name = name
        self._most = most
        self._workers: list[LocalWorker] = []
        self._lives: list[asyncio.Task[None]] = []
        self._added: Callable[[LocalWorker], None] = lambda worker: None
        self.unfit: str | None = None

    @property
    def all(self) -> Sequence[LocalWorker]:
        """The workers so far."""
        return self._workers

    async def start(self, described: Described, added: Callable[[LocalWorker], None]) -> None:
        """Start the processes.

        Args:
            described: Called with the description of each process that comes up.
            added: Called with each worker, at once or when the devices are known.
        """
        self._added = added
        for device in self._settings.device.split(","):
            self._add(device.strip(), described)

    async def stop(self) -> None:
        """End every process at once."""
        for life in self._lives:
            life.cancel()
        for worker in self._workers:
            await worker.end()
        for life in self._lives:
            with contextlib.suppress(asyncio.CancelledError):
                await life

    def _add(self, device: str, described: Described) -> None:
        if len(self._workers) == self._most:
            return
        name = f"{self._name}-{len(self._workers) + 1}"
        worker = LocalWorker(name, device, self._settings, self._restarted)
        self._workers.append(worker)

        async def told(description: Mapping[str, Any]) -> None:
            await described(description)
            if device == "auto":
                have = {other.device for other in self._workers}
                for further in description["devices"]:
                    if further not in have:
                        self._add(further, described)

        async def live() -> None:
            try:
                await worker.live(told)
            except Unfit as problem:
                self.unfit = str(problem)
                log.error("%s cannot be started: %s", name, problem)
            except Exception:
                self.unfit = "It failed in a way that was not foreseen; the log says more."
                log.exception("%s is given up", name)

        self._lives.append(asyncio.get_running_loop().create_task(live()))
        self._added(worker)
