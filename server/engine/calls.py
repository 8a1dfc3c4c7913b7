"""Calling a node: its arguments from values and wires, its results as named outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.api.spec import ANY, WIDGET_TYPES, InputSpec, NodeSpec, OutputSpec
from nodes.api.subgraph import Subgraph
from nodes.errors import NodeError
from server.engine.graph import Link, Links, Literal
from server.engine.plan import Passed, Step
from server.engine.result import Many, items_of
from server.engine.values import fits, named, normal, type_of

Values = Callable[[Link], Any]


class Wanted(BaseException):
    """A lazy input was called whose source has not run yet."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.node = node


class Empty(BaseException):
    """A lazy input turned out to be a sequence without elements."""


@dataclass
class Runs:
    """How often a step runs: once for each element of the sequences that it takes.

    Attributes:
        count: How often, as far as is known: lazy inputs may add to it.
        mapped: Whether an input is a sequence, so that the outputs are.
    """

    count: int
    mapped: bool


def count_runs(step: Step, values: Values) -> Runs:
    """Find how often a step runs from the inputs that are there."""
    lengths: list[int] = []
    for item in step.spec.inputs:
        given = step.inputs.get(item.name)
        if item.whole or item.lazy or given is None:
            continue
        links = given.links if isinstance(given, Links) else (given,)
        found = (values(link) for link in links if isinstance(link, Link))
        lengths.extend(len(value.items) for value in found if isinstance(value, Many))
    if 0 in lengths:
        return Runs(0, True)
    return Runs(max(lengths, default=1), bool(lengths))


def arguments(step: Step, values: Values, index: int, runs: Runs) -> dict[str, Any]:
    """Give the arguments of one run.

    Raises:
        NodeError: If what a wire brings does not fit.
    """
    found: dict[str, Any] = {}
    for item in step.spec.inputs:
        given = step.inputs.get(item.name)
        if isinstance(given, Literal):
            value = given.value.value if isinstance(given.value, Passed) else given.value
            if value is None and item.required:
                raise _nothing(step.spec, item)
            found[item.name] = _constant(value) if item.lazy and value is not None else value
        elif isinstance(given, Link) and item.lazy:
            found[item.name] = _lazily(step.spec, item, given, values, index, runs)
        elif isinstance(given, Link) and item.whole:
            brought = values(given)
            found[item.name] = tuple(_fitting(part, item, step.spec) for part in items_of(brought))
        elif isinstance(given, Link):
            found[item.name] = _fitting(_element(values(given), index), item, step.spec)
        elif isinstance(given, Links):
            found[item.name] = [
                _fitting(_element(values(link), index), item, step.spec) for link in given.links
            ]
    return found


def outputs(spec: NodeSpec, returned: Any) -> dict[str, Any]:
    """Name what a function returned; a sequence of `Each` becomes `Many`.

    Raises:
        NodeError: If it is not what the function declares.
    """
    if not spec.outputs:
        return {}
    parts = (returned,) if len(spec.outputs) == 1 and not _named(returned, spec) else returned
    if not isinstance(parts, tuple) or len(parts) != len(spec.outputs):
        raise NodeError(
            f"{spec.title} returned something else than its {len(spec.outputs)} outputs.",
            "This is a mistake in the node.",
            code="node.output",
        )
    return {
        output.name: _output(value, output, spec)
        for output, value in zip(spec.outputs, parts, strict=True)
    }


def joined(runs: list[Mapping[str, Any]], spec: NodeSpec, mapped: bool) -> dict[str, Any]:
    """Put the outputs of all runs of a step together."""
    if not mapped and len(runs) == 1:
        return dict(runs[0])
    found: dict[str, Any] = {}
    for output in spec.outputs:
        items: list[Any] = []
        for run in runs:
            value = run[output.name]
            items.extend(items_of(value))
        found[output.name] = Many(tuple(items))
    return found


def is_expansion(returned: Any) -> bool:
    """Tell whether a function returned nodes in place of values."""
    return isinstance(returned, Subgraph)


def _named(returned: Any, spec: NodeSpec) -> bool:
    fields = getattr(returned, "_fields", None)
    return fields == tuple(output.name for output in spec.outputs)


def _output(value: Any, output: OutputSpec, spec: NodeSpec) -> Any:
    if output.each:
        return Many(tuple(_typed(item, output, spec) for item in value))
    return _typed(value, output, spec)


def _typed(value: Any, output: OutputSpec, spec: NodeSpec) -> Any:
    if output.generic or output.type == ANY or (value is None and output.optional):
        return value
    if output.type == "Float" and type(value) is int:
        return float(value)
    kind = type_of(value) if output.type in WIDGET_TYPES else type(value).__name__
    if kind != output.type:
        got = "nothing" if value is None else named(type(value).__name__)
        raise NodeError(
            f"{spec.title} gave {got} for `{output.name}`, which is {named(output.type)}.",
            "This is a mistake in the node.",
            code="node.output",
        )
    return value


def _element(value: Any, index: int) -> Any:
    return value.items[min(index, len(value.items) - 1)] if isinstance(value, Many) else value


def _fitting(value: Any, item: InputSpec, spec: NodeSpec) -> Any:
    if value is None:
        if item.default is None or item.type == ANY or item.generic:
            return None
        raise _nothing(spec, item)
    if item.type == ANY or item.generic:
        return value
    kind = type_of(value) if item.type in WIDGET_TYPES else type(value).__name__
    if not fits(kind, item.type) or kind == ANY:
        raise NodeError(
            f"`{item.name}` of {spec.title} takes {named(item.type)}, "
            f"but the wire brought {named(type(value).__name__)}.",
            "Wire it to another output.",
            code="link.type",
        )
    value = normal(value, item)
    wrong = item.marker.check(value) if item.marker is not None else None
    if wrong is not None:
        message = f"`{item.name}` of {spec.title}, by its wire: {wrong}"
        raise NodeError(message, "Change what the wire brings.", code="value.wired")
    return value


def _nothing(spec: NodeSpec, item: InputSpec) -> NodeError:
    return NodeError(
        f"{spec.title} needs `{item.name}`, but the wire brought nothing.",
        "The node that it is wired to has no such thing to give; wire it to another.",
        code="input.empty",
    )


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _lazily(
    spec: NodeSpec, item: InputSpec, link: Link, values: Values, index: int, runs: Runs
) -> Callable[[], Any]:
    def compute() -> Any:
        value = values(link)
        if isinstance(value, Many):
            if not value.items:
                raise Empty
            runs.mapped = True
            runs.count = max(runs.count, len(value.items))
        return _fitting(_element(value, index), item, spec)

    return compute
