"""The workflow file as a value: read with every problem at once, written back without loss."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from server.engine.problems import Invalid, Problem

FORMAT = 1
NODE_LIMIT = 20_000
DEPTH_LIMIT = 64
STRING_LIMIT = 1_000_000
SUBGRAPH = "subgraph:"
MODES = ("mute", "bypass")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Literal:
    """A value that stands in the file."""

    value: Any

    def to_json(self) -> Any:
        """Give the value, wrapped if it is itself an object."""
        return {"value": self.value} if isinstance(self.value, dict) else self.value


@dataclass(frozen=True)
class Link:
    """A wire from an output."""

    node: str
    output: str

    def to_json(self) -> Any:
        """Give it as the file has it."""
        return {"link": [self.node, self.output]}


@dataclass(frozen=True)
class Links:
    """Wires into an input that takes many."""

    links: tuple[Link, ...]

    def to_json(self) -> Any:
        """Give them as the file has them."""
        return {"links": [[link.node, link.output] for link in self.links]}


@dataclass(frozen=True)
class InputRef:
    """Within a subgraph: what its instance has at an input."""

    name: str

    def to_json(self) -> Any:
        """Give it as the file has it."""
        return {"input": self.name}


Input: TypeAlias = Literal | Link | Links | InputRef


@dataclass(frozen=True)
class Node:
    """A node of a graph; `extra` keeps what the engine does not read, such as a title."""

    type: str
    version: int = 1
    inputs: Mapping[str, Input] = field(default_factory=dict)
    mode: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as the file has it."""
        data: dict[str, Any] = {"type": self.type, "version": self.version}
        if "title" in self.extra:
            data["title"] = self.extra["title"]
        if self.mode is not None:
            data["mode"] = self.mode
        data["inputs"] = {name: item.to_json() for name, item in self.inputs.items()}
        return {**data, **{key: item for key, item in self.extra.items() if key != "title"}}


@dataclass(frozen=True)
class SubgraphInput:
    """An input of a subgraph; `has_default` tells a default of null from none."""

    name: str
    type: str
    default: Any = None
    has_default: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as the file has it."""
        default = {"default": self.default} if self.has_default else {}
        return {"name": self.name, "type": self.type, **default, **self.extra}


@dataclass(frozen=True)
class SubgraphOutput:
    """An output of a subgraph and where it comes from."""

    name: str
    type: str
    source: Link
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as the file has it."""
        source = [self.source.node, self.source.output]
        return {"name": self.name, "type": self.type, "from": source, **self.extra}


@dataclass(frozen=True)
class SubgraphDef:
    """A saved subgraph, which nodes of type `subgraph:KEY` stand for."""

    title: str
    inputs: tuple[SubgraphInput, ...]
    outputs: tuple[SubgraphOutput, ...]
    nodes: Mapping[str, Node]
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as the file has it."""
        return {
            "title": self.title,
            "inputs": [item.to_json() for item in self.inputs],
            "outputs": [item.to_json() for item in self.outputs],
            "nodes": {name: node.to_json() for name, node in self.nodes.items()},
            **self.extra,
        }


@dataclass(frozen=True)
class Graph:
    """A workflow; `rest` keeps the sections that the engine does not read, and unknown ones."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    subgraphs: Mapping[str, SubgraphDef] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the file's content."""
        data: dict[str, Any] = {"format": FORMAT}
        if "title" in self.rest:
            data["title"] = self.rest["title"]
        data["nodes"] = {name: node.to_json() for name, node in self.nodes.items()}
        if self.subgraphs:
            data["subgraphs"] = {key: item.to_json() for key, item in self.subgraphs.items()}
        return {**data, **{key: item for key, item in self.rest.items() if key != "title"}}

    def with_input(self, node: str, name: str, value: Any) -> "Graph":
        """Give the graph with another value at an input.

        Raises:
            KeyError: If there is no such node.
        """
        old = self.nodes[node]
        changed = replace(old, inputs={**old.inputs, name: Literal(value)})
        return replace(self, nodes={**self.nodes, node: changed})

    @classmethod
    def from_json(cls, data: Any) -> "Graph":
        """Read a workflow file's content.

        Raises:
            Invalid: With every problem of form; whether it can run is for `validate`.
        """
        return _Reader().graph(data)


