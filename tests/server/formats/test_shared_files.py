"""Workflows of the kinds that people share open, and would run, in both of ComfyUI's formats.

Each file of `shared/` is written in the form of ComfyUI's page, and beside it as the prompt that
its API would be sent: reroutes, primitives and subgraphs dissolved, muted and bypassed nodes gone.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nodes.api.catalogue import Catalogue, load
from server.engine.effective import flatten
from server.engine.graph import Graph
from server.engine.plan import make_plan
from server.engine.problems import errors
from server.engine.validate import validate
from server.engine.values import normal
from server.formats.comfy_prompt import to_prompt
from server.formats.interfaces import Interfaces
from server.opening import opened

JSON = Any
FOLDER = Path(__file__).with_name("shared")
NAMES = sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.endswith(".api"))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(("nodes",), ())


def read(name: str) -> JSON:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def graph_of(name: str, catalogue: Catalogue) -> Graph:
    found = opened(read(name), catalogue)
    assert found.problems == ()
    assert "signatures" not in found.workflow, "a node is not known"
    return Graph.from_json(found.workflow)


def told(graph: Graph, catalogue: Catalogue) -> dict[str, JSON]:
    """Say of every node that runs what it is and what it is given, defaults included."""
    found: dict[str, JSON] = {}
    plan = make_plan(graph, catalogue, salt="", stamp=lambda kind, name: f"{kind}/{name}")
    for id_, step in plan.steps.items():
        inputs = {item.name: item.default for item in step.spec.inputs if not item.required}
        for name, given in flatten(graph, catalogue).nodes[id_].inputs.items():
            value = given.to_json()
            spec = step.spec.input(name)
            inputs[name] = normal(value, spec) if spec and not isinstance(value, dict) else value
        found[id_] = {"type": step.spec.id, "inputs": inputs}
    # Between a subgraph and what is inside, ids have marks of their own in each format.
    plain: dict[str, JSON] = json.loads(
        re.sub(r'"(\d+)[:._/](\d+)"', r'"\1:\2"', json.dumps(found))
    )
    return plain


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_file_opens_and_would_run(name: str, catalogue: Catalogue) -> None:
    graph = graph_of(name, catalogue)
    assert errors(validate(graph, catalogue)) == []
    plan = make_plan(graph, catalogue, salt="", stamp=lambda *_: "")
    assert plan.targets
    assert any(step.spec.id == "SaveImage" for step in plan.order)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_the_page_says_what_its_prompt_says(name: str, catalogue: Catalogue) -> None:
    page, prompt = (told(graph_of(n, catalogue), catalogue) for n in (name, f"{name}.api"))
    assert page == prompt


@pytest.mark.parametrize("name", [name for name in NAMES if "definitions" not in read(name)])
def test_a_prompt_goes_back_as_it_came(name: str, catalogue: Catalogue) -> None:
    given = read(f"{name}.api")
    nodes = graph_of(f"{name}.api", catalogue).to_json()["nodes"]
    back = to_prompt(nodes, Interfaces(catalogue.to_json()))
    for id_, node in given.items():
        assert (back[id_]["class_type"], back[id_]["inputs"]) == (
            node["class_type"],
            node["inputs"],
        )
    assert back.keys() == given.keys()


def test_there_is_a_file_of_every_kind() -> None:
    kinds = {node["type"] for name in NAMES for node in read(name)["nodes"]}
    assert {"Reroute", "PrimitiveNode", "Note", "MarkdownNote"} <= kinds
    assert {node["mode"] for name in NAMES for node in read(name)["nodes"]} == {0, 2, 4}
    assert any("definitions" in read(name) for name in NAMES)
    assert any(read(name)["groups"] for name in NAMES)
