"""The server itself over HTTP: its nodes, its workers, its limits; and other formats."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from aiohttp import hdrs

from nodes.api import JSON, Catalogue
from server.engine.graph import Graph
from server.engine.problems import Problem
from server.engine.schema import workflow_schema
from server.engine.validate import validate
from server.formats.comfy_export import to_workflow
from server.formats.interfaces import interfaces_of
from server.http.bodies import MOST_JSON_BYTES
from server.http.keys import NODE_TEXTS
from server.http.refusals import Ready
from server.http.table import Call, Tagged
from server.node_texts import preferred
from server.opening import opened
from server.settings import VERSION
from server.typed_json import Bounds


@dataclass(frozen=True)
class WorkerState:
    """A worker, as it is now.

    Attributes:
        id: Its name.
        device: What it computes on.
        state: `starting`, `idle`, `busy` or `stopped`.
        memory: Bytes of memory that it occupied when it was last heard.
    """

    id: str
    device: str
    state: str
    memory: int | None


@dataclass(frozen=True)
class Limits:
    """How much is taken.

    Attributes:
        upload: Bytes of one uploaded file.
        pixels: Pixels of one picture.
        body: Bytes of one JSON body.
        queue: Jobs that may wait.
    """

    upload: int
    pixels: int
    body: int
    queue: int


@dataclass(frozen=True)
class System:
    """The server.

    Attributes:
        version: Of this program.
        workers: Where graphs run.
        paused: Whether no job is started for now.
        queued: How many jobs wait.
        running: How many jobs run.
        limits: How much is taken.
    """

    version: str
    workers: tuple[WorkerState, ...]
    paused: bool
    queued: int
    running: int
    limits: Limits

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Converted:
    """A workflow in another format.

    Attributes:
        workflow: The workflow.
        problems: What could not be taken over, or has to be looked at.
    """

    workflow: JSON
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {
            "workflow": self.workflow,
            "problems": [problem.to_json() for problem in self.problems],
        }


@dataclass(frozen=True)
class NodesQuery:
    """In which language nodes are told.

    Attributes:
        lang: Its code, such as `de`; the header Accept-Language where left out. What has no words
            in it is told in English.
    """

    lang: Annotated[str, Bounds(2, 8)] | None = None


async def get_nodes(call: Call, query: NodesQuery) -> Tagged[Ready]:
    """Return the catalogue: every node with its inputs, outputs, types and help."""
    catalogue = await call.services.nodes.get()
    known = call.request.app[NODE_TEXTS]
    accepted = call.request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    texts = known.get(query.lang or preferred(accepted, known))
    if texts is None:
        return Tagged(Ready(call.services.nodes.text), catalogue.hash)
    words = texts
    text = await call.services.nodes.told(
        catalogue, f"nodes in {words.language}", lambda nodes: words.over(nodes.to_json())
    )
    return Tagged(Ready(text), f"{catalogue.hash}-{words.hash}")


async def get_schema(call: Call) -> Tagged[Ready]:
    """Return the JSON Schema of the workflow file, one definition a node type, for text editors."""
    catalogue = await call.services.nodes.get()
    text = await call.services.nodes.told(catalogue, "schema", workflow_schema)
    return Tagged(Ready(text), catalogue.hash)


async def get_system(call: Call) -> System:
    """Return the version, the workers, the queue's state and the limits."""
    settings = call.services.settings
    paused, queued, running = await call.services.jobs.counts()
    return System(
        version=VERSION,
        workers=tuple(
            WorkerState(worker.name, worker.device, worker.state, worker.memory)
            for worker in call.services.workers.all
        ),
        paused=paused,
        queued=queued,
        running=running,
        limits=Limits(
            upload=settings.upload_limit * 2**20,
            pixels=settings.pixel_limit * 1_000_000,
            body=MOST_JSON_BYTES,
            queue=settings.queue_limit,
        ),
    )


@dataclass(frozen=True)
class ConvertQuery:
    """Into which format a workflow is brought.

    Attributes:
        to: `weft`, or `comfyui` for a file of ComfyUI's page.
    """

    to: Literal["weft", "comfyui"] = "weft"


async def convert_workflow(call: Call, body: JSON, query: ConvertQuery) -> Converted:
    """Bring a workflow of any version, or of another program, into our format or ComfyUI's."""
    catalogue = await call.services.nodes.get()
    return await asyncio.to_thread(_converted, body, catalogue, query.to)


def _converted(data: JSON, catalogue: Catalogue, to: str) -> Converted:
    imported = opened(data, catalogue)
    found = validate(Graph.from_json(imported.workflow), catalogue)
    workflow = imported.workflow
    if to == "comfyui":
        workflow = to_workflow(workflow, interfaces_of(catalogue))
    return Converted({**workflow}, (*imported.problems, *found))
