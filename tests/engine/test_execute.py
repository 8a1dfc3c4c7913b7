"""Running plans: what runs, in what order, what is told, and how runs end."""

import threading
import time
from pathlib import Path

import pytest

from nodes.api import catalogue_of, node
from server.engine.problems import Invalid
from server.engine.results import Results
from tests.engine.toys import CATALOGUE, Bench, ToyHost, dice, graph, save


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_values_flow_along_wires(bench: Bench) -> None:
    outcome = bench.run(
        graph(
            {
                "a": ("Add", {"a": 1, "b": 2}),
                "h": ("Half", {"x": "@a.int"}),
                "s": ("Save", {"value": "@h.float"}),
            }
        )
    )
    assert outcome.state == "succeeded"
    assert bench.saved() == ["box:1.5.txt"]


def test_events_tell_the_plan_then_each_node(bench: Bench) -> None:
    bench.run(graph({"a": ("Add",), "s": ("Save", {"value": "@a.int"})}))
    assert [(event.type, event.node) for event in bench.events] == [
        ("plan", None),
        ("node.started", "a"),
        ("node.finished", "a"),
        ("node.started", "s"),
        ("node.artifact", "s"),
        ("node.finished", "s"),
    ]
    assert bench.events[0].data == {"order": ["a", "s"], "cached": [], "total": 2}


def test_only_what_the_sinks_need_is_run(bench: Bench) -> None:
    bench.run(graph({"a": ("Add",), "other": ("Fail",), "s": ("Save", {"value": "@a.int"})}))
    assert bench.types("other") == []


def test_a_second_run_computes_nothing_and_publishes_again(bench: Bench) -> None:
    wanted = graph({"a": ("Add",), "s": ("Save", {"value": "@a.int"})})
    bench.run(wanted)
    bench.run(wanted)
    assert bench.ran == []
    assert bench.types("s") == ["node.artifact", "node.cached"]
    assert bench.events[0].data == {"order": [], "cached": ["a", "s"], "total": 0}


def test_a_sink_whose_file_is_gone_runs_again(bench: Bench) -> None:
    wanted = graph({"a": ("Add",), "s": ("Save", {"value": "@a.int"})})
    bench.run(wanted)
    bench.host.kept.clear()
    bench.run(wanted)
    assert bench.ran == []
    assert bench.types("a") == ["node.cached"]
    assert bench.types("s") == ["node.started", "node.artifact", "node.finished"]


def test_a_change_runs_only_what_follows_from_it(bench: Bench) -> None:
    nodes = {
        "a": ("Add", {"a": 1}),
        "b": ("Add", {"a": "@a.int", "b": 1}),
        "s": ("Save", {"value": "@b.int"}),
    }
    bench.run(graph(nodes))
    bench.run(graph({**nodes, "b": ("Add", {"a": "@a.int", "b": 2})}))
    assert bench.ran == ["add 1 2"]


def test_a_node_that_is_not_pure_runs_every_time_but_once_in_a_run(bench: Bench) -> None:
    wanted = graph(
        {
            "d": ("Dice",),
            "a": ("Add", {"a": "@d.int"}),
            "t": ("Switch", {"flag": True, "yes": "@d.int"}),
            "s": ("Save", {"value": "@a.int"}),
            "u": ("Save", {"value": "@t.value"}),
        }
    )
    for _ in range(2):
        bench.run(wanted)
        assert bench.ran.count("dice") == 1


def test_lazy_branch_is_not_run(bench: Bench) -> None:
    wanted = graph(
        {
            "no": ("MakeBox", {"content": "no"}),
            "yes": ("MakeBox", {"content": "yes"}),
            "x": ("Switch", {"flag": True, "no": "@no.box", "yes": "@yes.box"}),
            "s": ("Save", {"value": "@x.value"}),
        }
    )
    assert bench.run(wanted).state == "succeeded"
    assert bench.ran == ["box yes"]
    assert bench.saved() == ["box:Box(content='round yes 0', size=100).txt"]
    plans = [event.data["order"] for event in bench.events if event.type == "plan"]
    assert plans[0] == ["x", "s"]


def test_a_chain_of_lazy_inputs_of_any_length_runs(bench: Bench) -> None:
    nodes: dict[str, tuple[str, dict[str, object]]] = {"n0": ("Add", {"a": 7})}
    for index in range(1, 3001):
        source = f"@n{index - 1}.{'value' if index > 1 else 'int'}"
        nodes[f"n{index}"] = ("Switch", {"flag": False, "no": source})
    nodes["s"] = ("Save", {"value": "@n3000.value"})
    assert bench.run(graph(nodes)).state == "succeeded"
    assert bench.saved() == ["box:7.txt"]


