"""Everything that a request handler may use, in one typed value."""

from __future__ import annotations

from dataclasses import dataclass

from server.artifacts import Artifacts
from server.catalogue import KnownNodes
from server.disk import Disk
from server.feed import Feed
from server.files import Files
from server.jobs import Jobs
from server.library import Library
from server.settings import Settings
from server.store import Store


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


def open_services(settings: Settings) -> Services:
    """Open the data folder and everything in it; blocks."""
    for folder in (settings.input_dir, settings.output_dir, settings.temp_dir, settings.cache_dir):
        folder.mkdir(parents=True, exist_ok=True)
    disk = Disk(settings.data_dir)
    store = Store(settings.database, disk)
    feed = Feed(store, settings.keep_events)
    artifacts = Artifacts(store, settings)
    return Services(
        settings=settings,
        disk=disk,
        store=store,
        feed=feed,
        jobs=Jobs(store, feed, artifacts, settings.queue_limit),
        files=Files(settings),
        artifacts=artifacts,
        library=Library(settings.data_dir / "workflows"),
        nodes=KnownNodes(settings.cache_dir / "catalogue.json"),
    )
