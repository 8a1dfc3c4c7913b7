"""Jobs and the queue over HTTP, with no worker that would take them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.disk import Disk
from tests.server.http.serving import V1, Client, serving, workflow

AT = f"{V1}/jobs"


@pytest.fixture(autouse=True)
def empty_queue(server: Client) -> Iterator[None]:
    yield
    server.post(f"{V1}/queue/clear")


def submit(server: Client, number: int = 3, **more: object) -> str:
    answer = server.post(AT, {"workflow": workflow(number), **more})
    assert answer.status == 202, answer.body
    return str(answer.json()["id"])


def test_a_workflow_is_queued_and_described(server: Client) -> None:
    answer = server.post(
        AT, {"workflow": workflow(), "client": "c", "document": "d", "title": "Mine"}
    )
    job = answer.json()
    assert answer.status == 202
    assert (job["state"], job["title"], job["client"], job["document"], job["position"]) == (
        "queued",
        "Mine",
        "c",
        "d",
        0,
    )
    detail = server.get(f"{AT}/{job['id']}").json()
    assert detail["workflow"] == workflow()
    assert server.get(f"{AT}/none").code == "job.missing"
    (event,) = server.get(f"{AT}/{job['id']}/events").json()["items"]
    assert event["type"] == "job.queued"
    assert server.get(f"{AT}/{job['id']}/events?after={event['seq']}").json()["items"] == []
    assert server.get(f"{AT}/none/events").status == 404


def test_all_problems_of_a_workflow_are_told_at_once_and_nothing_is_queued(server: Client) -> None:
    wrong = workflow(101)
    wrong["nodes"]["c"] = {"type": "Tvice", "version": 1, "inputs": {}}
    wrong["nodes"]["b"]["inputs"]["number"] = {"link": ["c", "int"]}
    before = server.get(f"{V1}/queue").json()["queued"]
    refused = server.post(AT, {"workflow": wrong})
    assert refused.status == 422
    assert refused.code == "workflow.invalid"
    problems = refused.json()["problems"]
    assert all(p["code"] and p["message"] and "node" in p for p in problems)
    assert any("Twice" in p["message"] + p["hint"] for p in problems)
    assert server.get(f"{V1}/queue").json()["queued"] == before
    told = server.post(f"{V1}/validate", {"workflow": wrong})
    assert told.status == 200
    assert {p["code"] for p in problems} <= {p["code"] for p in told.json()["problems"]}


def test_a_good_workflow_has_no_problems(server: Client) -> None:
    assert server.post(f"{V1}/validate", {"workflow": workflow()}).json() == {"problems": []}


def test_the_same_key_queues_once_and_another_body_under_it_is_refused(server: Client) -> None:
    def post(_: int) -> str:
        answer = server.post(AT, {"workflow": workflow(5)}, Idempotency_Key="k1")
        assert answer.status == 202
        return str(answer.json()["id"])

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(post, range(32)))) == 1
    refused = server.post(AT, {"workflow": workflow(6)}, Idempotency_Key="k1")
    assert (refused.status, refused.code) == (409, "job.conflict")
    for wrong in ("", "x" * 201, "ü"):
        sent = wrong.encode().decode("latin-1")
        refused = server.post(AT, {"workflow": workflow()}, Idempotency_Key=sent)
        assert (refused.status, refused.code) == (400, "query.key")


def test_the_queue_is_reordered_paused_and_cleared(server: Client) -> None:
    one, two, three = (submit(server, number) for number in (1, 2, 3))
    first = submit(server, 4, front=True)

    def order() -> list[str]:
        return [job["id"] for job in server.get(f"{V1}/queue").json()["queued"]]

    assert order() == [first, one, two, three]
    assert server.post(f"{AT}/{three}/move", {"before": one}).status == 200
    assert server.post(f"{AT}/{first}/move", {"before": None}).status == 200
    assert order() == [three, one, two, first]
    assert server.post(f"{AT}/{one}/move", {"before": "none"}).status == 404
    assert server.post(f"{AT}/{one}/move", {}).status == 422
    assert server.post(f"{V1}/queue/pause").json()["paused"] is True
    assert server.post(f"{V1}/queue/resume").json()["paused"] is False
    cleared = server.post(f"{V1}/queue/clear").json()
    assert cleared == {"paused": False, "running": [], "queued": []}


def test_a_job_is_cancelled_retried_and_forgotten(server: Client) -> None:
    job = submit(server)
    assert server.post(f"{AT}/{job}/cancel").json()["state"] == "cancelled"
    assert server.post(f"{AT}/{job}/cancel").json()["state"] == "cancelled"
    assert server.post(f"{AT}/{job}/retry").json()["state"] == "queued"
    refused = server.post(f"{AT}/{job}/retry")
    assert (refused.status, refused.code) == (409, "job.state")
    assert server.delete(f"{AT}/{job}").status == 204
    assert server.delete(f"{AT}/{job}").status == 204
    assert server.get(f"{AT}/{job}").status == 404
    for what in ("cancel", "retry"):
        assert server.post(f"{AT}/{job}/{what}").status == 404


def test_history_comes_in_pages_by_state_and_words(server: Client) -> None:
    made = [submit(server, number, title=f"Page {number}") for number in range(5)]
    server.post(f"{AT}/{made[0]}/cancel")
    first = server.get(f"{AT}?q=page&limit=3").json()
    second = server.get(f"{AT}?q=page&limit=3&before={first['next']}").json()
    assert [job["id"] for job in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None
    found = server.get(f"{AT}?q=page&state=cancelled,failed").json()["items"]
    assert [job["id"] for job in found] == [made[0]]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "body.range"),
        ("limit=201", "body.range"),
        ("limit=x", "query.number"),
        ("limit=1&limit=2", "query.twice"),
        ("limit=%D9%A3", "query.number"),
        (f"limit={'9' * 30}", "query.number"),
        ("before=x", "query.before"),
        ("before=" + "9" * 19, "body.range"),
        ("state=gone", "query.state"),
        ("page=2", "query.unknown"),
        ("q=" + "x" * 201, "body.range"),
    ],
)
def test_a_wrong_query_is_told(server: Client, query: str, code: str) -> None:
    refused = server.get(f"{AT}?{query}")
    assert refused.code == code
    assert refused.status in (400, 422)


def test_only_named_targets_are_taken(server: Client) -> None:
    assert submit(server, targets=["b"])
    refused = server.post(AT, {"workflow": workflow(), "targets": ["zz"]})
    assert refused.status == 422
    assert refused.json()["problems"]


def test_large_seeds_survive(server: Client) -> None:
    seed = 2**64 - 1
    title = workflow()
    title["nodes"]["b"]["inputs"]["name"] = str(seed)
    title["meta"] = {"seed": seed}
    job = server.post(AT, {"workflow": title}).json()["id"]
    assert f"{seed}" in server.get(f"{AT}/{job}").body.decode()
    assert server.get(f"{AT}/{job}").json()["workflow"]["meta"]["seed"] == seed


def test_a_plan_tells_what_would_run_without_running_it(server: Client) -> None:
    drawn = workflow()
    drawn["nodes"]["alone"] = {"type": "Twice", "version": 1, "inputs": {}}
    plan = server.post(f"{V1}/plan", {"workflow": drawn}).json()
    assert plan["nodes"] == {"a": "run", "b": "run", "alone": "skipped"}
    assert (plan["run"], plan["total"]) == (2, 3)
    assert not [problem for problem in plan["problems"] if problem["severity"] == "error"]
    wrong = server.post(f"{V1}/plan", {"workflow": workflow("x")}).json()
    assert wrong["run"] == 0
    assert wrong["problems"]


def test_our_own_format_is_converted_to_itself(server: Client) -> None:
    assert server.post(f"{V1}/convert", workflow()).json()["workflow"] == workflow()
    assert server.post(f"{V1}/convert", {"what": 1}).code == "workflow.format"
    theirs = server.post(f"{V1}/convert?to=comfyui", workflow()).json()["workflow"]
    assert {node["type"] for node in theirs["nodes"]} == {
        node["type"] for node in workflow()["nodes"].values()
    }
    assert server.post(f"{V1}/convert?to=other", workflow()).status == 422


def test_a_prompt_of_comfyui_is_converted_with_what_there_is_to_say(server: Client) -> None:
    prompt = {
        "1": {"class_type": "Twice", "inputs": {"number": 3}},
        "2": {"class_type": "Keep", "inputs": {"number": ["1", 0]}},
        "3": {"class_type": "Unknown", "inputs": {}},
    }
    made = server.post(f"{V1}/convert", prompt).json()
    nodes = made["workflow"]["nodes"]
    assert {node["type"] for node in nodes.values()} == {"Twice", "Keep", "Unknown"}
    assert any("Unknown" in problem["message"] for problem in made["problems"])
    assert server.post(f"{V1}/validate", {"workflow": made["workflow"]}).status == 200


def test_the_catalogue_is_sent_once(server: Client) -> None:
    first = server.get(f"{V1}/nodes")
    assert set(first.json()["nodes"]) == {"Twice", "Keep"}
    again = server.get(f"{V1}/nodes", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert server.get(f"{V1}/nodes", If_None_Match='"other"').status == 200


def test_the_system_tells_its_limits(server: Client) -> None:
    system = server.get(f"{V1}/system").json()
    assert system["version"]
    assert system["limits"]["queue"] == 10_000
    assert isinstance(system["queued"], int)


def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    with serving(tmp_path, queue_limit=2) as server:
        for number in (1, 2):
            submit(server, number)
        refused = server.post(AT, {"workflow": workflow()})
        assert (refused.status, refused.code) == (429, "queue.full")
        assert int(refused.headers["retry-after"]) > 0


def test_a_stopping_server_says_when_to_come_back(server: Client) -> None:
    server.services.jobs.draining = True
    try:
        refused = server.post(AT, {"workflow": workflow()})
    finally:
        server.services.jobs.draining = False
    assert (refused.status, refused.code) == (503, "server.stopping")
    assert int(refused.headers["retry-after"]) > 0


def test_new_work_is_refused_on_a_full_disk_and_the_state_still_changes(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        job = submit(server)
        disk: Disk = server.services.disk
        floor, disk._floor_bytes = disk._floor_bytes, 2**60
        for refused in (
            server.post(AT, {"workflow": workflow()}),
            server.upload(b"x"),
            server.put(f"{V1}/workflows/a", workflow()),
        ):
            assert (refused.status, refused.code) == (507, "disk.full")
        assert server.post(f"{AT}/{job}/cancel").json()["state"] == "cancelled"
        assert "disk" in json.dumps(server.get("/readyz").json()["reasons"])
        disk._floor_bytes = floor
        assert submit(server)


def test_health_and_metrics_are_told(server: Client) -> None:
    assert server.get("/healthz").json() == {"status": "ok"}
    ready = server.get("/readyz")
    assert (ready.status, ready.json()["reasons"]) == (503, ["No worker is up."])
    submit(server)
    metrics = server.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'weft_jobs{state="queued"} 1' in metrics.body.decode()
    server.get(f"{AT}/none")
    assert 'weft_rejections_total{reason="job.missing"}' in server.get("/metrics").body.decode()
