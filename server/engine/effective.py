"""The graph that is run: subgraphs put in place, muted nodes gone, bypassed ones passed through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias

from nodes.api import JSON
from nodes.api.catalogue import Catalogue
from nodes.api.spec import ANY
from server.engine.graph import (
    NODE_LIMIT,
    SUBGRAPH,
    Graph,
    Input,
    InputRef,
    Link,
    Links,
    Literal,
    Node,
    SubgraphDef,
)
from server.engine.problems import Problem, Suggestions

Bindings: TypeAlias = Mapping[str, Input]
Port: TypeAlias = tuple[str, str]
_SIDES = ("inputs", "outputs")


def root_of(id_: str) -> str:
    """Find the node of the submitted graph that a node stands in."""
    return id_.partition(":")[0].partition(".")[0]


def inner_of(id_: str) -> str:
    """Name a node within its root; nothing for the root itself."""
    return id_[len(root_of(id_)) + 1 :]


@dataclass
class Flat:
    """Nodes whose inputs are values and wires between one another.

    Attributes:
        nodes: By id; nodes within an instance have its id and `:` before their own.
        lost: Why an input has no source that it had in the file.
        instances: For each instance of a subgraph, its outputs.
        problems: What is wrong with the subgraphs.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    lost: dict[Port, str] = field(default_factory=dict)
    instances: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    aliases: dict[Port, Link | None] = field(default_factory=dict)
    passed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    muted: set[str] = field(default_factory=set)

    def resolve(self, link: Link) -> Link | str:
        """Follow a wire through bypassed nodes and out of instances; say why if it ends."""
        path: list[Port] = []
        at = link
        while (at.node, at.output) in self.aliases:
            following = self.aliases[at.node, at.output]
            if following is None:
                return f"`{at.node}` is bypassed, and none of its wired inputs fits `{at.output}`"
            if len(path) > len(self.aliases):
                return "the bypassed nodes before it run in a circle"
            path.append((at.node, at.output))
            at = following
        for port in path:
            self.aliases[port] = at
        if at.node in self.muted:
            return f"`{at.node}` is muted"
        return at


def flatten(graph: Graph, catalogue: Catalogue) -> Flat:
    """Put subgraphs in place, take muted nodes out and pass through bypassed ones.

    Takes no recursion, and time in proportion to the nodes that come out. Problems are gathered in
    the result; wires that lead to no node are left as they are.
    """
    signatures = graph.rest.get("signatures")
    known = signatures if isinstance(signatures, dict) else {}
    return flatten_nodes(graph.nodes, graph.subgraphs, catalogue, signatures=known)


def effective(graph: Graph, catalogue: Catalogue) -> Graph:
    """Give the graph that is run, as a graph: what programs without subgraphs can read."""
    return replace(graph, nodes=flatten(graph, catalogue).nodes, subgraphs={})


def flatten_nodes(
    nodes: Mapping[str, Node],
    subgraphs: Mapping[str, SubgraphDef],
    catalogue: Catalogue,
    prefix: str = "",
    signatures: Mapping[str, JSON] = MappingProxyType({}),
) -> Flat:
    """Flatten nodes that a running node put into the plan, as `flatten` does a graph's."""
    flat = Flat()
    walk = _Walk(flat, subgraphs, catalogue, signatures)
    pending = [_Scope(prefix, nodes, {}, ())]
    while pending:
        pending.extend(walk.scope(pending.pop()))
        if walk.seen > NODE_LIMIT:
            message = f"With its subgraphs the workflow has more than {NODE_LIMIT:,} nodes."
            flat.problems.append(Problem("graph.too_large", message, "Use fewer instances."))
            break
    _connect(flat)
    return flat


@dataclass(frozen=True)
class _Scope:
    prefix: str
    nodes: Mapping[str, Node]
    bindings: Bindings
    within: tuple[str, ...]


