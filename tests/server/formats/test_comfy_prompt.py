"""API prompts of ComfyUI become our workflows, and back."""

from __future__ import annotations

from typing import Any

import pytest

from server.formats.comfy_prompt import from_prompt, is_link, is_prompt, to_prompt
from server.formats.interfaces import Interfaces

JSON = Any

CATALOGUE: dict[str, JSON] = {
    "types": {"Model": {"comfy": "MODEL"}, "Clip": {"comfy": "CLIP"}},
    "nodes": {
        "Loader": {
            "id": "Loader",
            "inputs": [
                {"name": "name", "type": "String", "socket": False, "widget": {"kind": "file"}}
            ],
            "outputs": [{"name": "model", "type": "Model"}, {"name": "clip", "type": "Clip"}],
        },
        "Encode": {
            "id": "Encode",
            "inputs": [
                {"name": "clip", "type": "Clip", "socket": True},
                {"name": "text", "type": "String", "socket": False, "widget": {"kind": "text"}},
            ],
            "outputs": [{"name": "words", "type": "Conditioning"}],
        },
        "Show": {
            "id": "Show",
            "inputs": [
                {"name": "model", "type": "Model", "socket": True},
                {"name": "prefix", "type": "String", "socket": False, "widget": {"kind": "text"}},
            ],
            "outputs": [],
        },
        "Batch": {
            "id": "Batch",
            "inputs": [
                {"name": "models", "type": "Model", "socket": True, "list": True},
                {"name": "width", "type": "Int", "socket": False, "widget": {"kind": "range"}},
            ],
            "outputs": [],
        },
    },
}
PROMPT: dict[str, JSON] = {
    "4": {"class_type": "Loader", "inputs": {"name": "a"}},
    "5:12": {
        "class_type": "Encode",
        "inputs": {"clip": ["4", 1], "text": "a red star"},
        "_meta": {"title": "Prompt"},
    },
}


@pytest.fixture
def interfaces() -> Interfaces:
    return Interfaces(CATALOGUE)


def test_a_prompt_gets_names_for_its_positions(interfaces: Interfaces) -> None:
    assert is_prompt(PROMPT)
    found = from_prompt(PROMPT, interfaces)
    assert found.problems == ()
    assert found.ids == {"4": "4", "5:12": "5_12"}
    assert found.workflow["nodes"]["5_12"] == {
        "type": "Encode",
        "version": 1,
        "inputs": {"clip": {"link": ["4", "clip"]}, "text": "a red star"},
        "title": "Prompt",
    }


def test_names_of_files_that_were_written_on_windows_are_the_same_everywhere(
    interfaces: Interfaces,
) -> None:
    prompt = {
        "4": {"class_type": "Loader", "inputs": {"name": r"xl\base.safetensors"}},
        "5": {"class_type": "Encode", "inputs": {"clip": ["4", 1], "text": r"a \(red\) star"}},
    }
    nodes = from_prompt(prompt, interfaces).workflow["nodes"]
    assert nodes["4"]["inputs"]["name"] == "xl/base.safetensors"
    assert nodes["5"]["inputs"]["text"] == r"a \(red\) star"


def test_inputs_of_groups_and_those_that_grow_get_our_names(interfaces: Interfaces) -> None:
    inputs = {"models.model0": ["4", 0], "models.model1": ["4", 0], "size.width": 8}
    prompt = {"4": PROMPT["4"], "5": {"class_type": "Batch", "inputs": inputs}}
    nodes = from_prompt(prompt, interfaces).workflow["nodes"]
    wires = {"links": [["4", "model"], ["4", "model"]]}
    assert nodes["5"]["inputs"] == {"models": wires, "width": 8}
    written = to_prompt(nodes, interfaces)["5"]["inputs"]
    assert written == {"models.model0": ["4", 0], "models.model1": ["4", 0], "width": 8}


def test_there_and_back_is_the_same_prompt(interfaces: Interfaces) -> None:
    prompt = {"4": PROMPT["4"], "6": {**PROMPT["5:12"]}}
    prompt["6"]["inputs"] = {**prompt["6"]["inputs"], "text": ["a", "list"]}
    wrapped = {**prompt["6"]["inputs"], "text": {"__value__": ["a", "list"]}}
    prompt["6"] = {**prompt["6"], "inputs": wrapped}
    workflow = from_prompt(prompt, interfaces).workflow
    assert to_prompt(workflow["nodes"], interfaces) == prompt


@pytest.mark.parametrize("slot", [-1, 2, 99, 0.5, 1e300])
def test_an_output_that_is_not_there_is_a_problem_on_the_input(
    slot: JSON, interfaces: Interfaces
) -> None:
    prompt = {**PROMPT, "7": {"class_type": "Encode", "inputs": {"clip": ["4", slot]}}}
    (problem,) = from_prompt(prompt, interfaces).problems
    assert (problem.code, problem.node, problem.input) == ("link.output", "7", "clip")


def test_a_wire_from_a_node_that_shows_begins_at_what_it_shows(interfaces: Interfaces) -> None:
    prompt = {
        "1": {"class_type": "Loader", "inputs": {"name": "a"}},
        "2": {"class_type": "Show", "inputs": {"prefix": "x", "model": ["1", 0]}},
        "3": {"class_type": "Show", "inputs": {"model": ["2", 0]}},
        "4": {"class_type": "Show", "inputs": {"model": ["3", 0]}},
        "5": {"class_type": "Show", "inputs": {"model": ["5", 0]}},
    }
    found = from_prompt(prompt, interfaces)
    nodes = found.workflow["nodes"]
    given = [nodes[name]["inputs"]["model"] for name in ("2", "3", "4")]
    assert given == [{"link": ["1", "model"]}] * 3
    # One that shows itself has nothing to show.
    (problem,) = found.problems
    assert (problem.code, problem.node) == ("link.output", "5")


def test_a_wire_from_a_node_that_is_not_there_is_a_problem(interfaces: Interfaces) -> None:
    prompt = {"7": {"class_type": "Encode", "inputs": {"clip": ["99", 0]}}}
    (problem,) = from_prompt(prompt, interfaces).problems
    assert "99" in problem.message


def test_an_unknown_node_keeps_its_inputs_and_as_many_outputs_as_are_used(
    interfaces: Interfaces,
) -> None:
    prompt = {
        "1": {"class_type": "Mystery", "inputs": {"strength": 0.5, "table": {"a": 1}}},
        "2": {"class_type": "Encode", "inputs": {"clip": ["1", 1]}},
    }
    workflow = from_prompt(prompt, interfaces).workflow
    assert workflow["nodes"]["1"]["inputs"] == {"strength": 0.5, "table": {"value": {"a": 1}}}
    assert workflow["nodes"]["2"]["inputs"] == {"clip": {"link": ["1", "output_1"]}}
    assert [port["name"] for port in workflow["signatures"]["Mystery"]["outputs"]] == [
        "output_0",
        "output_1",
    ]


def test_only_a_text_and_a_number_are_a_link() -> None:
    assert is_link(["4", 0])
    assert not any(map(is_link, (["4"], ["4", True], [4, 0], ["4", "0"], "4", None)))


@pytest.mark.parametrize("other", [{}, [], 5, {"nodes": []}, {"1": {"inputs": {}}}, {"1": None}])
def test_other_json_is_no_prompt(other: JSON) -> None:
    assert not is_prompt(other)
