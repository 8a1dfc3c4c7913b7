"""Bring the nodes of older files to the versions that the catalogue has."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nodes.api.catalogue import Catalogue
from nodes.api.upgrades import Change, Rename
from server.engine.graph import Graph, Input, Link, Links, Literal, Node, SubgraphDef

Changes = Mapping[str, Sequence[Change]]


def upgrade(graph: Graph, catalogue: Catalogue) -> Graph:
    """Apply to every node the changes since its version; unknown and newer nodes stay as they are.

    Wires to outputs that were renamed, and the inputs that the form shows, follow.
    """
    nodes, changes = _nodes(graph.nodes, catalogue)
    subgraphs = {key: _subgraph(item, catalogue) for key, item in graph.subgraphs.items()}
    rest = graph.rest
    if isinstance(rest.get("form"), list) and changes:
        rest = {**rest, "form": [_form_item(item, changes) for item in rest["form"]]}
    return Graph(nodes, subgraphs, rest)


def _subgraph(definition: SubgraphDef, catalogue: Catalogue) -> SubgraphDef:
    nodes, changes = _nodes(definition.nodes, catalogue)
    outputs = tuple(
        replace(output, source=_link(output.source, changes)) for output in definition.outputs
    )
    return replace(definition, nodes=nodes, outputs=outputs)


def _nodes(nodes: Mapping[str, Node], catalogue: Catalogue) -> tuple[Mapping[str, Node], Changes]:
    changes: dict[str, Sequence[Change]] = {}
    for id_, node in nodes.items():
        spec = catalogue.specs.get(node.type)
        if spec is not None and node.version < spec.version:
            changes[id_] = spec.upgrades[node.version - 1 :]
    if not changes:
        return nodes, changes
    return {id_: _node(node, changes.get(id_, ()), changes) for id_, node in nodes.items()}, changes


def _node(node: Node, own: Sequence[Change], changes: Changes) -> Node:
    inputs = {name: _input(item, changes) for name, item in node.inputs.items()}
    raw: dict[str, Any] = {name: item.to_json() for name, item in inputs.items()}
    objects = {id(raw[name]): item for name, item in inputs.items() if isinstance(raw[name], dict)}
    for change in own:
        raw = change.inputs(raw)
    if own:
        inputs = {name: objects.get(id(item)) or Literal(item) for name, item in raw.items()}
    return replace(node, inputs=inputs, version=node.version + len(own))


def _input(item: Input, changes: Changes) -> Input:
    if isinstance(item, Link):
        return _link(item, changes)
    if isinstance(item, Links):
        return Links(tuple(_link(link, changes) for link in item.links))
    return item


def _link(link: Link, changes: Changes) -> Link:
    output = link.output
    for change in changes.get(link.node, ()):
        output = change.output(output)
    return Link(link.node, output)


def _form_item(item: Any, changes: Changes) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get("node"), str):
        return item
    for change in changes.get(item["node"], ()):
        if isinstance(change, Rename) and item.get("input") == change.old:
            item = {**item, "input": change.new}
    return item
