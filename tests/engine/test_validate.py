"""What validation finds: everything, each thing in its place, with what to do."""

from collections.abc import Mapping
from typing import Any

import pytest

from nodes.api.catalogue import Catalogue
from server.engine.graph import Graph
from server.engine.problems import Problem
from server.engine.validate import validate
from tests.engine.toys import CATALOGUE, graph

# What the server has: the catalogue as it crosses from a worker, without functions.
PLAIN = Catalogue.from_json(CATALOGUE.to_json())


def check(nodes: Mapping[str, Any], **sections: Any) -> list[Problem]:
    return validate(graph(nodes, **sections), PLAIN, lambda kind: ["a.box", "b.box"])


def the_only(nodes: Mapping[str, Any], **sections: Any) -> Problem:
    (problem,) = check(nodes, **sections)
    return problem


def test_a_sound_graph_has_no_problems() -> None:
    assert check({"a": ("Add", {"a": 1}), "s": ("Save", {"value": "@a.int"})}) == []


CASES: list[tuple[tuple[str, dict[str, Any]], str, str, str]] = [
    (("Ad", {}), "node.unknown", "There is no node `Ad`.", "Did you mean 'Add'?"),
    (("Add", {"aa": 1}), "input.unknown", "Add has no input `aa`.", "Did you mean 'a'?"),
    (
        ("Add", {"a": "x"}),
        "value.type",
        "`a` of Add takes a whole number, not 'x'.",
        "Give a whole number.",
    ),
    (
        ("Add", {"a": True}),
        "value.type",
        "`a` of Add takes a whole number, not 'True'.",
        "Give a whole number.",
    ),
    (
        ("Add", {"a": 1.5}),
        "value.type",
        "`a` of Add takes a whole number, not '1.5'.",
        "Give a whole number.",
    ),
    (("Half", {"x": 101}), "value.range", "`x` of Half: 101.0 is not between 0 and 100.", ""),
    (
        ("MakeBox", {"kind": "rond"}),
        "value.choice",
        "`kind` of Make a box: 'rond' is not a choice.",
        "Did you mean 'round'?",
    ),
    (
        ("MakeBox", {"seed": -1}),
        "value.seed",
        "`seed` of Make a box: -1 is not between 0 and 2^64 - 1.",
        "",
    ),
    (
        ("Load", {"name": "a.bx"}),
        "file.missing",
        "`name` of Load: there is no file 'a.bx' in boxes.",
        "Did you mean 'a.box'?",
    ),
    (
        ("Load", {"name": "../a.box"}),
        "value.file",
        "`name` of Load: The name leads out of its folder.",
        "",
    ),
    (
        ("Save", {"value": 1, "prefix": "../../etc/x"}),
        "value.file_name",
        "`prefix` of Save: the name cannot be used: a part of it is empty or points elsewhere.",
        "Use a name such as portraits/anna, with / between folders only.",
    ),
    (("Load", {}), "input.missing", "Load needs `name`.", "Give a text."),
    (
        ("ToolOf", {"box": 3}),
        "input.socket",
        "`box` of Tool of takes a wire, not a value.",
        "Wire it to an output that gives a Box.",
    ),
    (
        ("ToolOf", {}),
        "input.missing",
        "Tool of needs `box`.",
        "Wire it to a node that gives a Box, such as Load.",
    ),
    (
        ("ToolOf", {"box": "@good.int"}),
        "link.type",
        "`box` of Tool of takes a Box, but `int` of Add is a whole number.",
        "Wire it to another output.",
    ),
    (
        ("Add", {"a": "@god.int"}),
        "link.node",
        "`a` of Add is wired to `god`, which is not there.",
        "Did you mean 'good'?",
    ),
    (
        ("Add", {"a": "@good.number"}),
        "link.output",
        "`a` of Add is wired to `number` of `good`, which has no such output.",
        "It has `int`.",
    ),
    (
        ("Gather", {"boxes": "@box.box"}),
        "link.list",
        "`boxes` of Gather takes a list of wires.",
        'Write {"links": […]}.',
    ),
    (
        ("ToolOf", {"box": ["@box.box"]}),
        "link.many",
        "`box` of Tool of takes one wire only.",
        'Write {"link": […]}.',
    ),
]