@dataclass
class _Walk:
    flat: Flat
    subgraphs: Mapping[str, SubgraphDef]
    catalogue: Catalogue
    signatures: Mapping[str, JSON]
    seen: int = 0
    suggestions: Suggestions = field(default_factory=Suggestions)

    def scope(self, scope: _Scope) -> list[_Scope]:
        inside: list[_Scope] = []
        for name, node in scope.nodes.items():
            self.seen += 1
            id_ = scope.prefix + name
            inputs = self._inputs(node, id_, scope)
            if node.mode == "mute":
                self.flat.muted.add(id_)
            elif node.type.startswith(SUBGRAPH):
                found = self._instance(replace(node, inputs=inputs), id_, scope)
                inside.extend(found)
            elif node.mode == "bypass":
                self._bypass(node, id_, inputs)
            else:
                self.flat.nodes[id_] = replace(node, inputs=inputs)
            if self.seen > NODE_LIMIT:
                return []
        return inside

    def _inputs(self, node: Node, id_: str, scope: _Scope) -> dict[str, Input]:
        found: dict[str, Input] = {}
        for name, item in node.inputs.items():
            if isinstance(item, Link):
                found[name] = Link(scope.prefix + item.node, item.output)
            elif isinstance(item, Links):
                links = (Link(scope.prefix + link.node, link.output) for link in item.links)
                found[name] = Links(tuple(links))
            elif isinstance(item, InputRef):
                if item.name in scope.bindings:
                    found[name] = scope.bindings[item.name]
                elif not self._declares(scope, item.name):
                    message = f"The subgraph has no input `{item.name}`."
                    self._problem("input.reference", message, "Add it, or wire another.", id_, name)
            else:
                found[name] = item
        return found

    def _declares(self, scope: _Scope, name: str) -> bool:
        definition = self.subgraphs.get(scope.within[-1]) if scope.within else None
        return definition is not None and any(port.name == name for port in definition.inputs)

    def _instance(self, node: Node, id_: str, scope: _Scope) -> list[_Scope]:
        key = node.type[len(SUBGRAPH) :]
        definition = self.subgraphs.get(key)
        if definition is None:
            hint = self.suggestions.near(key, self.subgraphs).strip()
            message = f"The file has no subgraph `{key}`."
            self._problem("subgraph.unknown", message, hint or "Take the node out.", id_)
            self.flat.muted.add(id_)
            return []
        if key in scope.within:
            message = f"The subgraph `{key}` contains itself."
            self._problem("subgraph.recursion", message, "Take the inner one out.", id_)
            self.flat.muted.add(id_)
            return []
        self.flat.instances[id_] = tuple(port.name for port in definition.outputs)
        if node.mode == "bypass":
            inputs = [(port.name, port.type) for port in definition.inputs]
            outputs = [(port.name, port.type) for port in definition.outputs]
            self._pass(id_, node.inputs, inputs, outputs)
            return []
        bindings = self._bindings(node, id_, definition)
        for port in definition.outputs:
            source = Link(f"{id_}:{port.source.node}", port.source.output)
            self.flat.aliases[id_, port.name] = source
        return [_Scope(f"{id_}:", definition.nodes, bindings, (*scope.within, key))]

    def _bindings(self, node: Node, id_: str, definition: SubgraphDef) -> Bindings:
        names = [port.name for port in definition.inputs]
        for name in node.inputs:
            if name not in names:
                hint = self.suggestions.near(name, names).strip()
                message = f"The subgraph has no input `{name}`."
                self._problem("input.unknown", message, hint or "Take it out.", id_, name)
        defaults = {
            port.name: Literal(port.default) for port in definition.inputs if port.has_default
        }
        return {**defaults, **{name: item for name, item in node.inputs.items() if name in names}}

    def _bypass(self, node: Node, id_: str, inputs: Mapping[str, Input]) -> None:
        spec = self.catalogue.specs.get(node.type)
        if spec is not None:
            ins = [(item.name, item.type) for item in spec.inputs]
            outs = [(item.name, item.type) for item in spec.outputs]
        else:
            # One that is not installed passes on by what the file says of it.
            ins, outs = (_told(self.signatures.get(node.type), side) for side in _SIDES)
        if spec is None and not outs:
            message = f"There is no node `{node.type}`, so nothing is known to pass through it."
            self._problem("node.unknown", message, "Mute it, or take it out.", id_)
            self.flat.muted.add(id_)
            return
        self._pass(id_, inputs, ins, outs)

    def _pass(
        self,
        id_: str,
        inputs: Mapping[str, Input],
        ins: list[tuple[str, str]],
        outs: list[tuple[str, str]],
    ) -> None:
        wired: dict[str, Link] = {}
        for name, _ in ins:
            item = inputs.get(name)
            if isinstance(item, Links) and item.links:
                item = item.links[0]
            if isinstance(item, Link):
                wired[name] = item
        self.flat.passed[id_] = tuple(name for name, _ in outs)
        for slot, (output, _) in enumerate(outs):
            self.flat.aliases[id_, output] = _handed_on(slot, outs, ins, wired)

    def _problem(
        self, code: str, message: str, hint: str, id_: str, name: str | None = None
    ) -> None:
        inner = inner_of(id_)
        text = f"In `{inner}`: {message}" if inner else message
        self.flat.problems.append(Problem(code, text, hint, root_of(id_), None if inner else name))


def _told(signature: JSON, side: str) -> list[tuple[str, str]]:
    """Return the names and types of a signature's ports; of another form than ours, none."""
    ports = signature.get(side) if isinstance(signature, dict) else None
    return [
        (str(port.get("name")), str(port.get("type")))
        for port in (ports if isinstance(ports, list) else ())
        if isinstance(port, dict)
    ]


def _handed_on(
    slot: int,
    outs: Sequence[tuple[str, str]],
    ins: Sequence[tuple[str, str]],
    wired: Mapping[str, Link],
) -> Link | None:
    """Return the wire that a bypassed node hands on for its output of a place.

    It is that of the input of the same name, or else at the same place, or else the first wired
    one, always of the same type. So `negative` leaves as `negative`, though `positive` comes first.
    Where nothing wired is of its type, an input that takes anything serves.
    """
    output, kind = outs[slot]
    if (output, kind) in ins:
        return wired.get(output)
    fitting = [name for name, type_ in ins if type_ == kind and name in wired]
    fitting = fitting or [name for name, type_ in ins if type_ == ANY and name in wired]
    beside = ins[slot][0] if slot < len(ins) else ""
    return wired[beside] if beside in fitting else next(map(wired.__getitem__, fitting), None)


def _connect(flat: Flat) -> None:
    for id_, node in flat.nodes.items():
        inputs: dict[str, Input] = {}
        for name, item in node.inputs.items():
            if not isinstance(item, Link | Links):
                inputs[name] = item
                continue
            ends = [
                flat.resolve(link) for link in (item.links if isinstance(item, Links) else [item])
            ]
            reasons = [end for end in ends if isinstance(end, str)]
            if reasons:
                flat.lost[id_, name] = reasons[0]
            links = tuple(end for end in ends if isinstance(end, Link))
            if isinstance(item, Links):
                inputs[name] = Links(links)
            elif links:
                inputs[name] = links[0]
        flat.nodes[id_] = replace(node, inputs=inputs)
