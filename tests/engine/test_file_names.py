"""Values of inputs in the names of saved files."""

from typing import Any

import pytest

from nodes.api.catalogue import Catalogue
from server.engine.graph import Graph, Literal
from server.engine.plan import Plan, make_plan
from server.engine.validate import validate
from tests.engine.toys import CATALOGUE, as_node, stamp

PLAIN = Catalogue.from_json(CATALOGUE.to_json())
NODES: dict[str, Any] = {
    "box": {**as_node("MakeBox", {"content": "a/b: c", "seed": 7}), "title": "My box"},
    "half": as_node("Half", {"x": 8}),
    "add": as_node("Add", {"a": "@sum.int"}),
    "sum": as_node("Add"),
}


def named(prefix: str, **more: Any) -> Graph:
    saving = as_node("Save", {"value": "@box.box", "prefix": prefix})
    return Graph.from_json({"format": 1, "nodes": {**NODES, **more, "s": saving}})


def planned(prefix: str, **more: Any) -> Plan:
    return make_plan(named(prefix, **more), PLAIN, salt="", stamp=stamp)


@pytest.mark.parametrize(
    ("prefix", "written"),
    [
        ("%My box.seed%", "7"),
        ("%MakeBox.seed%_%box.kind%", "7_round"),
        ("x/%My box.content%", "x/a_b_ c"),
        (r"x\%My box.seed%", "x/7"),
        ("%Half.x%", "8"),
        ("%sum.b%", "0"),
        ("%add.a% %My box.sed% %Nobody.a% %width%", "%add.a% %My box.sed% %Nobody.a% %width%"),
        ("%date:yyyy.MM%", "%date:yyyy.MM%"),
    ],
)
def test_a_place_is_filled_with_the_value_of_an_input(prefix: str, written: str) -> None:
    assert planned(prefix).steps["s"].inputs["prefix"] == Literal(written)


def test_a_long_value_leaves_room_for_the_rest() -> None:
    long = {"box": as_node("MakeBox", {"content": "word " * 1000})}
    given = planned("%box.content%", **long).steps["s"].inputs["prefix"]
    assert isinstance(given, Literal)
    assert given.value == ("word " * 16).strip()


def test_the_name_that_comes_out_is_what_is_checked() -> None:
    (problem,) = validate(named("%box.content%", box=as_node("MakeBox", {"content": ""})), PLAIN)
    assert (problem.node, problem.input) == ("s", "prefix")
    assert problem.message == "`prefix` of Save: the name cannot be used: it is empty."
    assert validate(named("%My box.content%"), PLAIN) == []


def test_another_value_is_another_file() -> None:
    other = {"box": as_node("MakeBox", {"seed": 8})}
    assert planned("%Half.x%").keys["s"] != planned("%Half.x%", half=as_node("Half")).keys["s"]
    assert planned("%Half.x%").keys["s"] != planned("%Half.x%", **other).keys["s"]


def test_folders_before_a_file_may_be_written_as_on_windows() -> None:
    loads = as_node("Load", {"name": r"tin\small.box"})
    saves = as_node("Save", {"value": "@l.box"})
    graph = Graph.from_json({"format": 1, "nodes": {"l": loads, "s": saves}})
    assert validate(graph, PLAIN, lambda kind: ["tin/small.box"]) == []
    plan = make_plan(graph, PLAIN, salt="", stamp=lambda kind, name: f"{kind} {name}")
    assert plan.steps["l"].inputs["name"] == Literal("tin/small.box")