@pytest.mark.parametrize(("node", "code", "message", "hint"), CASES)
def test_a_mistake_is_told_with_what_to_do(
    node: tuple[str, dict[str, Any]], code: str, message: str, hint: str
) -> None:
    problems = check({"good": ("Add",), "box": ("MakeBox",), "n": node})
    (problem,) = [found for found in problems if found.node == "n"]
    assert (problem.code, problem.message, problem.hint) == (code, message, hint)


def test_all_problems_come_at_once() -> None:
    problems = check(
        {
            "a": ("Add", {"a": "x", "c": 1}),
            "b": ("Nope",),
            "h": ("Half", {"x": "@a.none"}),
            "s": ("Save", {"value": "@h.float"}),
        }
    )
    assert [(p.node, p.input, p.code) for p in problems] == [
        ("a", "c", "input.unknown"),
        ("a", "a", "value.type"),
        ("b", None, "node.unknown"),
        ("h", "x", "link.output"),
    ]


def test_a_bridge_between_two_types_is_suggested() -> None:
    problem = the_only(
        {
            "b": ("MakeBox",),
            "f": ("Add",),
            "g": ("Unpack", {"box": "@f.int"}),
            "s": ("Save", {"value": "@g.tool"}),
            "t": ("Save", {"value": "@b.box"}),
        }
    )
    assert problem.code == "link.type"
    box_as_tool = the_only(
        {
            "b": ("MakeBox",),
            "t": ("ToolOf", {"box": "@b.box"}),
            "x": ("Same", {"a": "@t.tool", "b": "@b.box"}),
            "s": ("Save", {"value": "@x.value"}),
        }
    )
    assert box_as_tool.hint == "Put ToolOf between them."


def test_what_no_result_needs_is_a_warning() -> None:
    problem = the_only({"a": ("Add",), "s": ("Save", {"value": "@a.int"}), "x": ("Nope",)})
    assert (problem.node, problem.severity) == ("x", "warning")


def test_a_graph_without_a_result_is_a_problem() -> None:
    assert the_only({"a": ("Add",)}).code == "graph.no_result"
    assert check({"a": ("Add",)}) != validate(graph({"a": ("Add",)}), PLAIN, targets=["a"]) == []


def test_an_int_fits_a_float_but_not_the_other_way() -> None:
    assert (
        check({"a": ("Add",), "h": ("Half", {"x": "@a.int"}), "s": ("Save", {"value": "@h.float"})})
        == []
    )
    problem = the_only(
        {"h": ("Half",), "a": ("Add", {"a": "@h.float"}), "s": ("Save", {"value": "@a.int"})}
    )
    assert problem.code == "link.type"


def test_type_variables_agree_along_a_chain() -> None:
    problem = the_only(
        {
            "b": ("MakeBox",),
            "x": ("Switch", {"flag": True, "yes": "@b.box"}),
            "y": ("Switch", {"flag": True, "yes": "@x.value"}),
            "a": ("Add", {"a": "@y.value"}),
            "s": ("Save", {"value": "@a.int"}),
        }
    )
    assert (problem.node, problem.code) == ("a", "link.type")
    assert "takes a whole number, but `value` of Switch is a Box" in problem.message


def test_the_shortest_circle_is_shown() -> None:
    nodes: dict[str, Any] = {f"n{i}": ("Add", {"a": f"@n{(i + 1) % 6}.int"}) for i in range(6)}
    nodes["n3"] = ("Add", {"a": "@n4.int", "b": "@n1.int"})
    nodes["s"] = ("Save", {"value": "@n0.int"})
    problem = the_only(nodes)
    assert problem.code == "graph.cycle"
    assert set(problem.related) == {"n1", "n2", "n3"}
    assert problem.message.count("→") == 3


