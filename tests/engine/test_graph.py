"""Reading and writing workflow files."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.engine.canonical import canonical_dumps, strict_loads
from server.engine.graph import Graph
from server.engine.problems import Invalid, Problem, without_paths
from server.engine.validate import validate
from tests.engine.toys import CATALOGUE, Bench

COMPLETE = (Path(__file__).parent / "complete_workflow.json").read_text(encoding="utf-8")


def problems_of(data: Any) -> dict[str, Problem]:
    with pytest.raises(Invalid) as caught:
        Graph.from_json(data)
    return {problem.code: problem for problem in caught.value.problems}


def test_the_complete_example_comes_back_byte_for_byte() -> None:
    graph = Graph.from_json(strict_loads(COMPLETE))
    assert canonical_dumps(graph.to_json()) == COMPLETE


def test_the_complete_example_is_sound_but_for_its_stranger_and_runs() -> None:
    graph = Graph.from_json(strict_loads(COMPLETE))
    (problem,) = validate(graph, CATALOGUE)
    assert (problem.code, problem.node, problem.severity) == ("node.unknown", "stranger", "warning")
    bench = Bench()
    assert bench.run(graph).state == "succeeded"
    assert sorted(bench.saved()) == [
        "object:{'an': 'object'}.txt",
        "sum:16.txt",
        "text:square a 18446744073709551615+round b 0.txt",
    ]


def test_order_of_keys_does_not_change_the_text() -> None:
    data = json.loads(COMPLETE)
    turned = dict(reversed(data.items()))
    turned["nodes"] = {id_: dict(reversed(n.items())) for id_, n in data["nodes"].items()}
    assert canonical_dumps(turned) == COMPLETE


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8.0, "8"),
        (0.1, "0.1"),
        (1e-5, "0.00001"),
        (1e-7, "1e-7"),
        (1e21, "1e+21"),
        (-0.0, "0"),
        (2**64 - 1, "18446744073709551615"),
        (True, "true"),
        ("é\u2028", '"é\u2028"'),
    ],
)
def test_numbers_and_texts_are_written_as_the_editor_writes_them(value: Any, text: str) -> None:
    assert canonical_dumps({"format": 1, "x": [[value]]}).split("[")[-1].split("]")[0] == text


def test_every_problem_of_form_is_told_at_once_and_in_its_place() -> None:
    found = problems_of(
        {
            "format": 1,
            "nodes": {
                "bad id": {"type": "Add"},
                "a": {"version": 0, "mode": "asleep", "inputs": {"x": {"q": 1}}},
                "b": {"type": "Add", "inputs": {"a": {"link": ["z"]}, "b": {"input": "p"}}},
            },
        }
    )
    assert set(found) == {
        *("node.id", "node.type", "node.version", "node.mode", "input.form"),
        *("link.form", "input.reference"),
    }
    assert (found["link.form"].node, found["link.form"].input) == ("b", "a")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ([], "graph.format"),
        ({"format": 2, "nodes": {}}, "graph.format"),
        ({"format": 1}, "graph.format"),
        ({"format": 1, "nodes": {"a": {"type": "Add", "inputs": {"a": 2**64}}}}, "value.number"),
        (
            {"format": 1, "nodes": {"a": {"type": "A", "inputs": {"a": float("nan")}}}},
            "value.number",
        ),
        ({"format": 1, "nodes": {}, "note": "x" * 1_000_001}, "graph.too_long"),
        (
            {"format": 1, "nodes": {str(i): {"type": "Add"} for i in range(20_001)}},
            "graph.too_large",
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused(data: Any, code: str) -> None:
    assert code in problems_of(data)


def test_depth_is_limited_without_recursion() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert "graph.too_deep" in problems_of({"format": 1, "nodes": {}, "deep": deep})


@pytest.mark.parametrize("text", ["{", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 100_000])
def test_only_strict_json_is_read(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        strict_loads(text)
    assert caught.value.problems[0].code == "json.syntax"


def test_a_problem_comes_back_from_json() -> None:
    problem = Problem("a.b", "It is.", "Mend it.", "n", "i", "warning", ("x", "y"))
    assert Problem.from_json(json.loads(json.dumps(problem.to_json()))) == problem


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No such file: '/home/me/x.txt'", "No such file: 'x.txt'"),
        (r"C:\Users\me\x.txt is gone", "x.txt is gone"),
        ("half of 1/2 at https://example.org/a", "half of 1/2 at https://example.org/a"),
    ],
)
def test_absolute_paths_are_shortened(text: str, shown: str) -> None:
    assert without_paths(text) == shown
