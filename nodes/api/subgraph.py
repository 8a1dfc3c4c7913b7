"""What a node returns to put further nodes into the plan: loops and branches are built on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Out:
    """One output of a node within a subgraph."""

    node: str
    output: str


@dataclass(frozen=True)
class InnerNode:
    """A node of a subgraph: its inputs are values, `Out`s, or lists of `Out`s."""

    type: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Subgraph:
    """Nodes to run in place of the node that returned them.

    Attributes:
        nodes: By an id of their own.
        outputs: For each output of the node, where it comes from, or a value.
    """

    nodes: Mapping[str, InnerNode]
    outputs: Mapping[str, Any]


@dataclass
class SubgraphBuilder:
    """Builds a subgraph node by node.

    ```python
    build = SubgraphBuilder()
    total = build.node("Add", a=1, b=2)
    return build.subgraph(int=total.out("int"))
    ```
    """

    nodes: dict[str, InnerNode] = field(default_factory=dict)

    def node(self, type: str, id: str = "", **inputs: Any) -> "Handle":  # noqa: A002
        """Add a node.

        Args:
            type: Its type's id.
            id: Its own; the next number if empty.
            **inputs: Values, outputs of other nodes (`Out`), or lists of outputs.

        Raises:
            ValueError: If the id is taken.
        """
        name = id or str(len(self.nodes) + 1)
        if name in self.nodes:
            raise ValueError(f"The subgraph has a node {name!r} already.")
        self.nodes[name] = InnerNode(type, inputs)
        return Handle(name)

    def subgraph(self, **outputs: Any) -> Subgraph:
        """Finish, saying where each output of the expanded node comes from."""
        return Subgraph(dict(self.nodes), outputs)


@dataclass(frozen=True)
class Handle:
    """A node that was added to a builder."""

    id: str

    def out(self, name: str) -> Out:
        """Refer to one of its outputs."""
        return Out(self.id, name)