def test_a_lazy_sequence_keeps_all_of_its_elements(bench: Bench) -> None:
    wanted = graph(
        {
            "c": ("Count", {"n": 4}),
            "x": ("Switch", {"flag": True, "yes": "@c.int"}),
            "t": ("Sum", {"numbers": "@x.value"}),
            "s": ("Save", {"value": "@t.int"}),
        }
    )
    bench.run(wanted)
    assert bench.saved() == ["box:6.txt"]


def test_a_node_runs_once_for_each_element(bench: Bench) -> None:
    wanted = graph(
        {
            "c": ("Count", {"n": 3}),
            "a": ("Add", {"a": "@c.int", "b": 10}),
            "t": ("Sum", {"numbers": "@a.int"}),
            "s": ("Save", {"value": "@t.int"}),
            "each": ("Save", {"value": "@a.int", "prefix": "each"}),
        }
    )
    bench.run(wanted)
    assert bench.ran == ["add 0 10", "add 1 10", "add 2 10"]
    assert sorted(bench.saved()) == ["box:33.txt", "each:10.txt", "each:11.txt", "each:12.txt"]


def test_the_shorter_sequence_repeats_its_last(bench: Bench) -> None:
    wanted = graph(
        {
            "c": ("Count", {"n": 2}),
            "d": ("Count", {"n": 4}),
            "a": ("Add", {"a": "@c.int", "b": "@d.int"}),
            "s": ("Save", {"value": "@a.int"}),
        }
    )
    bench.run(wanted)
    assert bench.ran == ["add 0 0", "add 1 1", "add 1 2", "add 1 3"]


def test_an_empty_sequence_runs_nothing_and_sums_to_nothing(bench: Bench) -> None:
    wanted = graph(
        {
            "c": ("Count", {"n": 0}),
            "a": ("Add", {"a": "@c.int"}),
            "x": ("Switch", {"flag": True, "yes": "@a.int"}),
            "t": ("Sum", {"numbers": "@x.value"}),
            "s": ("Save", {"value": "@t.int"}),
        }
    )
    bench.run(wanted)
    assert bench.ran == []
    assert bench.saved() == ["box:0.txt"]


def test_many_wires_arrive_as_a_list(bench: Bench) -> None:
    wanted = graph(
        {
            "a": ("MakeBox", {"content": "a"}),
            "b": ("MakeBox", {"content": "b"}),
            "g": ("Gather", {"boxes": ["@a.box", "@b.box"]}),
            "s": ("Save", {"value": "@g.string"}),
        }
    )
    bench.run(wanted)
    assert bench.saved() == ["box:round a 0+round b 0.txt"]


def test_nodes_within_nodes_run_and_are_told_of_by_their_root(bench: Bench) -> None:
    wanted = graph({"g": ("Grow", {"value": 5, "times": 2}), "s": ("Save", {"value": "@g.value"})})
    bench.run(wanted)
    assert bench.ran == ["add 5 1", "add 6 1"]
    assert bench.saved() == ["box:7.txt"]
    inner = [event.data["inner"] for event in bench.events if "inner" in event.data]
    assert inner
    assert {event.node for event in bench.events} == {None, "g", "s"}


def test_a_loop_may_be_thousands_of_rounds_long(bench: Bench) -> None:
    wanted = graph(
        {"g": ("Grow", {"value": 0, "times": 2000}), "s": ("Save", {"value": "@g.value"})}
    )
    assert bench.run(wanted).state == "succeeded"
    assert bench.saved() == ["box:2000.txt"]


def test_what_an_expansion_computes_is_cached_like_all_else(bench: Bench) -> None:
    nodes = {"g": ("Grow", {"value": 5, "times": 2}), "s": ("Save", {"value": "@g.value"})}
    bench.run(graph(nodes))
    bench.run(graph({**nodes, "g": ("Grow", {"value": 5, "times": 3})}))
    assert bench.ran == ["add 7 1"]


def test_an_expansion_runs_for_each_element(bench: Bench) -> None:
    wanted = graph(
        {
            "c": ("Count", {"n": 3}),
            "g": ("Grow", {"value": "@c.int", "times": 1}),
            "t": ("Sum", {"numbers": "@g.value"}),
            "s": ("Save", {"value": "@t.int"}),
        }
    )
    bench.run(wanted)
    assert bench.saved() == ["box:6.txt"]


def test_sinks_within_an_expansion_publish_again_when_cached(bench: Bench) -> None:
    wanted = graph({"a": ("Add", {"a": 3}), "two": ("ShowTwice", {"value": "@a.int"})})
    bench.run(wanted)
    assert sorted(bench.saved()) == ["one:3.txt", "two:3.txt"]
    bench.run(wanted)
    assert sorted(bench.saved()) == ["one:3.txt", "two:3.txt"]
    assert bench.ran == []


