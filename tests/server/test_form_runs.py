"""A saved workflow that is run over HTTP by its form, and waited for."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest

from tests.server.running import Server, serving, through, workflow

AT = "/api/v1/workflows"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("data")) as server:
        yield server


@dataclass(frozen=True)
class Made:
    """What came back, as bytes."""

    status: int
    headers: Message
    content: bytes


def run(server: Server, name: str, values: Any, **headers: str) -> Made:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{AT}/{name}/run?wait=60",
        json.dumps(values).encode(),
        {"Content-Type": "application/json", **headers},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return Made(answer.status, answer.headers, answer.read())


def save(server: Server, name: str, *nodes: Any, form: Any) -> None:
    document = {**workflow(*nodes), "form": form}
    assert server.ask("PUT", f"{AT}/{name}", document).status == 200


def test_the_answer_is_the_file_that_the_run_made(server: Server) -> None:
    save(
        server,
        "text",
        ("text", "ToyText", {"text": "hello", "seed": 1}),
        ("save", "ToySave", {"text": "@text"}),
        ("again", "ToySave", {"text": "@text", "filename_prefix": "again"}),
        form=[{"node": "text", "input": "text", "label": "What"}],
    )
    made = run(server, "text", {"what": "bye"})
    assert (made.status, made.content) == (200, b"bye 1")
    assert made.headers.get_content_type() == "text/plain"
    job = server.ask("GET", made.headers["Location"]).body
    assert job["state"] == "succeeded"
    links = made.headers.get_all("Link")
    assert links is not None
    contents = [f"/api/v1/artifacts/{artifact['id']}/content" for artifact in job["artifacts"]]
    assert [link.split(">")[0].lstrip("<") for link in links] == contents
    assert made.headers["Content-Location"] == contents[0]
    described = run(server, "text", {"what": "bye"}, Accept="application/json")
    assert len(json.loads(described.content)["artifacts"]) == 2


def test_what_makes_no_file_is_answered_with_its_job(server: Server) -> None:
    save(server, "sink", *through("ToyText"), form=[])
    made = run(server, "sink", {})
    assert (made.status, json.loads(made.content)["state"]) == (200, "succeeded")


def test_a_run_that_fails_is_told_with_its_node(server: Server) -> None:
    save(server, "fail", *through("ToyFail"), form=[{"node": "toy", "input": "text"}])
    answer = server.ask("POST", f"{AT}/fail/run?wait=60", {"text": "no such luck"})
    assert (answer.status, answer.body["error"]["code"]) == (500, "job.failed")
    (problem,) = answer.body["problems"]
    assert problem["node"] == "toy"
    assert "no such luck" in problem["message"]
    assert server.ask("GET", answer.headers["Location"]).body["state"] == "failed"


def test_one_key_is_one_run_and_each_asker_gets_what_it_made(server: Server) -> None:
    save(
        server,
        "once",
        ("text", "ToyText", {"text": "once"}),
        ("save", "ToySave", {"text": "@text"}),
        form=[{"node": "text", "input": "seed"}],
    )
    key = {"Idempotency-Key": "the same"}
    first, again = (run(server, "once", {"seed": 5}, **key) for _ in range(2))
    assert first.content == again.content == b"once 5"
    assert first.headers["Location"] == again.headers["Location"]
