"""The list of jobs as ComfyUI's present editor reads it: its queue, its history, its details."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.comfy.script import get, post, run, simple
from tests.server.comfy.test_client import failing, stepping
from tests.server.running import Server, until

PUBLISHED = {
    "id",
    "status",
    "create_time",
    "execution_start_time",
    "execution_end_time",
    "execution_error",
    "outputs_count",
    "preview_output",
    "workflow_id",
}
"""The fields of a job in the list, as the interface is published."""


def listed(server: Server, query: str = "") -> list[dict[str, Any]]:
    status, answer = get(server, f"/api/jobs{query}")
    assert status == 200, answer
    return list(answer["jobs"])


def test_a_job_that_ran_is_listed_with_its_picture_and_told_whole(server: Server) -> None:
    workflow = {"id": "the-editor-s-own", "nodes": []}
    prompt = simple(color=0x1234, sink="SaveImage", filename_prefix="jobs")
    heard = run(server, prompt, extra_data={"extra_pnginfo": {"workflow": workflow}})
    (job,) = [job for job in listed(server, "?status=completed") if job["id"] == heard.id]
    assert job.keys() >= PUBLISHED
    assert job["status"] == "completed"
    assert job["workflow_id"] == workflow["id"]
    assert job["create_time"] <= job["execution_start_time"] <= job["execution_end_time"]
    assert job["execution_error"] is None
    assert job["outputs_count"] == 1
    shown = job["preview_output"]
    assert (shown["nodeId"], shown["mediaType"], shown["type"]) == ("3", "images", "output")
    status, told = get(server, f"/api/jobs/{heard.id}")
    assert status == 200
    assert told["workflow"]["prompt"] == prompt
    assert told["workflow"]["extra_data"]["extra_pnginfo"]["workflow"] == workflow
    (made,) = told["outputs"]["3"]["images"]
    assert made["filename"] == shown["filename"]
    assert told["execution_status"]["completed"] is True


def test_a_failure_is_listed_with_its_node_and_reason(server: Server) -> None:
    heard = run(server, failing())
    (job,) = [job for job in listed(server, "?status=failed") if job["id"] == heard.id]
    (said,) = heard.of("execution_error")
    assert job["execution_error"]["node_id"] == said["node_id"]
    assert job["execution_error"]["exception_message"] == said["exception_message"]


def test_the_list_is_paged_in_either_order(server: Server) -> None:
    ids = [run(server, simple(color=color)).id for color in (1, 2, 3)]
    status, answer = get(server, "/api/jobs?status=completed&limit=2&offset=1")
    assert status == 200
    assert [job["id"] for job in answer["jobs"]] == [ids[1], ids[0]]
    assert answer["pagination"]["total"] >= 3
    assert answer["pagination"]["has_more"] is (answer["pagination"]["total"] > 3)
    rising = [job["id"] for job in listed(server, "?sort_order=asc")]
    assert rising.index(ids[0]) < rising.index(ids[2])
    seconds = [
        job["execution_end_time"] - job["execution_start_time"]
        for job in listed(server, "?status=completed&sort_by=execution_duration")
    ]
    assert sorted(seconds, reverse=True) == seconds


@pytest.mark.parametrize(
    "query", ["status=lost", "sort_by=colour", "sort_order=up", "limit=x", "offset=1.5"]
)
def test_what_cannot_be_asked_of_the_list_is_refused_in_words(server: Server, query: str) -> None:
    status, answer = get(server, f"/api/jobs?{query}")
    assert status == 400
    assert query.partition("=")[0] in answer["error"]["message"]


def test_there_is_no_job_of_any_other_id(server: Server) -> None:
    assert get(server, "/api/jobs/none")[0] == 404


def test_what_waits_and_runs_is_listed_so(server: Server) -> None:
    assert post(server, "/prompt", {"prompt": stepping(100_000), "prompt_id": "long"})[0] == 200
    until(lambda: listed(server, "?status=in_progress"))
    assert post(server, "/prompt", {"prompt": simple(9), "prompt_id": "next"})[0] == 200
    shown = {job["id"]: job["status"] for job in listed(server, "?status=in_progress,pending")}
    assert shown == {"long": "in_progress", "next": "pending"}
    assert get(server, "/api/jobs/next")[1]["outputs"] == {}
    assert post(server, "/queue", {"clear": True})[0] == 200
    assert post(server, "/interrupt", {"prompt_id": "long"})[0] == 200
    until(lambda: "long" in [job["id"] for job in listed(server, "?status=cancelled")])
    assert "next" not in [job["id"] for job in listed(server)], "what never ran is in no history"