def test_a_saved_subgraph_runs_in_place(bench: Bench) -> None:
    twice = {
        "title": "Twice",
        "inputs": [{"name": "x", "type": "Int"}, {"name": "y", "type": "Int", "default": 100}],
        "outputs": [{"name": "sum", "type": "Int", "from": ["b", "int"]}],
        "nodes": {
            "a": {"type": "Add", "inputs": {"a": {"input": "x"}, "b": {"input": "y"}}},
            "b": {"type": "Add", "inputs": {"a": {"link": ["a", "int"]}, "b": {"input": "x"}}},
        },
    }
    wanted = graph(
        {
            "i": ("subgraph:twice", {"x": 1}),
            "j": ("subgraph:twice", {"x": "@i.sum", "y": 0}),
            "s": ("Save", {"value": "@j.sum"}),
        },
        subgraphs={"twice": twice},
    )
    bench.run(wanted)
    assert bench.saved() == ["box:204.txt"]
    assert bench.types("i").count("node.finished") == 3
    assert bench.events[0].data["order"] == ["i", "j", "s"]


def test_nodes_that_wait_run_side_by_side() -> None:
    together = threading.Barrier(4, timeout=10)

    def meet(number: int) -> int:
        """Wait for the others.

        Args:
            number: Tells them apart.
        """
        together.wait()
        return number

    catalogue = catalogue_of(node("Meet", io=True)(meet), save)
    nodes: dict[str, tuple[str, dict[str, object]]] = {
        f"m{index}": ("Meet", {"number": index}) for index in range(4)
    }
    nodes |= {f"s{index}": ("Save", {"value": f"@m{index}.int"}) for index in range(4)}
    bench = Bench(catalogue=catalogue)
    assert bench.run(graph(nodes)).state == "succeeded"
    assert len(bench.saved()) == 4


def test_a_failure_is_a_problem_on_its_node(bench: Bench) -> None:
    outcome = bench.run(graph({"f": ("Fail", {"how": "node"}), "s": ("Save", {"value": "@f.int"})}))
    assert outcome.state == "failed"
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.node) == ("box.locked", "f")
    assert outcome.problem.message == "The box is locked."
    assert outcome.problem.hint == "Find the key."
    assert bench.types("f") == ["node.started", "node.failed"]


def test_an_unknown_failure_names_no_path(bench: Bench) -> None:
    outcome = bench.run(graph({"f": ("Fail",), "s": ("Save", {"value": "@f.int"})}))
    assert outcome.problem is not None
    assert outcome.problem.message == "Fail failed: FileNotFoundError: No such file: 'box.txt'"


def test_what_succeeded_before_a_failure_is_kept(bench: Bench) -> None:
    wanted = graph(
        {"a": ("Add",), "f": ("Fail", {"number": "@a.int"}), "s": ("Save", {"value": "@f.int"})}
    )
    bench.run(wanted)
    bench.run(wanted)
    assert bench.ran == []


def test_out_of_memory_runs_the_thriftier_variant_and_warns(bench: Bench) -> None:
    wanted = graph({"h": ("Hungry", {"size": 99}), "s": ("Save", {"value": "@h.int"})})
    assert bench.run(wanted).state == "succeeded"
    assert bench.saved() == ["box:-99.txt"]
    assert bench.host.freed == 1
    assert "node.warning" in bench.types("h")
    bench.run(wanted)
    assert bench.saved() == ["box:-99.txt"]


def test_cancel_ends_a_node_between_two_steps(bench: Bench) -> None:
    def cancelled() -> bool:
        return any(event.type == "node.preview" for event in bench.events)

    wanted = graph({"n": ("Steps", {"n": 1000}), "s": ("Save", {"value": "@n.int"})})
    assert bench.run(wanted, cancelled=cancelled).state == "cancelled"
    assert bench.ran == ["step 0"]
    assert bench.types("s") == []


def test_cancel_does_not_wait_for_a_node_that_waits(bench: Bench) -> None:
    def cancelled() -> bool:
        return "node.started" in bench.types("w")

    wanted = graph({"w": ("Wait", {"seconds": 60.0}), "s": ("Save", {"value": "@w.int"})})
    assert bench.run(wanted, cancelled=cancelled).state == "cancelled"


def test_progress_is_told_sparsely_and_ends_full(bench: Bench) -> None:
    bench.run(graph({"n": ("Steps", {"n": 500}), "s": ("Save", {"value": "@n.int"})}))
    told = [event.data for event in bench.events if event.type == "node.progress"]
    assert told[-1] == {"value": 500, "max": 500}
    assert len(told) < 100
    previews = [event for event in bench.events if event.type == "node.preview"]
    assert previews[0].blob == b"jpeg"


