"""Steps from the nodes that a running node returned in place of values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nodes.api.catalogue import Catalogue
from nodes.api.subgraph import Out, Subgraph
from nodes.errors import NodeError
from server.engine.effective import flatten_nodes
from server.engine.graph import SUBGRAPH, Input, Link, Links, Literal, Node
from server.engine.order import links_of, sources_of, topological
from server.engine.plan import Passed, Plan, Step, digest, make_steps
from server.engine.values import check_value

PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Expansion:
    """Steps that stand in for one run of a step.

    Attributes:
        steps: In order.
        outputs: For each output of the step, a wire or a value.
    """

    steps: Mapping[str, Step]
    outputs: Mapping[str, Any]

    @property
    def ends(self) -> list[str]:
        """Name the steps that must run: those that give outputs, and sinks."""
        links = (source.node for source in self.outputs.values() if isinstance(source, Link))
        sinks = (id_ for id_, step in self.steps.items() if step.spec.sink)
        return list(dict.fromkeys([*links, *sinks]))


@dataclass(frozen=True)
class Caller:
    """The run of a step that returned a subgraph.

    Attributes:
        step: Which.
        given: Its arguments.
        element: Which element of the sequences that it takes it ran for; None if it takes none.
        steps: All that there are, by id.
    """

    step: Step
    given: Mapping[str, Any]
    element: int | None
    steps: Mapping[str, Step]

    def key(self, value: Any, node: str, name: str) -> str:
        """Name a value that it put into its subgraph as the input `name` of `node`.

        A value that a wire brought is named by that wire: what it leads to is found again by
        another run that differs elsewhere.
        """
        for given, argument in self.given.items():
            source = self.step.inputs.get(given)
            if isinstance(source, Literal):
                if isinstance(source.value, Passed) and source.value.value is value:
                    return source.value.key
            elif source is not None:
                brought = argument if isinstance(source, Links) else (argument,)
                for link, one in zip(links_of(source), brought, strict=True):
                    if one is value and link.node in self.steps:
                        return digest([self.steps[link.node].key, link.output, self.element])
        return digest([self.step.key, self.element, node, name])


def expand(
    caller: Caller, subgraph: Subgraph, plan: Plan, catalogue: Catalogue, number: int
) -> Expansion:
    """Make the steps of an expansion.

    Args:
        caller: What returned it.
        subgraph: What it returned.
        plan: For its saved subgraphs and keys.
        catalogue: What nodes there are.
        number: Tells this expansion from every other of the run.

    Raises:
        NodeError: If the subgraph is not sound.
    """
    step = caller.step
    prefix = f"{step.id.partition('.')[0]}.{number}."
    nodes = {
        name: _node(caller, name, inner.type, inner.inputs, catalogue)
        for name, inner in subgraph.nodes.items()
    }
    flat = flatten_nodes(nodes, plan.subgraphs, catalogue, prefix)
    for problem in flat.problems:
        raise _unsound(step, problem.message)
    sources = sources_of(flat.nodes)
    order = topological(sources)
    if len(order) < len(sources):
        raise _unsound(step, "its wires run in a circle.")
    for id_, node in flat.nodes.items():
        _check(step, id_, node, flat.nodes, catalogue)
    # Numbers are negated: the newest expansion runs first, so that one branch ends before the next.
    place = (step.place[0], -number)
    ordered = [(id_, flat.nodes[id_]) for id_ in order]
    steps = make_steps(ordered, catalogue, plan.keymaker, {}, place)
    outputs: dict[str, Any] = {}
    for output in step.spec.outputs:
        if output.name not in subgraph.outputs:
            raise _unsound(step, f"it does not say where `{output.name}` comes from.")
        source = subgraph.outputs[output.name]
        if isinstance(source, Out):
            end = flat.resolve(Link(prefix + source.node, source.output))
            if isinstance(end, str) or end.node not in steps:
                raise _unsound(step, f"`{output.name}` comes from a node that is not there.")
            if steps[end.node].spec.output(end.output) is None:
                raise _unsound(step, f"`{output.name}` comes from an output that is not there.")
            source = end
        outputs[output.name] = source
    return Expansion(steps, outputs)


def _node(
    caller: Caller, name: str, type_: str, given: Mapping[str, Any], catalogue: Catalogue
) -> Node:
    spec = catalogue.specs.get(type_)
    if spec is None and not type_.startswith(SUBGRAPH):
        raise _unsound(caller.step, f"there is no node `{type_}`.")
    inputs = {key: _input(caller, name, key, value) for key, value in given.items()}
    return Node(type_, spec.version if spec is not None else 1, inputs)


def _input(caller: Caller, node: str, name: str, value: Any) -> Input:
    if isinstance(value, Out):
        return Link(value.node, value.output)
    if isinstance(value, list | tuple) and value and all(isinstance(x, Out) for x in value):
        return Links(tuple(Link(x.node, x.output) for x in value))
    if type(value) in PLAIN:
        return Literal(value)
    if isinstance(value, list) and all(type(item) in PLAIN for item in value):
        return Literal(value)
    return Literal(Passed(value, caller.key(value, node, name)))


def _check(
    step: Step, id_: str, node: Node, nodes: Mapping[str, Node], catalogue: Catalogue
) -> None:
    spec = catalogue.specs.get(node.type)
    if spec is None:
        raise _unsound(step, f"there is no node `{node.type}`.")
    for name in node.inputs:
        if spec.input(name) is None:
            raise _unsound(step, f"{spec.title} has no input `{name}`.")
    for item in spec.inputs:
        given = node.inputs.get(item.name)
        if given is None and item.required:
            raise _unsound(step, f"{spec.title} needs `{item.name}`.")
        if isinstance(given, Literal) and not isinstance(given.value, Passed):
            problem = check_value(given.value, item, spec.title)
            if problem is not None:
                raise _unsound(step, replace(problem, node=id_).message)
        for link in (given,) if isinstance(given, Link) else ():
            source = nodes.get(link.node)
            giver = catalogue.specs.get(source.type) if source is not None else None
            if giver is None or giver.output(link.output) is None:
                raise _unsound(step, f"`{item.name}` of {spec.title} is wired to nothing.")


def _unsound(step: Step, what: str) -> NodeError:
    message = f"{step.spec.title} made a subgraph that cannot run: {what}"
    return NodeError(message, "This is a mistake in the node.", code="node.subgraph")
