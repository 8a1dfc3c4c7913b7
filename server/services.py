"""Everything that a request handler may use, in one typed value."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import IO

from nodes.errors import NodeError
from server.artifacts import Artifacts
from server.catalogue import KnownNodes
from server.disk import Disk
from server.feed import Feed
from server.files import Files
from server.library import Library
from server.platform import Taken, take_lock
from server.queue.claims import Claims
from server.queue.dispatch import Dispatcher
from server.queue.foresight import Foresight
from server.queue.jobs import Jobs
from server.settings import Settings
from server.store import Store
from server.watch import Watch
from server.workers import Workers
from server.workers.local import LocalWorkers
from server.workers.saving import sweep
from server.workers.workspaces import Workspaces

_TEMPORARY_SECONDS = 24 * 60 * 60
"""Previews and other temporary files are kept this long, and then until the next start."""


class DataInUse(NodeError):
    """Another server has the data folder."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(
            "Another Weft server is using this data folder.",
            hint="Use that one, stop it, or give this one another --data-dir.",
            code="data.in_use",
        )


@dataclass(frozen=True)
class Services:
    """The parts of a running server.

    Attributes:
        settings: What the server was told.
        disk: Room on the disk of the data folder.
        store: The database.
        feed: What happens.
        jobs: The queue and the history.
        files: Models and inputs.
        artifacts: What runs made.
        library: Saved workflows.
        nodes: The catalogue, once it is known.
        workers: Where graphs run.
        foresight: What a run would compute.
        dispatcher: Gives jobs to workers.
        watch: Numbers for those who look after the server.
        lock: Held so that no second server works on the same data.
    """

    settings: Settings
    disk: Disk
    store: Store
    feed: Feed
    jobs: Jobs
    files: Files
    artifacts: Artifacts
    library: Library
    nodes: KnownNodes
    workers: Workers
    foresight: Foresight
    dispatcher: Dispatcher
    watch: Watch
    lock: IO[bytes]

    async def start(self) -> None:
        """Take back what was interrupted, and start the workers."""
        await self.dispatcher.start()
        waiting = {job.id for job in (await self.jobs.queue()).queued}
        await asyncio.to_thread(sweep, self.settings, waiting)
        await asyncio.to_thread(Workspaces(self.settings).sweep)
        await self.artifacts.purge(time.time() - _TEMPORARY_SECONDS)

    async def drain(self) -> None:
        """Take no more jobs, start none, and give what runs the time that the settings say."""
        await self.dispatcher.drain(self.settings.grace)

    async def stop(self) -> None:
        """End the workers and close the database."""
        await self.dispatcher.stop()
        await asyncio.to_thread(self.store.close)
        self.lock.close()


def open_services(settings: Settings) -> Services:
    """Open the data folder and everything in it; blocks. Nothing runs yet.

    Raises:
        DataInUse: when another server has it.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        lock = take_lock(settings.data_dir / "lock")
    except Taken:
        raise DataInUse from None
    for folder in (settings.input_dir, settings.output_dir, settings.temp_dir, settings.cache_dir):
        folder.mkdir(parents=True, exist_ok=True)
    disk = Disk(settings.data_dir)
    store = Store(settings.database, disk)
    feed = Feed(store, settings.keep_events)
    artifacts = Artifacts(store, settings)
    jobs = Jobs(store, feed, artifacts, settings.queue_limit)
    files = Files(settings)
    nodes = KnownNodes(settings.cache_dir / "catalogue.json")
    watch = Watch()
    workers = LocalWorkers(settings, watch.restarted)
    foresight = Foresight(nodes, files, workers)
    claims = Claims(store, feed)
    return Services(
        settings=settings,
        disk=disk,
        store=store,
        feed=feed,
        jobs=jobs,
        files=files,
        artifacts=artifacts,
        library=Library(settings.data_dir / "workflows"),
        nodes=nodes,
        workers=workers,
        foresight=foresight,
        dispatcher=Dispatcher(claims, jobs, workers, feed, artifacts, nodes, foresight, watch),
        watch=watch,
        lock=lock,
    )
