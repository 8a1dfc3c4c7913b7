"""Logic nodes, called as functions and run in graphs."""

from collections.abc import Mapping
from typing import Any

import pytest

from nodes.api import catalogue_of
from nodes.errors import NodeError
from nodes.logic import (
    and_,
    choose_one,
    create_list,
    custom_combo,
    each_line,
    each_number,
    join_lines,
    not_,
    or_,
    primitive_boolean,
    primitive_float,
    primitive_int,
    primitive_string,
    primitive_string_multiline,
    repeat,
    seed_number,
    switch,
)
from server.engine.validate import validate
from tests.engine.toys import Bench, add, graph, make_box, save

CATALOGUE = catalogue_of(
    *(
        choose_one,
        create_list,
        each_line,
        each_number,
        join_lines,
        primitive_boolean,
        primitive_float,
    ),
    *(primitive_int, primitive_string, primitive_string_multiline, repeat, switch),
    *(add, make_box, save),
)


def saved(nodes: Mapping[str, Any], **sections: Any) -> list[str]:
    bench = Bench(catalogue=CATALOGUE)
    wanted = graph(nodes, **sections)
    assert validate(wanted, CATALOGUE) == []
    outcome = bench.run(wanted)
    assert outcome.problem is None
    return [name.removeprefix("box:").removesuffix(".txt") for name in bench.saved()]


def test_primitives_give_what_they_are_given() -> None:
    assert primitive_int(2**64 - 1) == 2**64 - 1
    assert primitive_float(0.5) == 0.5
    assert primitive_string("a") == primitive_string_multiline("a") == "a"
    assert primitive_boolean(True)
    assert seed_number(2**64 - 1) == 2**64 - 1


@pytest.mark.parametrize(
    ("values", "both", "one"),
    [([0, 3], False, True), (["", 0.0, False], False, False), ([1.0, True, "0"], True, True)],
)
def test_values_say_yes_or_no(values: list[object], both: bool, one: bool) -> None:
    assert (and_(values), or_(values)) == (both, one)
    assert not_(values[0]) is not bool(values[0])


def test_the_switch_computes_the_chosen_side_only() -> None:
    bench = Bench(catalogue=CATALOGUE)
    bench.run(
        graph(
            {
                "f": ("PrimitiveBoolean", {"value": True}),
                "a": ("MakeBox", {"content": "a"}),
                "b": ("MakeBox", {"content": "b"}),
                "x": (
                    "ComfySwitchNode",
                    {
                        "switch": "@f.boolean",
                        "on_false": "@a.box",
                        "on_true": "@b.box",
                    },
                ),
                "s": ("Save", {"value": "@x.value"}),
            }
        )
    )
    assert bench.ran == ["box b"]


def test_a_switch_at_an_empty_side_says_so() -> None:
    with pytest.raises(NodeError, match="`on_true`, where nothing is wired"):
        switch(True, on_false=lambda: 1)


def test_lines_and_numbers_come_one_by_one() -> None:
    assert each_line("a\n\n  b \n") == ["a", "b"]
    assert list(each_number(5, 3, -2)) == [5, 3, 1]
    assert list(each_number(5, 3, 0)) == [5, 5, 5]
    nodes = {
        "l": ("EachLine", {"text": "a\nb\nc"}),
        "j": ("JoinLines", {"texts": "@l.string", "delimiter": "+"}),
        "s": ("Save", {"value": "@j.string"}),
        "each": ("Save", {"value": "@l.string"}),
    }
    assert sorted(saved(nodes)) == ["a", "a+b+c", "b", "c"]


def test_wired_values_come_one_by_one() -> None:
    nodes = {
        "a": ("PrimitiveString", {"value": "one"}),
        "b": ("PrimitiveString", {"value": "two"}),
        "l": ("CreateList", {"inputs": ["@b.string", "@a.string"]}),
        "j": ("JoinLines", {"texts": "@l.value", "delimiter": "+"}),
        "s": ("Save", {"value": "@j.string"}),
        "each": ("Save", {"value": "@l.value"}),
    }
    assert sorted(saved(nodes)) == ["one", "two", "two+one"]


def test_one_of_several_is_chosen_by_its_place() -> None:
    assert choose_one(["a", "b", "c"], 1) == "b"
    assert choose_one(["a", "b", "c"], -1) == "c"
    with pytest.raises(NodeError, match="There are 3 values"):
        choose_one(["a", "b", "c"], 3)


BODY = {
    "inputs": [{"name": "value", "type": "Int"}],
    "outputs": [{"name": "value", "type": "Int", "from": ["a", "int"]}],
    "nodes": {"a": {"type": "Add", "inputs": {"a": {"input": "value"}, "b": {"input": "value"}}}},
}


@pytest.mark.parametrize(("times", "result"), [(0, "3"), (1, "6"), (10, "3072")])
def test_a_subgraph_is_repeated(times: int, result: str) -> None:
    nodes = {
        "r": ("Repeat", {"subgraph": "double", "value": 3, "times": times}),
        "s": ("Save", {"value": "@r.value"}),
    }
    assert saved(nodes, subgraphs={"double": BODY}) == [result]


def test_repeating_what_is_not_there_says_so() -> None:
    bench = Bench(catalogue=CATALOGUE)
    nodes = {"r": ("Repeat", {"subgraph": "x", "value": 3}), "s": ("Save", {"value": "@r.value"})}
    outcome = bench.run(graph(nodes))
    assert outcome.problem is not None
    assert "no subgraph `x`" in outcome.problem.message


def test_a_choice_is_told_with_its_place() -> None:
    assert custom_combo("b", 0, "a\nb\nc") == ("b", 1)
    assert custom_combo("b", 7) == ("b", 7)
    with pytest.raises(NodeError, match="'d' is none of the options"):
        custom_combo("d", 0, "a\nb")
