"""What the values of a graph weigh at least, from the shapes that nodes declare."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nodes.api.catalogue import Catalogue
from nodes.api.shapes import evaluate_shape
from nodes.api.spec import NodeSpec
from server.engine.effective import Flat
from server.engine.graph import Link, Literal, Node
from server.engine.problems import Problem
from server.engine.values import named

BYTES = 4
"""Of a number: images, masks and latents are float32."""
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))
_ORDER = ("batch", "frames", "channels", "height", "width")


def overweight(
    flat: Flat, catalogue: Catalogue, order: Sequence[str], memory: int
) -> Iterator[tuple[str, Problem]]:
    """Find the nodes whose values cannot, or may not, fit into memory.

    A value counts with the dimensions that are known: what is refused could never fit. Only the
    first such nodes are told, not those that go on with what they make.

    Args:
        flat: The nodes that run.
        catalogue: What shapes they give.
        order: Their ids, sources first.
        memory: Bytes that the machine has.

    Yields:
        A node's id, and the problem without its place.
    """
    prices = _Prices(flat, catalogue)
    told: set[str] = set()
    for id_ in order:
        node = flat.nodes[id_]
        spec = catalogue.specs.get(node.type)
        if spec is None:
            continue
        made = prices.add(id_, node, spec)
        sources = {item.node for item in node.inputs.values() if isinstance(item, Link)}
        if sources & told:
            told.add(id_)
        elif made and max(made.values()) > memory:
            told.add(id_)
            heaviest = max(made, key=lambda name: made[name])
            yield id_, prices.too_heavy(id_, spec, heaviest, memory)
        elif made and sum(made.values()) + prices.taken(node) > memory:
            told.add(id_)
            yield id_, _heavy(spec, sum(made.values()) + prices.taken(node), memory)


@dataclass
class _Prices:
    flat: Flat
    catalogue: Catalogue
    shapes: dict[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)

    def add(self, id_: str, node: Node, spec: NodeSpec) -> dict[str, int]:
        """Work out what a node makes; return the bytes of each output whose shape is known."""
        numbers = {item.name: item.default for item in spec.inputs if not item.required}
        wired: dict[str, Mapping[str, int]] = {}
        for name, given in node.inputs.items():
            if isinstance(given, Literal):
                numbers[name] = given.value
            else:
                numbers.pop(name, None)
            if isinstance(given, Link) and (given.node, given.output) in self.shapes:
                wired[name] = self.shapes[given.node, given.output]
        for output in spec.outputs:
            shape = evaluate_shape(output.shape, numbers, wired)
            if shape and all(size >= 0 for size in shape.values()):
                self.shapes[id_, output.name] = shape
        return {
            output.name: _bytes(self.shapes[id_, output.name])
            for output in spec.outputs
            if (id_, output.name) in self.shapes
        }

    def taken(self, node: Node) -> int:
        """Count the bytes of what a node is given."""
        links = {item for item in node.inputs.values() if isinstance(item, Link)}
        shapes = (self.shapes.get((link.node, link.output)) for link in links)
        return sum(_bytes(shape) for shape in shapes if shape is not None)

    def too_heavy(self, id_: str, spec: NodeSpec, output: str, memory: int) -> Problem:
        """Say that an output cannot fit."""
        shape = self.shapes[id_, output]
        sizes = "×".join(str(shape[name]) for name in _ORDER if name in shape)
        kind = next(named(item.type) for item in spec.outputs if item.name == output)
        message = (
            f"{spec.title} makes {kind} of {sizes}, which needs about {amount(_bytes(shape))} "
            f"of memory; this machine has {amount(memory)}."
        )
        return Problem("graph.memory", message, _HINT)


_HINT = "Make the width, the height or the batch smaller."


def amount(nbytes: int) -> str:
    """Write a number of bytes in the unit that suits it: "412 GB"."""
    for size, unit in UNITS:
        if nbytes >= size:
            return f"{nbytes / size:.3g} {unit}"
    return f"{nbytes} bytes"


def _heavy(spec: NodeSpec, nbytes: int, memory: int) -> Problem:
    message = (
        f"{spec.title} needs about {amount(nbytes)} of memory for what it takes and makes; "
        f"this machine has {amount(memory)}."
    )
    return Problem("graph.memory", message, _HINT, severity="warning")


def _bytes(shape: Mapping[str, int]) -> int:
    return math.prod(shape.values()) * BYTES
