"""Keys: what changes them, and what does not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from nodes.api.catalogue import Catalogue
from server.engine.effective import effective
from server.engine.plan import make_plan
from server.engine.problems import Invalid
from server.engine.results import Results
from tests.engine.toys import CATALOGUE, STAMPS, Bench, graph, stamp

BASE = {"a": ("Add", {"a": 1}), "s": ("Save", {"value": "@a.int"})}


def keys(
    nodes: Mapping[str, Any], salt: str = "", catalogue: Catalogue = CATALOGUE, **sections: Any
) -> Mapping[str, str]:
    plan = make_plan(graph(nodes, **sections), catalogue, salt=salt, stamp=stamp)
    return plan.keys


def test_equal_graphs_have_equal_keys_whatever_the_names() -> None:
    other = {"z": ("Save", {"value": "@y.int"}), "y": ("Add", {"b": 0, "a": 1})}
    assert keys(BASE)["s"] == keys(other)["z"]


def test_the_server_makes_the_same_keys_from_the_catalogue_in_json() -> None:
    plain = Catalogue.from_json(CATALOGUE.to_json())
    assert keys(BASE, catalogue=plain) == keys(BASE)


def test_a_default_is_the_same_said_or_not() -> None:
    assert keys({"s": ("Save", {"value": 1})}) == keys(
        {"s": ("Save", {"value": 1, "prefix": "box"})}
    )


def test_a_float_is_the_same_with_and_without_its_point() -> None:
    one = keys({"h": ("Half", {"x": 8}), "s": ("Save", {"value": "@h.float"})})
    assert one == keys({"h": ("Half", {"x": 8.0}), "s": ("Save", {"value": "@h.float"})})


def test_at_an_input_of_any_type_one_and_true_differ() -> None:
    assert len({keys({"s": ("Save", {"value": value})})["s"] for value in (1, True, "1", 1.5)}) == 4


def test_a_change_upstream_changes_the_key() -> None:
    assert keys(BASE)["s"] != keys({**BASE, "a": ("Add", {"a": 2})})["s"]


def test_salt_and_source_of_the_node_change_the_key() -> None:
    assert keys(BASE)["s"] != keys(BASE, salt="cuda")["s"]
    own = replace(CATALOGUE.specs["Add"], code="abc")
    changed = replace(CATALOGUE, specs={**CATALOGUE.specs, "Add": own})
    assert keys(BASE)["s"] != keys(BASE, catalogue=changed)["s"]


def test_a_file_stands_with_its_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = {"l": ("Load", {"name": "a.box"}), "s": ("Save", {"value": "@l.box"})}
    before = keys(nodes)
    monkeypatch.setitem(STAMPS, "a.box", "2")
    assert keys(nodes)["s"] != before["s"]
    with pytest.raises(Invalid) as caught:
        keys({"l": ("Load", {"name": "gone.box"}), "s": ("Save", {"value": "@l.box"})})
    assert caught.value.problems[0].node == "l"


def test_a_changed_subgraph_changes_what_may_expand_to_it() -> None:
    nodes = {"g": ("Grow", {"value": 1}), "s": ("Save", {"value": "@g.value"})}
    first, second = {"title": "1", "nodes": {}}, {"title": "2", "nodes": {}}
    assert keys(nodes, subgraphs={"k": first})["s"] != keys(nodes, subgraphs={"k": second})["s"]
    assert keys(BASE, subgraphs={"k": first}) == keys(BASE, subgraphs={"k": second})


def test_a_plan_says_what_would_run() -> None:
    bench = Bench(results=Results(2**20))
    nodes = {
        "a": ("Add", {"a": 1}),
        "b": ("Add", {"a": "@a.int"}),
        "s": ("Save", {"value": "@b.int"}),
    }
    bench.run(graph(nodes))
    changed = {**nodes, "b": ("Add", {"a": "@a.int", "b": 7}), "idle": ("Add",)}
    plan = bench.plan(graph(changed))
    assert plan.to_json() == {
        "run": 2,
        "total": 3,
        "nodes": {"a": "cached", "b": "run", "s": "run"},
        "order": ["b", "s"],
        "cached": ["a"],
    }


def test_a_node_whose_saved_file_is_gone_is_planned_again() -> None:
    bench = Bench()
    wanted = graph(BASE)
    bench.run(wanted)
    assert bench.plan(wanted).order == ()
    bench.host.kept.clear()
    assert [step.id for step in bench.plan(wanted).order] == ["s"]
    bench.run(wanted)
    (told,) = (event.data for event in bench.events if event.type == "plan")
    assert (told["order"], told["cached"], told["total"]) == (["s"], ["a"], 1)
    assert bench.saved() == ["box:1.txt"]


def test_one_branch_is_finished_before_the_next_is_begun() -> None:
    nodes: dict[str, Any] = {}
    for branch in "xy":
        nodes[f"{branch}2"] = ("Add", {"a": f"@{branch}1.int"})
        nodes[f"{branch}1"] = ("Add", {"a": ord(branch)})
        nodes[f"{branch}s"] = ("Save", {"value": f"@{branch}2.int"})
    plan = make_plan(graph(nodes), CATALOGUE, salt="", stamp=stamp)
    assert [step.id for step in plan.order] == ["x1", "x2", "xs", "y1", "y2", "ys"]


def test_chains_of_ten_thousand_nodes_are_planned() -> None:
    nodes: dict[str, Any] = {"n0": ("Add",)}
    nodes |= {f"n{i}": ("Add", {"a": f"@n{i - 1}.int"}) for i in range(1, 10_000)}
    nodes["s"] = ("Save", {"value": "@n9999.int"})
    plan = make_plan(graph(nodes), CATALOGUE, salt="", stamp=stamp)
    assert len(plan.order) == 10_001


def test_the_effective_graph_has_neither_subgraphs_nor_modes() -> None:
    inner = {
        "outputs": [{"name": "y", "type": "Int", "from": ["a", "int"]}],
        "nodes": {"a": {"type": "Add"}},
    }
    flat = effective(
        graph(
            {
                "i": ("subgraph:k",),
                "u": ("Same", {"a": "@i.y"}, "bypass"),
                "m": ("Add", {}, "mute"),
                "s": ("Save", {"value": "@u.value"}),
            },
            subgraphs={"k": inner},
        ),
        CATALOGUE,
    )
    assert set(flat.nodes) == {"i:a", "s"}
    assert flat.nodes["s"].to_json()["inputs"] == {"value": {"link": ["i:a", "int"]}}
