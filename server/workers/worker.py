"""A worker process: reads commands, runs one graph after another, reports.

Two threads: this one runs graphs; the other reads the channel, so that a run can be cancelled and
the worker asked how it is while a node works.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import IO, Any

from nodes.api.catalogue import Catalogue, load, sources_hash
from nodes.errors import NodeError
from server.engine.events import Event
from server.engine.execute import Outcome, execute
from server.engine.graph import Graph
from server.engine.plan import make_plan
from server.engine.problems import Invalid, Problem
from server.engine.results import Known, Results
from server.engine.upgrade import upgrade
from server.files import Files
from server.formats.interfaces import interfaces_of
from server.platform import (
    die_with,
    memory_in_use,
    memory_of_machine,
    physical_memory,
    private_channel,
)
from server.settings import Settings
from server.workers import Task
from server.workers.embedded import texts_of
from server.workers.frames import read_frame
from server.workers.host import Memory, WorkerHost
from server.workers.outbox import Outbox
from server.workers.saving import Saver
from server.workers.workspaces import Workspaces

log = logging.getLogger("weft.worker")

_MIB = 2**20
_SHARE_FOR_MODELS = 0.5
"""Of the machine's memory, for models there; their copies on a device do not count."""
_SHARE_FOR_A_RUN = 0.75
"""For the models of one run."""
_SHARE_FOR_A_NETWORK = 0.25
"""For the weights of one network, where they would grow by being cast."""


class _OnceThereAreModels:
    """The memory of a processor. Without torch there are no models, and it need not be imported."""

    @cached_property
    def _memory(self) -> Memory:
        from nodes.diffusion.memory.device_memory import InPlace

        return InPlace(share_of_memory(_SHARE_FOR_MODELS))

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        """Give a model as it is."""
        return self._memory.resident(model)

    def expect(self, models: Iterable[object]) -> object:
        """Read ahead what is needed next."""
        return self._memory.expect(models) if "torch" in sys.modules else None

    def free(self) -> None:
        """There are no copies to let go of."""


@dataclass(frozen=True)
class _Rehearsal:
    """A task that is to be run only if it needs nothing computed; `id` names the question."""

    id: int
    task: Task


@dataclass
class _Desk:
    """What both threads see."""

    outbox: Outbox
    tasks: queue.SimpleQueue[Task | _Rehearsal | str]
    results: Results
    saver: Saver
    cancelled: str = ""
    watched: bool = False

    @property
    def known(self) -> Known:
        """The keys of what need not be computed."""
        return Known(self.results, self.saver.saved)


class Worker:
    """Runs tasks with one catalogue on one device."""

    def __init__(self, desk: _Desk, catalogue: Catalogue, host: WorkerHost) -> None:
        """Put the parts together."""
        self._desk = desk
        self._catalogue = catalogue
        self._host = host
        self._interfaces = interfaces_of(catalogue)

    def work(self) -> None:
        """Do what is asked, without end."""
        while True:
            task = self._desk.tasks.get()
            if isinstance(task, Task):
                self._run(task)
            elif isinstance(task, _Rehearsal):
                self._rehearse(task)
            else:
                self._desk.results.clear()
                self._host.free_memory()

    def _run(self, task: Task) -> None:
        desk = self._desk

        def emit(event: Event) -> None:
            if event.type == "node.finished" and event.node is not None:
                desk.saver.finished(event.node, event.data.get("inner", ""))
            desk.outbox.tell(task.run, event.type, event.data, event.node, event.blob)

        def cancelled() -> bool:
            return desk.cancelled == task.run

        try:
            outcome = self._outcome(task, emit, cancelled)
        except Invalid as invalid:
            outcome = Outcome("failed", invalid.problems[0])
        except NodeError as error:
            outcome = Outcome("failed", Problem(error.code, error.message, error.hint))
        except Exception as error:
            # The border of the engine: a fault in it ends the run and not the worker.
            log.exception("run %s failed outside of its nodes", task.run)
            message = f"The run failed in a way that was not foreseen: {type(error).__name__}."
            outcome = Outcome("failed", Problem("run.failed", message, "The log says more."))
        problem = None if outcome.problem is None else outcome.problem.to_json()
        desk.outbox.done(task.run, outcome.state, problem)

    def _rehearse(self, rehearsal: _Rehearsal) -> None:
        """Run a task unless something has to be computed, and answer with all that it tells."""
        told: list[dict[str, Any]] = []
        computes = threading.Event()

        def emit(event: Event) -> None:
            told.append({**event.to_json(), "time": time.time()})
            if event.type == "node.started":
                computes.set()

        try:
            state = self._outcome(rehearsal.task, emit, computes.is_set, at_once=True).state
        except Exception:
            # Whatever it is, the run itself finds it again and tells it.
            log.info("%s cannot be answered at once", rehearsal.task.run, exc_info=True)
            state = "failed"
        known = told if state == "succeeded" else None
        self._desk.outbox.send({"is": "answer", "id": rehearsal.id, "told": known})

    def _outcome(
        self,
        task: Task,
        emit: Callable[[Event], None],
        cancelled: Callable[[], bool],
        *,
        at_once: bool = False,
    ) -> Outcome:
        desk, catalogue = self._desk, self._catalogue
        workflow = json.loads(task.workflow)
        graph = upgrade(Graph.from_json(workflow), catalogue)
        plan = make_plan(
            graph,
            catalogue,
            salt=catalogue.salt_text,
            stamp=self._host.files.stamp,
            known=desk.known,
            targets=task.targets,
        )
        if at_once and plan.order:
            return Outcome("cancelled")
        desk.saver.begin(
            task.job, texts_of(workflow, graph, catalogue, self._interfaces, task.extra)
        )

        def watched() -> bool:
            return desk.watched

        return execute(plan, catalogue, desk.results, emit, self._host, cancelled, watched)


