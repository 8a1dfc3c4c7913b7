"""A saved workflow as an endpoint: what it takes, what it refuses, how it is described."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.server.http.serving import V1, Answer, Client, quoted, workflow

FORM = [
    {"node": "a", "input": "number", "name": "size", "label": "How large", "max": 50},
    {"node": "b", "input": "name", "label": "Called"},
]
AT = f"{V1}/workflows"


@pytest.fixture(autouse=True)
def empty_queue(server: Client) -> Iterator[None]:
    yield
    server.post(f"{V1}/queue/clear")


@pytest.fixture
def name(server: Client) -> str:
    """A saved workflow, in a folder, as a part of a path."""
    part = quoted("made/twice")
    assert server.put(f"{AT}/{part}", workflow(form=FORM)).status == 200
    return part


def run(server: Client, name: str, values: Any = None, query: str = "", **headers: str) -> Answer:
    return server.post(f"{AT}/{name}/run{query}", values, **headers)


def inputs(server: Client, answer: Answer) -> dict[str, Any]:
    """What the job that was answered runs with."""
    assert answer.status == 202, answer.body
    assert answer.headers["location"] == f"{V1}/jobs/{answer.json()['id']}"
    nodes = server.get(answer.headers["location"]).json()["workflow"]["nodes"]
    return {**nodes["a"]["inputs"], **nodes["b"]["inputs"], "number": nodes["a"]["inputs"]}


def test_values_are_put_into_the_saved_workflow_and_it_is_queued(server: Client, name: str) -> None:
    made = inputs(server, run(server, name, {"size": 9, "called": "nine"}))
    assert (made["number"], made["name"]) == ({"number": 9}, "nine")
    kept = inputs(server, run(server, name, {"called": "three"}))
    assert (kept["number"], kept["name"]) == ({"number": 3}, "three")
    assert inputs(server, run(server, name))["number"] == {"number": 3}
    assert inputs(server, run(server, name, {}))["number"] == {"number": 3}
    assert server.get(f"{AT}/{name}").json() == workflow(form=FORM)


def test_the_form_tells_what_can_be_given(server: Client, name: str) -> None:
    form = server.get(f"{AT}/{name}/form").json()
    assert (form["title"], form["run"]) == ("Twice three", f"{AT}/{name}/run")
    size, called = form["fields"]
    assert size == {
        "name": "size",
        "node": "a",
        "input": "number",
        "label": "How large",
        "group": "",
        "picture": False,
        "required": False,
        "value": 3,
        "schema": {
            "type": "integer",
            "title": "How large",
            "description": "What to double.",
            "minimum": 0,
            "maximum": 50,
            "default": 3,
        },
    }
    assert (called["name"], called["value"]) == ("called", "")
    assert server.get(f"{AT}/none/form").code == "file.missing"


def test_every_problem_of_the_values_is_told_at_once_and_nothing_is_queued(
    server: Client, name: str
) -> None:
    before = server.get(f"{V1}/queue").json()
    refused = run(server, name, {"size": 51, "called": 5, "colour": "red"})
    assert (refused.status, refused.code) == (422, "form.invalid")
    found = {(p["code"], p["input"]) for p in refused.json()["problems"]}
    assert found == {("value.range", "size"), ("value.type", "called"), ("form.unknown", "colour")}
    assert "What was sent has 3 problems" in refused.json()["error"]["message"]
    assert server.get(f"{V1}/queue").json() == before


def test_what_is_wrong_with_the_workflow_itself_is_told_too(server: Client) -> None:
    broken = workflow(form=FORM)
    broken["nodes"]["b"]["inputs"]["number"] = {"link": ["gone", "int"]}
    server.put(f"{AT}/broken", broken)
    refused = run(server, "broken", {"size": -1})
    assert {p["code"] for p in refused.json()["problems"]} == {"value.range", "link.node"}


@pytest.mark.parametrize("body", [[], 1, "text", None])
def test_a_body_that_is_no_object_is_refused(server: Client, name: str, body: Any) -> None:
    answer = server.send(
        "POST",
        f"{AT}/{name}/run",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    assert (answer.status, answer.code) == (422, "body.object")


def test_bodies_of_other_types_and_other_queries_are_refused(server: Client, name: str) -> None:
    typed = {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.send("POST", f"{AT}/{name}/run", b"{}", typed).code == "body.media"
    assert run(server, name, {}, "?wait=-1").code == "body.range"
    assert run(server, name, {}, "?wait=soon").code == "query.number"
    assert run(server, name, {}, "?size=3").code == "query.unknown"
    assert run(server, "none", {}).status == 404
    assert run(server, quoted("../none"), {}).status == 400


def test_a_workflow_without_a_form_runs_as_it_is_and_says_how_to_get_one(server: Client) -> None:
    server.put(f"{AT}/formless", workflow())
    assert inputs(server, run(server, "formless", {}))["number"] == {"number": 3}
    refused = run(server, "formless", {"size": 1})
    (problem,) = refused.json()["problems"]
    assert (refused.status, problem["code"]) == (422, "form.unknown")
    assert "has no form" in problem["hint"]
    assert server.get(f"{AT}/formless/form").json()["fields"] == []


def test_an_older_version_runs_by_its_number(server: Client, name: str) -> None:
    server.put(f"{AT}/{name}", workflow(number=4, form=FORM))
    first = server.get(f"{AT}/{name}/versions").json()["items"][-1]["version"]
    assert inputs(server, run(server, name, {}))["number"] == {"number": 4}
    old = inputs(server, run(server, name, {}, f"?version={first}"))
    assert old["number"] == {"number": 3}
    fields = server.get(f"{AT}/{name}/form?version={first}").json()["fields"]
    assert fields[0]["value"] == 3
    assert run(server, name, {}, "?version=999").status == 404


def test_the_same_key_queues_once_also_where_seeds_are_drawn(server: Client) -> None:
    drawn = workflow(form=FORM, view={"a": {"x": 0, "y": 0, "seeds": {"number": "random"}}})
    server.put(f"{AT}/drawn", drawn)
    first = run(server, "drawn", {"size": 3}, Idempotency_Key="form")
    again = run(server, "drawn", {"size": 3}, Idempotency_Key="form")
    assert first.json()["id"] == again.json()["id"]
    other = run(server, "drawn", {"size": 4}, Idempotency_Key="form")
    assert (other.status, other.code) == (409, "job.conflict")


def test_a_wait_that_runs_out_answers_with_the_job(server: Client, name: str) -> None:
    answer = run(server, name, {}, "?wait=1")
    assert (answer.status, answer.json()["state"]) == (202, "queued")
    assert not server.services.feed.watched


def test_who_waits_for_a_job_that_is_cancelled_or_deleted_is_told(
    server: Client, name: str
) -> None:
    answers: list[Answer] = []

    def wait() -> None:
        answers.append(run(server, name, {}, "?wait=30"))

    for change in ("cancel", "delete"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        while not (queued := server.get(f"{V1}/queue").json()["queued"]):
            pass
        at = f"{V1}/jobs/{queued[0]['id']}"
        if change == "cancel":
            server.post(f"{at}/cancel")
        else:
            server.delete(at)
        waiting.join()
    assert [(answer.status, answer.code) for answer in answers] == [
        (409, "job.cancelled"),
        (404, "job.missing"),
    ]


def test_each_form_is_described_with_its_values(server: Client, name: str) -> None:
    described = server.get(f"{V1}/openapi.json").json()
    operation = described["paths"][f"{AT}/{name}/run"]["post"]
    assert operation["summary"] == "Run “Twice three”."
    assert operation["operationId"] == "run_workflows_made_twice"
    content = operation["requestBody"]["content"]["application/json"]["schema"]
    check = Draft202012Validator(content).is_valid
    assert check({"size": 50, "called": "x"})
    assert not check({"size": 51})
    assert not check({"colour": "red"})
    assert f"{AT}/formless/run" not in described["paths"]
    assert "version" in {each["name"] for each in operation["parameters"]}
