"""The description of the API is valid, whole, and true."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from server.http.routes import ALL_ROUTES
from server.http.table import add_route
from tests.server.http.serving import V1, Client, quoted, workflow
from tests.server.pictures import encoded


@pytest.fixture(scope="module")
def description(server: Client) -> dict[str, Any]:
    described: dict[str, Any] = server.get(f"{V1}/openapi.json").json()
    return described


def test_the_description_is_valid(description: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(description).iter_errors()) == []
    assert description["openapi"].startswith("3.1")


def test_every_route_of_the_table_is_described_and_no_other(description: dict[str, Any]) -> None:
    described = {
        (method.upper(), path)
        for path, operations in description["paths"].items()
        for method in operations
    }
    assert described == {(route.method, route.path) for route in ALL_ROUTES}
    names = [route.handler.__name__ for route in ALL_ROUTES]
    assert len(set(names)) == len(names)


def test_every_route_that_is_served_is_in_the_table() -> None:
    app = web.Application()
    for route in ALL_ROUTES:
        add_route(app, route)
    served = {(r.method, r.resource.canonical) for r in app.router.routes() if r.resource}
    assert {pair for pair in served if pair[0] != "HEAD"} == {
        (route.method, route.path) for route in ALL_ROUTES
    }


def test_everything_is_told_in_words(description: dict[str, Any]) -> None:
    for path, operations in description["paths"].items():
        for operation in operations.values():
            assert operation["summary"].endswith("."), path
            for parameter in operation["parameters"]:
                assert parameter["in"] == "path" or parameter["description"], path
    for name, shape in description["components"]["schemas"].items():
        assert shape["description"], name
        for field, about in shape["properties"].items():
            assert about.get("description"), f"{name}.{field}"


def test_every_handler_s_path_names_are_its_parameters() -> None:
    for route in ALL_ROUTES:
        taken = set(inspect.signature(route.handler).parameters) - {"call", "query", "body"}
        assert taken == set(route.names), route.path


def test_answers_are_as_described(server: Client, description: dict[str, Any]) -> None:
    job = server.post(f"{V1}/jobs", {"workflow": workflow()}).json()["id"]
    server.put(f"{V1}/workflows/a", workflow())
    server.upload(encoded(), "a.png")
    asked = [
        ("GET", "/healthz", "/healthz", None),
        ("GET", f"{V1}/system", f"{V1}/system", None),
        ("GET", f"{V1}/jobs", f"{V1}/jobs", None),
        ("GET", f"{V1}/jobs/{{id}}", f"{V1}/jobs/{job}", None),
        ("GET", f"{V1}/jobs/{{id}}/events", f"{V1}/jobs/{job}/events", None),
        ("POST", f"{V1}/jobs/{{id}}/cancel", f"{V1}/jobs/{job}/cancel", None),
        ("POST", f"{V1}/jobs", f"{V1}/jobs", {"workflow": workflow()}),
        ("GET", f"{V1}/queue", f"{V1}/queue", None),
        ("GET", f"{V1}/artifacts", f"{V1}/artifacts", None),
        ("GET", f"{V1}/files/{{kind}}", f"{V1}/files/input", None),
        ("GET", f"{V1}/workflows", f"{V1}/workflows", None),
        ("GET", f"{V1}/workflows/{{name}}/versions", f"{V1}/workflows/a/versions", None),
        ("PUT", f"{V1}/workflows/{{name}}", f"{V1}/workflows/{quoted('b/c')}", workflow()),
        ("POST", f"{V1}/validate", f"{V1}/validate", {"workflow": workflow(1000)}),
        ("POST", f"{V1}/plan", f"{V1}/plan", {"workflow": workflow()}),
        ("POST", f"{V1}/convert", f"{V1}/convert", workflow()),
    ]
    for method, route, path, body in asked:
        answer = server.post(path, body, method)
        said = description["paths"][route][method.lower()]["responses"][str(answer.status)]
        check(description, said, answer.json())


def test_refusals_are_as_described(server: Client, description: dict[str, Any]) -> None:
    refusals = [
        server.get(f"{V1}/jobs/none"),
        server.get("/nowhere"),
        server.post(f"{V1}/jobs", {"workflow": {"format": 1, "nodes": {"a": {"type": "No"}}}}),
        server.post(f"{V1}/healthz"),
    ]
    for answer in refusals:
        said = description["paths"][f"{V1}/jobs"]["get"]["responses"]["default"]
        check(description, said, answer.json())


def check(description: dict[str, Any], said: dict[str, Any], answer: Any) -> None:
    """Hold an answer against its description; references are to the whole document."""
    shape = said["content"]["application/json"]["schema"]
    whole = {**shape, "components": description["components"]}
    errors = [error.message for error in Draft202012Validator(whole).iter_errors(answer)]
    assert errors == []
