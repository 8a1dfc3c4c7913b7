"""Saved workflows over HTTP."""

from __future__ import annotations

from tests.server.http.serving import V1, Client, quoted, workflow

AT = f"{V1}/workflows"


def test_a_workflow_is_saved_opened_listed_and_deleted(server: Client) -> None:
    path = f"{AT}/{quoted('portraits/ann')}"
    saved = server.put(path, workflow())
    assert saved.status == 200
    tag = saved.headers["etag"]
    assert tag == f'"{saved.json()["version"]}"'
    opened = server.get(path)
    assert opened.json() == workflow()
    assert opened.headers["etag"] == tag
    assert server.get(path, If_None_Match=tag).status == 304
    (item,) = server.get(f"{AT}?q=twice").json()["items"]
    assert (item["name"], item["title"], item["version"]) == (
        "portraits/ann",
        "Twice three",
        tag.strip('"'),
    )
    assert server.delete(path).status == 204
    assert server.delete(path).status == 204
    assert server.get(path).code == "file.missing"


def test_nobody_saves_over_what_they_have_not_seen(server: Client) -> None:
    path = f"{AT}/shared"
    first = server.put(path, workflow(1), If_None_Match="*").headers["etag"]
    assert server.put(path, workflow(2), If_Match=first).status == 200
    refused = server.put(path, workflow(3), If_Match=first)
    assert (refused.status, refused.code) == (412, "workflow.conflict")
    taken = server.put(path, workflow(3), If_None_Match="*")
    assert (taken.status, taken.code) == (412, "workflow.taken")
    assert server.delete(path, If_Match=first).status == 412
    assert server.put(path, workflow(4), If_Match="*").status == 200
    assert server.put(path, workflow(5)).status == 200
    assert server.put(f"{AT}/absent", workflow(), If_Match="*").status == 404
    assert server.put(path, workflow(), If_Match="one, two").code == "query.condition"


def test_versions_are_listed_and_opened(server: Client) -> None:
    path = f"{AT}/{quoted('a b/ü')}"
    for number in (1, 2):
        server.put(path, workflow(number))
    items = server.get(f"{path}/versions").json()["items"]
    assert [item["version"] for item in items] == [2, 1]
    assert server.get(f"{path}/versions/1").json() == workflow(1)
    for wrong in ("3", "x", "-1", "9" * 30):
        assert server.get(f"{path}/versions/{wrong}").status == 404


def test_a_workflow_is_renamed(server: Client) -> None:
    server.put(f"{AT}/old", workflow())
    server.put(f"{AT}/taken", workflow(9))
    assert server.post(f"{AT}/old/rename", {"to": "taken"}).status == 412
    assert server.post(f"{AT}/old/rename", {"to": "../new"}).status == 400
    assert server.post(f"{AT}/old/rename", {"to": "folder/new"}).status == 200
    assert server.get(f"{AT}/{quoted('folder/new')}").json() == workflow()
    assert server.get(f"{AT}/old").status == 404


def test_what_is_no_workflow_is_not_saved(server: Client) -> None:
    wrongs: list[object] = [[], 3, {"format": 2, "nodes": {}}, {"format": 1, "nodes": {"a b": {}}}]
    for wrong in wrongs:
        refused = server.put(f"{AT}/wrong", wrong)
        assert refused.status == 422
        assert refused.json()["problems"]
    assert server.get(f"{AT}/wrong").status == 404


def test_an_unfinished_workflow_with_unknown_nodes_is_saved_as_it_is(server: Client) -> None:
    strange = workflow(nodes={"x": {"type": "Unknown", "version": 7, "inputs": {"a": 2**64 - 1}}})
    server.put(f"{AT}/strange", {**strange, "later": {"kept": True}})
    assert server.get(f"{AT}/strange").json() == {**strange, "later": {"kept": True}}


def test_templates_are_read_only(server: Client) -> None:
    items = server.get(f"{V1}/templates").json()["items"]
    for item in items:
        opened = server.get(f"{V1}/templates/{quoted(item['name'])}")
        assert opened.json()["format"] == 1
    assert server.put(f"{V1}/templates/x", workflow()).code == "route.method"
