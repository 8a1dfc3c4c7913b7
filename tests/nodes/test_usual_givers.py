"""Types of wires name the node that mostly gives them, and hints say it."""

from nodes.api.catalogue import Catalogue, load
from server.engine.graph import Graph
from server.engine.validate import validate

CATALOGUE = load(("nodes",), ())


def test_the_usual_node_of_a_type_gives_that_type() -> None:
    named = {wire.name: wire.usual for wire in CATALOGUE.types.values() if wire.usual}
    assert named
    for kind, node in named.items():
        assert kind in {output.type for output in CATALOGUE.specs[node].outputs}, kind


def test_a_missing_wire_is_told_with_the_usual_node() -> None:
    told = Catalogue.from_json(CATALOGUE.to_json())
    nodes = {"sampler": {"type": "KSampler", "version": 1, "inputs": {}}}
    graph = Graph.from_json({"format": 1, "nodes": nodes})
    hints = {problem.input: problem.hint for problem in validate(graph, told)}
    assert "such as EmptyLatentImage" in hints["latent_image"]
    assert "such as CheckpointLoaderSimple" in hints["model"]