def test_a_node_wired_to_itself_is_a_circle() -> None:
    problem = the_only({"a": ("Add", {"a": "@a.int"}), "s": ("Save", {"value": "@a.int"})})
    assert problem.message == "The wires run in a circle: `a` → `a`."


def test_circles_of_thousands_of_nodes_are_found() -> None:
    nodes: dict[str, Any] = {
        f"n{i}": ("Add", {"a": f"@n{(i + 1) % 5000}.int"}) for i in range(5000)
    }
    nodes["s"] = ("Save", {"value": "@n0.int"})
    assert len(the_only(nodes).related) == 5000


def test_a_muted_source_is_named() -> None:
    problem = the_only(
        {
            "b": ("MakeBox", {}, "mute"),
            "t": ("ToolOf", {"box": "@b.box"}),
            "s": ("Save", {"value": "@t.tool"}),
        }
    )
    assert problem.message == "Tool of needs `box`, but `b` is muted."


def test_a_bypassed_node_hands_on_the_input_of_the_name_or_says_what_it_lacks() -> None:
    nodes = {
        "b": ("MakeBox",),
        "u": ("Unpack", {"box": "@b.box"}, "bypass"),
        "t": ("ToolOf", {"box": "@u.box"}),
        "s": ("Save", {"value": "@t.tool"}),
    }
    assert check(nodes) == []
    problem = the_only({**nodes, "s": ("Save", {"value": "@u.tool"}), "t": ("Add",)})
    assert "is bypassed, and none of its wired inputs fits `tool`" in problem.message


def test_bypassed_nodes_in_a_circle_end() -> None:
    problem = the_only(
        {
            "x": ("Same", {"a": "@y.value"}, "bypass"),
            "y": ("Same", {"a": "@x.value"}, "bypass"),
            "s": ("Save", {"value": "@x.value"}),
        }
    )
    assert "circle" in problem.message


INNER = {
    "title": "Inner",
    "inputs": [{"name": "x", "type": "Int"}],
    "outputs": [{"name": "y", "type": "Int", "from": ["a", "int"]}],
    "nodes": {"a": {"type": "Add", "inputs": {"a": {"input": "x"}, "b": "wrong"}}},
}


def test_a_problem_within_a_subgraph_is_on_the_instance() -> None:
    problem = the_only(
        {"i": ("subgraph:k", {"x": 1}), "s": ("Save", {"value": "@i.y"})}, subgraphs={"k": INNER}
    )
    assert problem.node == "i"
    assert problem.message.startswith("In `a`: `b` of Add")


def test_unknown_and_endless_subgraphs_are_problems() -> None:
    endless = {**INNER, "nodes": {"a": {"type": "subgraph:k"}}}
    codes = {
        problem.code
        for problem in check(
            {"i": ("subgraph:kk",), "j": ("subgraph:k", {"z": 1})}, subgraphs={"k": endless}
        )
    }
    assert {"subgraph.unknown", "subgraph.recursion", "input.unknown"} <= codes


def test_subgraphs_that_multiply_are_stopped() -> None:
    subgraphs = {
        f"k{level}": {"nodes": {str(i): {"type": f"subgraph:k{level + 1}"} for i in range(10)}}
        for level in range(10)
    }
    subgraphs["k10"] = {"nodes": {"a": {"type": "Add"}}}
    found = Graph.from_json(
        {"format": 1, "nodes": {"i": {"type": "subgraph:k0"}}, "subgraphs": subgraphs}
    )
    assert "graph.too_large" in {problem.code for problem in validate(found, PLAIN)}


def test_a_newer_node_than_ours_is_a_problem() -> None:
    data = {"format": 1, "nodes": {"s": {"type": "Save", "version": 9, "inputs": {"value": 1}}}}
    (problem,) = validate(Graph.from_json(data), PLAIN)
    assert problem.code == "node.version"
