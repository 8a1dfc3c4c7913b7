"""The schema of the file says what validation says."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from server.engine.canonical import strict_loads
from server.engine.schema import workflow_schema
from tests.engine.toys import CATALOGUE, as_node

# It has no type hints of its own.
jsonschema: Any = import_module("jsonschema")
SCHEMA = workflow_schema(CATALOGUE)
COMPLETE = Path(__file__).parent / "complete_workflow.json"


def check(data: Any) -> list[str]:
    checker = jsonschema.Draft202012Validator(SCHEMA)
    return [error.message for error in checker.iter_errors(data)]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert {f"node:{name}" for name in CATALOGUE.specs} <= set(SCHEMA["$defs"])


def test_the_complete_example_fits() -> None:
    assert check(strict_loads(COMPLETE.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "node",
    [
        ("Add", {"a": "x"}),
        ("Add", {"c": 1}),
        ("Half", {"x": 101}),
        ("MakeBox", {"kind": "rond"}),
        ("MakeBox", {"seed": -1}),
        ("ToolOf", {"box": 3}),
        ("Gather", {"boxes": "@a.box"}),
        ("Add", {"a": {"value": 1, "link": ["a", "int"]}}),
        ("Add", {}, "asleep"),
    ],
)
def test_a_wrong_node_does_not_fit(node: Any) -> None:
    assert check({"format": 1, "nodes": {"n": as_node(*node)}})
