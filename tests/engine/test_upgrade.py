"""Older files are brought up to date."""

from nodes.api import Drop, Fill, Rename, RenameOutput, Replace, catalogue_of, node
from nodes.api.catalogue import Catalogue
from server.engine.graph import Graph
from server.engine.upgrade import upgrade
from server.engine.validate import validate
from tests.engine.toys import as_node, save


@node(
    "Paint",
    upgrades=[
        Rename("col", "colour"),
        Drop("shine"),
        Fill("coats", 1),
        Replace("colour", "grey", "gray"),
        RenameOutput("result", "string"),
    ],
)
def paint(under: str, colour: str, coats: int = 2) -> str:
    """Paint.

    Args:
        under: What is below.
        colour: With what.
        coats: How often.
    """
    return f"{coats} {colour} on {under}"


CATALOGUE = Catalogue.from_json(catalogue_of(paint, save).to_json())


def old(**inputs: object) -> dict[str, object]:
    return {"type": "Paint", "version": 1, "inputs": {"under": "wood", **inputs}}


def test_inputs_outputs_and_the_form_follow_all_changes() -> None:
    data = {
        "format": 1,
        "nodes": {
            "p": old(col="grey", shine=3),
            "q": old(col={"link": ["p", "result"]}, coats=5),
            "s": as_node("Save", {"value": "@q.result"}),
        },
        "form": [{"node": "p", "input": "col"}],
    }
    graph = upgrade(Graph.from_json(data), CATALOGUE)
    assert validate(graph, CATALOGUE) == []
    result = graph.to_json()
    assert result["nodes"]["p"]["inputs"] == {"under": "wood", "colour": "gray", "coats": 1}
    assert result["nodes"]["q"]["inputs"] == {
        "under": "wood",
        "colour": {"link": ["p", "string"]},
        "coats": 5,
    }
    assert result["nodes"]["p"]["version"] == 6
    assert result["form"] == [{"node": "p", "input": "colour"}]


def test_nodes_in_subgraphs_follow_too() -> None:
    inner = {
        "inputs": [{"name": "c", "type": "String"}],
        "outputs": [{"name": "out", "type": "String", "from": ["p", "result"]}],
        "nodes": {"p": old(col={"input": "c"})},
    }
    data = {"format": 1, "nodes": {}, "subgraphs": {"k": inner}}
    definition = upgrade(Graph.from_json(data), CATALOGUE).subgraphs["k"].to_json()
    assert definition["nodes"]["p"]["inputs"]["colour"] == {"input": "c"}
    assert definition["outputs"][0]["from"] == ["p", "string"]


def test_a_node_of_today_stays_as_it_is() -> None:
    node_ = {"type": "Paint", "version": 6, "inputs": {"under": "x", "colour": "grey"}}
    graph = Graph.from_json({"format": 1, "nodes": {"p": node_}})
    assert upgrade(graph, CATALOGUE) == graph


def test_upgrading_twice_is_upgrading_once() -> None:
    graph = Graph.from_json({"format": 1, "nodes": {"p": old(col="grey")}})
    once = upgrade(graph, CATALOGUE)
    assert upgrade(once, CATALOGUE) == once
