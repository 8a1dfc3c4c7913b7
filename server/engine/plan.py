"""What a run would compute: keys of all values that are needed, before anything runs."""

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nodes.api.catalogue import Catalogue
from nodes.api.mentions import mentioned
from nodes.api.spec import InputSpec, NodeSpec
from nodes.errors import NodeError
from server.engine.effective import Flat, flatten, inner_of, root_of
from server.engine.file_names import with_file_names
from server.engine.graph import Graph, Input, Links, Literal, Node, SubgraphDef
from server.engine.order import links_of, needed, sources_of, topological
from server.engine.problems import Invalid, Problem
from server.engine.validate import find_targets
from server.engine.values import normal

Stamp = Callable[[str, str], str]
"""Gives, for a kind of files and the name of one, what changes when its content does. The name may
be as a text says it (`embedding:name`); empty, it stands for all files of the kind."""


@dataclass(frozen=True)
class Step:
    """One node of a plan.

    Attributes:
        id: Within the flat graph.
        root: The node of the submitted graph that it stands in.
        inner: Its name within the root; empty for the root itself.
        spec: What it is.
        inputs: Values of the Python type that they need, and wires to other steps.
        key: Names its results: equal keys are equal results.
        fresh: It, or something before it, must run every time.
        place: Where it stands in the order of running.
    """

    id: str
    root: str
    inner: str
    spec: NodeSpec
    inputs: Mapping[str, Input]
    key: str
    fresh: bool
    place: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """A graph that is ready to run.

    Attributes:
        steps: All that the targets may need, in order.
        order: Those that are known to run; others run if a lazy input asks for them.
        cached: Those whose results are known, or needed by nothing that runs.
        targets: What the run is for.
        subgraphs: For nodes that expand to instances of them.
        keymaker: Makes keys of further steps.
    """

    steps: Mapping[str, Step]
    order: tuple[Step, ...]
    cached: frozenset[str]
    targets: tuple[str, ...]
    subgraphs: Mapping[str, SubgraphDef]
    keymaker: "Keys"

    @property
    def keys(self) -> Mapping[str, str]:
        """Give the key of every step."""
        return {id_: step.key for id_, step in self.steps.items()}

    def to_json(self) -> dict[str, Any]:
        """Say what would run, for the nodes of the submitted graph."""
        states = {step.root: "cached" for step in self.steps.values() if step.id in self.cached}
        states.update({step.root: "run" for step in self.order})
        return {
            "run": sum(state == "run" for state in states.values()),
            "total": len(states),
            "nodes": states,
            "order": [step.id for step in self.order],
            "cached": sorted(self.cached),
        }


@dataclass(frozen=True)
class Keys:
    """Makes keys: a hash over salt, node, version, the user's code, and inputs.

    A wired input stands as its source's key and output, a file as its name and stamp, a text with
    the stamps of the files that it names. A node that may expand adds `subgraphs`, a hash of the
    saved ones, since it may expand to them.
    """

    salt: str
    stamp: Stamp
    subgraphs: str
    run: str = field(default_factory=lambda: uuid.uuid4().hex)

    def key(
        self,
        id_: str,
        spec: NodeSpec,
        inputs: Mapping[str, Input],
        sources: Mapping[str, tuple[str, bool]],
    ) -> tuple[str, bool]:
        """Make a step's key, and tell whether it is good for this run only.

        Args:
            id_: The step's.
            spec: Its node.
            inputs: As in `Step`.
            sources: For each step before it, its key and whether that is good for this run only.

        Raises:
            NodeError: If a file that it names cannot be stamped.
        """
        fresh = not spec.pure
        parts: list[Any] = [self.salt, spec.id, spec.version, spec.code]
        if spec.expands:
            parts.append(self.subgraphs)
        for item in spec.inputs:
            given = inputs.get(item.name)
            links = links_of(given) if given is not None else ()
            fresh = fresh or any(sources[link.node][1] for link in links)
            if given is None:
                parts.append(["=", None if item.required else item.default])
            elif isinstance(given, Literal):
                parts.append(["=", self._value(given.value, item)])
            else:
                # A file whose name comes by a wire has no stamp yet, so nothing is known of it.
                fresh = fresh or item.folder is not None
                many = isinstance(given, Links)
                parts.append(
                    ["<<" if many else "<", [[sources[x.node][0], x.output] for x in links]]
                )
                if item.mentions:
                    # Any file may be named in a text that is not known yet.
                    parts.append(self.stamp(item.mentions, ""))
        if fresh:
            parts.append([self.run, id_])
        return digest(parts), fresh

    def _value(self, value: Any, item: InputSpec) -> Any:
        if isinstance(value, Passed):
            return ["passed", value.key]
        if item.folder is not None and isinstance(value, str):
            return [value, self.stamp(item.folder, value)]
        if item.mentions and isinstance(value, str):
            named = mentioned(item.mentions, value)
            return [value, *(self.stamp(item.mentions, each) for each in named)]
        return value


