"""The nodes over HTTP, and the schema of files that is made of them."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from tests.server.http.serving import V1, Client, workflow


def test_the_nodes_come_once_and_then_304(server: Client) -> None:
    answer = server.get(f"{V1}/nodes")
    assert {"hash", "salt", "types", "nodes"} <= answer.json().keys()
    tag = answer.headers["etag"]
    assert tag == f'"{answer.json()["hash"]}"'
    assert server.get(f"{V1}/nodes", If_None_Match=tag).status == 304


def test_the_schema_takes_a_workflow_and_refuses_a_wrong_value(server: Client) -> None:
    answer = server.get(f"{V1}/schema")
    assert answer.headers["etag"] == server.get(f"{V1}/nodes").headers["etag"]
    schema = Draft202012Validator(answer.json())
    assert schema.is_valid(workflow(3))
    assert not schema.is_valid(workflow("three"))