def listen(commands: IO[bytes], desk: _Desk) -> None:
    """Take commands until the server is gone; then end, whatever a node is doing."""
    while (frame := read_frame(commands)) is not None:
        header, blob = frame
        match header["do"]:
            case "run":
                workflow = blob.decode("utf-8", "surrogatepass")
                desk.tasks.put(Task.from_json(header["task"], workflow))
            case "rehearse":
                workflow = blob.decode("utf-8", "surrogatepass")
                task = Task.from_json(header["task"], workflow)
                desk.tasks.put(_Rehearsal(header["id"], task))
            case "cancel":
                desk.cancelled = header["run"]
            case "ping":
                memory = memory_in_use()
                desk.outbox.send({"is": "answer", "id": header["id"], "memory": memory})
            case "known":
                known = [key for key in header["keys"] if key in desk.known]
                desk.outbox.send({"is": "answer", "id": header["id"], "keys": known})
            case "watch":
                desk.watched = header["on"]
            case "settled":
                desk.saver.settled(header["job"])
            case "free":
                desk.tasks.put("free")
    os._exit(0)


def devices() -> list[str]:
    """Return what this computer can compute on, the best kind alone."""
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else ["cpu"]


def memory_for(device: str, settings: Settings) -> tuple[Memory, str]:
    """Return where models are kept on a device, and what dtype they compute in."""
    if device == "cpu":
        return _OnceThereAreModels(), "float32" if settings.dtype == "auto" else settings.dtype
    import torch

    from nodes.diffusion.memory.device_memory import ModelMemory, default_budget
    from nodes.diffusion.memory.precision import compute_dtype

    dtype = compute_dtype(device) if settings.dtype == "auto" else settings.dtype
    if torch.device(device).type == "cuda":
        torch.cuda.set_device(device)
    budget = settings.budget * _MIB
    if not budget:
        budget = default_budget(device)
        if torch.device(device).type == "cuda":
            free = torch.cuda.mem_get_info(device)[0] - settings.reserve_vram * _MIB
            budget = max(0, min(budget, free))
    return ModelMemory(device, budget), dtype


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Import without looking for garbage: of what modules make, none goes, then or later.

    Looking through it all while torch, transformers and diffusers come in is a sixth of that time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def blocks_of(value: Any) -> Mapping[int, int]:
    """Find the blocks of memory of a model; torch is imported where there are models."""
    from nodes.diffusion.memory.modules import memory_blocks

    return memory_blocks(value)


def share_of_memory(share: float) -> int:
    """Return bytes of the memory that this process can have without swapping."""
    return int(min(physical_memory()[0], memory_of_machine()) * share)


def limit_widening() -> None:
    """Let weights that would grow too large by being cast stay as their files have them."""
    if "torch" in sys.modules:
        from nodes.diffusion.memory.precision import WIDENING

        WIDENING.most_bytes = share_of_memory(_SHARE_FOR_A_NETWORK)


def main() -> None:
    """Be a worker until the server goes."""
    commands, reports = private_channel()
    first = read_frame(commands)
    if first is None:
        return
    told, _ = first
    die_with(told["server"])
    settings = Settings.from_json(told["settings"])
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    for variable in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        # Compiling takes minutes; what torch and Triton make is good for later processes.
        os.environ.setdefault(variable, str(settings.cache_dir / "compiled" / variable))
    outbox = Outbox(reports)
    saver = Saver(settings)
    results = Results(
        settings.result_memory * _MIB,
        settings.cache_dir / "results" / told["name"],
        settings.result_disk * _MIB,
        blocks=blocks_of,
        block_bytes=share_of_memory(_SHARE_FOR_MODELS),
        run_block_bytes=share_of_memory(_SHARE_FOR_A_RUN),
    )
    desk = _Desk(outbox, queue.SimpleQueue(), results, saver)
    threading.Thread(target=listen, args=(commands, desk), name="weft-listen", daemon=True).start()
    device, others = told["device"], []
    try:
        if device in ("auto", "cuda"):
            others = devices()
            device = others[0] if device == "auto" else "cuda:0"
        memory, dtype = memory_for(device, settings)
        salt = {
            "device": device.split(":")[0],
            "dtype": dtype,
            "torch": version("torch"),
            "code": sources_hash(settings.node_packages),
        }
        with _no_garbage():
            catalogue = load(settings.node_packages, (settings.custom_nodes,), salt)
            limit_widening()
    except (ImportError, RuntimeError, AssertionError) as problem:
        # A device that torch does not have, or a package of nodes that is not there.
        log.exception("this worker cannot be started")
        outbox.send({"is": "unfit", "message": f"{type(problem).__name__}: {problem}"})
        return
    outbox.send(
        {
            "is": "ready",
            "catalogue": catalogue.to_json(),
            "device": device,
            "devices": others,
            "tracebacks": [
                {"source": failure.source, "traceback": failure.traceback}
                for failure in catalogue.failures
            ],
        }
    )
    host = WorkerHost(device, dtype, Files(settings), memory, saver, Workspaces(settings))
    Worker(desk, catalogue, host).work()


if __name__ == "__main__":
    main()
