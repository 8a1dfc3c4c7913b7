"""Workflows are written as ComfyUI's page saves them: read again, nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nodes.api.catalogue import Catalogue, load
from server.formats.comfy_export import to_workflow
from server.formats.comfy_workflow import from_workflow
from server.formats.interfaces import Interfaces, interfaces_of
from server.opening import opened

JSON = Any
ROOT = Path(__file__).resolve().parents[3]
FILES = [
    *sorted((ROOT / "workflows").glob("*.json")),
    *sorted((ROOT / "tests" / "server" / "formats" / "shared").glob("*.json")),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(("nodes",), ())


@pytest.fixture(scope="module")
def interfaces(catalogue: Catalogue) -> Interfaces:
    return interfaces_of(catalogue)


def same(graph: JSON, again: JSON) -> None:
    """Compare nodes and wires; what stood at its default may be written out."""
    assert again["nodes"].keys() == graph["nodes"].keys()
    for name, node in graph["nodes"].items():
        other = again["nodes"][name]
        for key in ("mode", "title"):
            assert other.get(key) == node.get(key)
        assert other["inputs"].items() >= node["inputs"].items()
        if not node["type"].startswith("subgraph:"):
            assert other["type"] == node["type"]
    for name, place in graph.get("view", {}).items():
        assert {key: again["view"][name][key] for key in ("x", "y")} == {
            key: place[key] for key in ("x", "y")
        }
    for section in ("notes", "frames"):
        found, expected = (list(each.get(section, {}).values()) for each in (again, graph))
        assert found == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_written_is_read_again(
    path: Path, catalogue: Catalogue, interfaces: Interfaces
) -> None:
    workflow = opened(json.loads(path.read_text("utf-8")), catalogue).workflow
    written = json.loads(json.dumps(to_workflow(workflow, interfaces)))
    again = from_workflow(written, interfaces)
    assert again.problems == ()
    same(workflow, again.workflow)
    others = {part["title"]: part for part in again.workflow.get("subgraphs", {}).values()}
    for part in workflow.get("subgraphs", {}).values():
        other = others.pop(part["title"])
        same(part, other)
        assert other["outputs"] == part["outputs"]
        assert [port["name"] for port in other["inputs"]] == [
            port["name"] for port in part["inputs"]
        ]
    assert not others


def test_ports_and_values_stand_in_the_order_of_the_page(interfaces: Interfaces) -> None:
    nodes = {
        "3": {
            "type": "KSampler",
            "version": 1,
            "inputs": {"latent_image": {"link": ["e", "latent"]}, "cfg": {"link": ["c", "float"]}},
            "mode": "bypass",
        },
        "e": {"type": "EmptyLatentImage", "version": 1, "inputs": {"width": 64}},
        "c": {"type": "PrimitiveFloat", "version": 1, "inputs": {"value": 2.5}},
        "l": {"type": "LoadImage", "version": 1, "inputs": {"image": "a.png"}, "mode": "mute"},
    }
    written = to_workflow({"format": 1, "nodes": nodes}, interfaces)
    sampler, empty, number, loader = written["nodes"]
    assert sampler["id"] == 3
    assert [port["name"] for port in sampler["inputs"]] == [
        *("model", "seed", "steps", "cfg", "sampler_name", "scheduler"),
        *("positive", "negative", "latent_image", "denoise"),
    ]
    assert sampler["widgets_values"] == [0, "fixed", 20, 8.0, "euler", "normal", 1.0]
    assert [node["mode"] for node in written["nodes"]] == [4, 0, 0, 2]
    assert loader["widgets_values"] == ["a.png", "image"]
    assert written["links"] == [
        [1, "c", 0, 3, 3, "FLOAT"],
        [2, "e", 0, 3, 8, "LATENT"],
    ]
    assert sampler["inputs"][3] == {
        "name": "cfg",
        "type": "FLOAT",
        "link": 1,
        "widget": {"name": "cfg"},
    }
    assert (empty["outputs"][0]["links"], number["outputs"][0]["links"]) == ([2], [1])
    assert sampler["pos"][0] > empty["pos"][0]


def test_an_object_stands_before_its_parts(interfaces: Interfaces) -> None:
    sides = {"x": 3, "y": 4, "width": 5, "height": 6}
    nodes = {"c": {"type": "ImageCropV2", "version": 1, "inputs": sides}}
    written = to_workflow({"format": 1, "nodes": nodes}, interfaces)
    assert written["nodes"][0]["widgets_values"] == [sides, 3, 4, 5, 6]
    assert from_workflow(written, interfaces).workflow["nodes"]["c"]["inputs"] == sides


@pytest.mark.parametrize("junk", [None, 5, "x", [1], {"a": 1}, {"a": {"x": "left"}}])
def test_sections_of_another_form_are_passed_over(junk: JSON, interfaces: Interfaces) -> None:
    nodes = {"a": {"type": "Strange", "version": 1, "inputs": {"v": 1, "w": {"link": ["b", "c"]}}}}
    for section in ("view", "frames", "notes", "signatures"):
        data = {"format": 1, "nodes": nodes, section: junk}
        (node,) = [node for node in to_workflow(data, interfaces)["nodes"] if node["id"] == "a"]
        assert node["widgets_values"] == [1]


def test_a_subgraph_that_contains_itself_is_written_as_it_stands(interfaces: Interfaces) -> None:
    inner = {"type": "subgraph:s", "version": 1, "inputs": {"n": {"input": "n"}}}
    part = {
        "title": "S",
        "inputs": [{"name": "n", "type": "Int"}],
        "outputs": [],
        "nodes": {"i": inner},
    }
    data = {"format": 1, "nodes": {"o": {**inner, "inputs": {"n": 3}}}, "subgraphs": {"s": part}}
    again = from_workflow(to_workflow(data, interfaces), interfaces).workflow
    (name,) = again["subgraphs"]
    assert again["subgraphs"][name]["nodes"]["i"]["type"] == f"subgraph:{name}"