@dataclass(frozen=True)
class Passed:
    """A value that a running node put into its subgraph, with a key that names it."""

    value: Any
    key: str


_sorted = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def digest(parts: Any) -> str:
    """Hash JSON."""
    return hashlib.blake2b(_sorted(parts).encode(), digest_size=20).hexdigest()


def make_plan(
    graph: Graph,
    catalogue: Catalogue,
    *,
    salt: str,
    stamp: Stamp,
    known: Container[str] = (),
    targets: Collection[str] | None = None,
) -> Plan:
    """Plan a run, in time proportional to the graph.

    Args:
        graph: As `validate` found it good.
        catalogue: What nodes there are.
        salt: What else results depend on: device, dtype policy, versions.
        stamp: Of the files that nodes and texts name.
        known: Keys whose results need not be computed.
        targets: Nodes to run; all sinks if None.

    Raises:
        Invalid: If the graph cannot be run after all.
    """
    flat = with_file_names(flatten(graph, catalogue), catalogue)
    wanted, missing = find_targets(flat, catalogue, targets)
    sources = sources_of(flat.nodes)
    used = needed(sources, wanted)
    problems = [*flat.problems, *missing, *_unfit(flat, catalogue, used)]
    if problems:
        raise Invalid(problems)
    order = topological({id_: sources[id_] for id_ in _from_targets(sources, wanted, used)})
    if len(order) < len(used):
        raise Invalid([Problem("graph.cycle", "The wires run in a circle.", "Take one out.")])
    saved = {key: definition.to_json() for key, definition in graph.subgraphs.items()}
    keys = Keys(salt, stamp, digest(saved))
    steps = make_steps([(id_, flat.nodes[id_]) for id_ in order], catalogue, keys, {}, ())
    to_run = running(steps, wanted, known)
    sure = running(steps, wanted, ())
    return Plan(
        steps=steps,
        order=tuple(step for id_, step in steps.items() if id_ in to_run),
        cached=frozenset(
            id_
            for id_, step in steps.items()
            if id_ not in to_run and (step.key in known or id_ in sure)
        ),
        targets=tuple(wanted),
        subgraphs=graph.subgraphs,
        keymaker=keys,
    )


def make_steps(
    nodes: Iterable[tuple[str, Node]],
    catalogue: Catalogue,
    keys: Keys,
    before: Mapping[str, tuple[str, bool]],
    place: tuple[int, ...],
) -> dict[str, Step]:
    """Make steps of nodes in topological order; `before` has the keys of steps that exist.

    Raises:
        Invalid: If a file that one names cannot be stamped.
    """
    found: dict[str, tuple[str, bool]] = dict(before)
    steps: dict[str, Step] = {}
    for index, (id_, node) in enumerate(nodes):
        spec = catalogue.specs[node.type]
        inputs = {name: _normal(item, spec.input(name)) for name, item in node.inputs.items()}
        try:
            key, fresh = found[id_] = keys.key(id_, spec, inputs, found)
        except NodeError as error:
            problem = Problem(error.code, error.message, error.hint, root_of(id_))
            raise Invalid([problem]) from error
        root, inner = root_of(id_), inner_of(id_)
        steps[id_] = Step(id_, root, inner, spec, inputs, key, fresh, (*place, index))
    return steps


def _normal(item: Input, spec: InputSpec | None) -> Input:
    return Literal(normal(item.value, spec)) if isinstance(item, Literal) and spec else item


def _unfit(flat: Flat, catalogue: Catalogue, used: Collection[str]) -> Iterable[Problem]:
    for id_ in used:
        node = flat.nodes[id_]
        if node.type not in catalogue.specs:
            yield Problem("node.unknown", f"There is no node `{node.type}`.", "", root_of(id_))
        for name, item in node.inputs.items():
            for link in links_of(item):
                source = flat.nodes.get(link.node)
                spec = catalogue.specs.get(source.type) if source is not None else None
                if source is None or (spec is not None and spec.output(link.output) is None):
                    message = f"`{name}` is wired to `{link.node}`, which does not give that."
                    yield Problem("link.output", message, "Wire it anew.", root_of(id_), name)


def _from_targets(
    sources: Mapping[str, list[str]], wanted: Iterable[str], used: set[str]
) -> Iterable[str]:
    # Targets first, so that the order finishes the branch of one before it starts the next.
    return dict.fromkeys(
        [*(id_ for id_ in wanted if id_ in used), *(i for i in sources if i in used)]
    )


def running(steps: Mapping[str, Step], targets: Iterable[str], known: Container[str]) -> set[str]:
    """Find what must run for the targets, as far as their inputs are not lazy and not known."""
    found: set[str] = set()
    pending = list(targets)
    while pending:
        step = steps[pending.pop()]
        if step.id in found or step.key in known:
            continue
        found.add(step.id)
        for item in step.spec.inputs:
            given = step.inputs.get(item.name)
            if given is not None and not item.lazy:
                pending.extend(link.node for link in links_of(given))
    return found