class _Reader:
    """Reads one file and gathers what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def graph(self, data: Any) -> Graph:
        if not isinstance(data, dict):
            self._problem("graph.format", "A workflow is a JSON object.", "See the format's page.")
            raise Invalid(self.problems)
        self._limits(data)
        if self.problems:
            raise Invalid(self.problems)
        if data.get("format") != FORMAT or isinstance(data.get("format"), bool):
            self._problem(
                "graph.format",
                f"The workflow's format is {data.get('format')!r}; this program reads {FORMAT}.",
                "Export it again, or update this program.",
            )
        nodes = self._nodes(data.get("nodes"), "`nodes`", inside=False)
        subgraphs = {
            key: self._subgraph(key, item)
            for key, item in self._object(data.get("subgraphs", {}), "`subgraphs`").items()
        }
        if len(nodes) + sum(len(item.nodes) for item in subgraphs.values()) > NODE_LIMIT:
            self._problem("graph.too_large", f"There are more than {NODE_LIMIT:,} nodes.")
        if self.problems:
            raise Invalid(self.problems)
        known = ("format", "nodes", "subgraphs")
        return Graph(nodes, subgraphs, {k: v for k, v in data.items() if k not in known})

    def _limits(self, data: Any) -> None:
        pending: list[tuple[Any, int]] = [(data, 1)]
        while pending:
            item, depth = pending.pop()
            if depth > DEPTH_LIMIT:
                self._problem("graph.too_deep", f"It is nested deeper than {DEPTH_LIMIT} levels.")
                return
            if isinstance(item, dict):
                pending.extend((key, depth) for key in item)
                pending.extend((part, depth + 1) for part in item.values())
            elif isinstance(item, list):
                pending.extend((part, depth + 1) for part in item)
            elif isinstance(item, str):
                if len(item) > STRING_LIMIT:
                    message = f"A text is longer than {STRING_LIMIT:,} characters."
                    self._problem("graph.too_long", message)
            elif isinstance(item, float):
                if not math.isfinite(item):
                    self._problem("value.number", "NaN and infinity are not numbers of JSON.")
            elif isinstance(item, int):
                if not -(2**63) <= item < 2**64:
                    self._problem("value.number", "A whole number does not fit into 64 bits.")
            elif item is not None:
                self._problem("graph.format", f"{type(item).__name__} is not a type of JSON.")

    def _subgraph(self, key: str, data: Any) -> SubgraphDef:
        where = f"Subgraph `{key}`"
        item = self._object(data, where)
        if not _ID.fullmatch(key):
            self._problem("subgraph.key", f"`{key[:80]}` cannot be a subgraph's key.", _ID_HINT)
        inputs = []
        for entry in self._list(item.get("inputs", []), f"{where}: `inputs`"):
            port = self._object(entry, f"{where}: an input")
            extra = {k: v for k, v in port.items() if k not in ("name", "type", "default")}
            name = self._text(port.get("name"), f"{where}: an input's name")
            kind = self._text(port.get("type"), f"{where}: an input's type")
            default, given = port.get("default"), "default" in port
            inputs.append(SubgraphInput(name, kind, default, given, extra))
        outputs = []
        for entry in self._list(item.get("outputs", []), f"{where}: `outputs`"):
            port = self._object(entry, f"{where}: an output")
            extra = {k: v for k, v in port.items() if k not in ("name", "type", "from")}
            name = self._text(port.get("name"), f"{where}: an output's name")
            kind = self._text(port.get("type"), f"{where}: an output's type")
            source = self._link(port.get("from"), None, None) or Link("", "")
            outputs.append(SubgraphOutput(name, kind, source, extra))
        for ports in (inputs, outputs):
            if len({port.name for port in ports}) < len(ports):
                message = f"{where} has two inputs, or two outputs, of one name."
                self._problem("subgraph.ports", message, "Rename one.")
        known = ("title", "inputs", "outputs", "nodes")
        return SubgraphDef(
            title=str(item.get("title", "")),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            nodes=self._nodes(item.get("nodes"), f"{where}: `nodes`", inside=True),
            extra={k: v for k, v in item.items() if k not in known},
        )

    def _nodes(self, data: Any, where: str, inside: bool) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for id_, item in self._object(data, where).items():
            if not _ID.fullmatch(id_):
                self._problem("node.id", f"`{id_[:80]}` cannot be a node's id.", _ID_HINT)
            elif not isinstance(item, dict):
                self._problem("graph.format", "A node is a JSON object.", node=id_)
            else:
                found[id_] = self._node(id_, item, inside)
        return found

    def _node(self, id_: str, data: dict[str, Any], inside: bool) -> Node:
        version, mode = data.get("version", 1), data.get("mode")
        type_ = data.get("type")
        if not isinstance(type_, str) or not type_:
            self._problem("node.type", "The node does not say its type.", "Add `type`.", id_)
            type_ = ""
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            self._problem(
                "node.version", f"{version!r} is not a version.", "Versions: 1, 2, …", id_
            )
            version = 1
        if mode is not None and mode not in MODES:
            self._problem("node.mode", f"{mode!r} is not a mode.", "Use mute or bypass.", id_)
            mode = None
        given = data.get("inputs", {})
        if not isinstance(given, dict):
            self._problem("graph.format", "A node's `inputs` is a JSON object.", node=id_)
            given = {}
        inputs = {name: self._input(item, id_, name, inside) for name, item in given.items()}
        known = ("type", "version", "inputs", "mode")
        return Node(type_, version, inputs, mode, {k: v for k, v in data.items() if k not in known})

    def _input(self, data: Any, node: str, name: str, inside: bool) -> Input:
        if not isinstance(data, dict):
            return Literal(data)
        kind, item = next(iter(data.items())) if len(data) == 1 else ("", None)
        if kind == "value":
            return Literal(item)
        if kind == "link":
            return self._link(item, node, name) or Literal(None)
        if kind == "links" and isinstance(item, list):
            links = (self._link(pair, node, name) for pair in item)
            return Links(tuple(link for link in links if link is not None))
        if kind == "input" and isinstance(item, str):
            if not inside:
                message = f"`{name}` refers to an input of a subgraph, but is in none."
                self._problem("input.reference", message, "Give it a value or a wire.", node, name)
            return InputRef(item)
        self._problem(
            "input.form",
            f"`{name}` is an object that is neither a wire nor a value.",
            'Write {"link": [node, output]}, {"links": [[node, output], …]} or {"value": …}.',
            node,
            name,
        )
        return Literal(None)

    def _link(self, data: Any, node: str | None, name: str | None) -> Link | None:
        if (
            isinstance(data, list)
            and len(data) == 2
            and isinstance(data[0], str)
            and isinstance(data[1], str)
        ):
            return Link(data[0], data[1])
        message = "A wire is a pair of a node's id and the name of its output."
        self._problem("link.form", message, 'Such as ["loader", "model"].', node, name)
        return None

    def _object(self, data: Any, what: str) -> dict[str, Any]:
        if isinstance(data, dict):
            return data
        self._problem("graph.format", f"{what} must be a JSON object.")
        return {}

    def _list(self, data: Any, what: str) -> list[Any]:
        if isinstance(data, list):
            return data
        self._problem("graph.format", f"{what} must be a JSON array.")
        return []

    def _text(self, data: Any, what: str) -> str:
        if isinstance(data, str) and data:
            return data
        self._problem("graph.format", f"{what} must be a text.")
        return ""

    def _problem(
        self,
        code: str,
        message: str,
        hint: str = "",
        node: str | None = None,
        name: str | None = None,
    ) -> None:
        self.problems.append(Problem(code, message, hint, node, name))


_ID_HINT = "Use letters, digits, _ and -, at most 64 of them."