def test_a_warning_is_told_again_when_cached(bench: Bench) -> None:
    wanted = graph(
        {
            "n": ("Steps", {"n": 1}),
            "a": ("Add", {"a": "@n.int"}),
            "s": ("Save", {"value": "@a.int"}),
        }
    )
    bench.run(wanted)
    bench.run(
        graph(
            {
                "n": ("Steps", {"n": 1}),
                "a": ("Add", {"a": "@n.int", "b": 5}),
                "s": ("Save", {"value": "@a.int"}),
            }
        )
    )
    assert bench.types("n") == ["node.warning", "node.cached"]


def test_a_value_by_wire_is_held_to_the_limits(bench: Bench) -> None:
    outcome = bench.run(
        graph(
            {
                "a": ("Add", {"a": 1000}),
                "h": ("Half", {"x": "@a.int"}),
                "s": ("Save", {"value": "@h.float"}),
            }
        )
    )
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.node) == ("value.wired", "h")


def test_an_empty_output_is_said_to_be_so(bench: Bench) -> None:
    outcome = bench.run(
        graph(
            {
                "b": ("MakeBox",),
                "u": ("Unpack", {"box": "@b.box", "width": 1}),
                "t": ("Same", {"a": "@u.box", "b": "@u.box"}),
                "s": ("Save", {"value": "@u.tool"}),
            }
        )
    )
    assert outcome.state == "succeeded"
    assert bench.saved() == ["box:None.txt"]


def test_targets_run_up_to_a_node(bench: Bench) -> None:
    wanted = graph(
        {"a": ("Add",), "b": ("Add", {"a": "@a.int"}), "s": ("Save", {"value": "@b.int"})}
    )
    assert bench.run(wanted, targets=["a"]).state == "succeeded"
    assert bench.ran == ["add 0 0"]
    with pytest.raises(Invalid, match="no node `zz`"):
        bench.run(wanted, targets=["zz"])


def test_a_restart_computes_nothing_that_is_kept_on_disk(tmp_path: Path) -> None:
    wanted = graph(
        {
            "b": ("SlowBox", {"content": "x"}),
            "g": ("Gather", {"boxes": ["@b.box"]}),
            "s": ("Save", {"value": "@g.string"}),
        }
    )
    first = Bench(results=Results(2**20, tmp_path))
    first.run(wanted)
    second = Bench(results=Results(2**20, tmp_path), host=first.host)
    second.run(wanted)
    assert second.ran == []
    assert second.saved() == ["box:x.txt"]
    third = Bench(results=Results(2**20, tmp_path))
    third.run(wanted)
    assert third.ran == []
    assert third.types("b") == ["node.cached"]
    assert third.saved() == ["box:x.txt"]


def test_a_budget_of_nothing_still_runs_everything(tmp_path: Path) -> None:
    bench = Bench(results=Results(0))
    wanted = graph(
        {"a": ("Add",), "b": ("Add", {"a": "@a.int"}), "s": ("Save", {"value": "@b.int"})}
    )
    bench.run(wanted)
    bench.run(wanted)
    assert bench.ran == ["add 0 0", "add 0 0"]


def test_nodes_that_outlive_a_cancelled_run_are_not_heard() -> None:
    bench = Bench()
    wanted = graph({"w": ("Wait", {"seconds": 0.2}), "s": ("Save", {"value": "@w.int"})})
    bench.run(wanted, cancelled=lambda: "node.started" in bench.types("w"))
    count = len(bench.events)
    time.sleep(0.3)
    assert len(bench.events) == count


def test_the_toys_are_all_in_the_catalogue() -> None:
    assert CATALOGUE.specs["Dice"].function is dice


def peaks(bench: Bench) -> dict[str | None, int | None]:
    """What the last run told of each node's memory."""
    finished = (event for event in bench.events if event.type == "node.finished")
    return {event.node: event.data["peak_bytes"] for event in finished}


def test_the_rise_of_memory_is_told_with_the_node() -> None:
    bench = Bench(host=ToyHost(risen=7))
    wanted = {"a": ("Add",), "n": ("Count", {"n": 3}), "b": ("Add", {"a": "@n.int"})}
    bench.run(graph({**wanted, "s": ("Save", {"value": "@b.int"})}), targets=["a", "s"])
    assert peaks(bench) == {"a": 7, "n": 7, "b": 7, "s": 7}


def test_where_nobody_can_tell_the_rise_of_memory_it_is_not_told() -> None:
    bench = Bench(host=ToyHost(risen=7))
    bench.run(graph({"w": ("Wait",), "s": ("Save", {"value": "@w.int"})}))
    assert peaks(bench) == {"w": None, "s": 7}
    bench.host.risen = None
    bench.run(graph({"a": ("Add",), "t": ("Save", {"value": "@a.int"})}))
    assert peaks(bench) == {"a": None, "t": None}
