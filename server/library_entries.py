"""What is told of saved workflows without their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from nodes.api import JSON
from nodes.errors import NodeError
from server.engine.graph import Graph
from server.engine.problems import Invalid
from server.strict_json import loads


@dataclass(frozen=True)
class Port:
    """An input or an output of a subgraph.

    Attributes:
        name: What wires call it.
        type: Of what goes through it.
    """

    name: str
    type: str

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"name": self.name, "type": self.type}


@dataclass(frozen=True)
class Blueprint:
    """A subgraph of a saved workflow, as a node that other workflows may take over.

    Attributes:
        key: Names it in its workflow.
        title: What its author calls it.
        inputs: In order.
        outputs: In order.
    """

    key: str
    title: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {
            "key": self.key,
            "title": self.title,
            "inputs": [port.to_json() for port in self.inputs],
            "outputs": [port.to_json() for port in self.outputs],
        }


@dataclass(frozen=True)
class Entry:
    """A workflow of the library, without its content.

    Attributes:
        name: Without suffix, with `/` between folders.
        title: What its author calls it, else the last part of the name.
        version: Changes with the content.
        modified: Unix seconds.
        tags: From its `meta`.
        description: From its `meta`.
        cover: When its picture was kept, in Unix milliseconds; None where it has none.
        subgraphs: What it defines that other workflows may use.
    """

    name: str
    title: str
    version: str
    modified: float
    tags: tuple[str, ...] = ()
    description: str = ""
    cover: int | None = None
    subgraphs: tuple[Blueprint, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "version": self.version,
            "modified": self.modified,
            "tags": list(self.tags),
            "description": self.description,
            "cover": self.cover,
            "subgraphs": [each.to_json() for each in self.subgraphs],
        }


@dataclass(frozen=True)
class Version:
    """One content that a workflow had.

    Attributes:
        version: Counts up from 1.
        hash: The version that `get` gave at that time.
        modified: Unix seconds.
        bytes: Size of the file.
    """

    version: int
    hash: str
    modified: float
    bytes: int

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {
            "version": self.version,
            "hash": self.hash,
            "modified": self.modified,
            "bytes": self.bytes,
        }


def described(name: str, data: bytes, modified: float) -> Entry:
    """Read what the list shows; a broken file is listed by its name, and says more when opened."""
    try:
        document = loads(data)
    except NodeError:
        document = None
    content: Mapping[str, JSON] = document if isinstance(document, dict) else {}
    meta = content.get("meta")
    about: Mapping[str, JSON] = meta if isinstance(meta, dict) else {}
    title, tags, description = content.get("title"), about.get("tags"), about.get("description")
    return Entry(
        name,
        title if isinstance(title, str) and title else name.rsplit("/", 1)[-1],
        version_of(data),
        modified,
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        description if isinstance(description, str) else "",
        subgraphs=_blueprints(document) if "subgraphs" in content else (),
    )


def _blueprints(document: JSON) -> tuple[Blueprint, ...]:
    """Read the subgraphs of a workflow; of a broken one nothing can be taken over."""
    try:
        subgraphs = Graph.from_json(document).subgraphs
    except Invalid:
        return ()
    return tuple(
        Blueprint(
            key,
            each.title,
            tuple(Port(port.name, port.type) for port in each.inputs),
            tuple(Port(port.name, port.type) for port in each.outputs),
        )
        for key, each in subgraphs.items()
    )


def version_of(data: bytes) -> str:
    """Name a content; another content has another name."""
    return hashlib.sha256(data).hexdigest()[:20]
