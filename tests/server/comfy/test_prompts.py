"""What `/prompt` says of prompts that cannot run: types and fields as recorded, in our words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.comfy.script import Prompt, get, node, post, run, send, simple
from tests.server.running import Server

CAPTURE = json.loads(Path(__file__).with_name("capture.json").read_text(encoding="utf-8"))

BROKEN: dict[str, Any] = {
    "no prompt": {},
    "empty prompt": {"prompt": {}},
    "prompt is a list": {"prompt": []},
    "class_type missing": {"prompt": {"1": {"inputs": {}}}},
    "unknown class": {"prompt": {**simple(), "1": node("NoSuchNode")}},
    "no outputs": {"prompt": {"1": node("EmptyImage", width=8)}},
    "required_input_missing": {"prompt": {**simple(), "2": node("ImageInvert")}},
    "bad_linked_input": {"prompt": {**simple(), "2": node("ImageInvert", image=["1", 0, 0])}},
    "return_type_mismatch": {"prompt": {**simple(), "2": node("EmptyLatentImage")}},
    "invalid_input_type": {"prompt": {**simple(), "1": node("EmptyImage", width="abc")}},
    "value_smaller_than_min": {"prompt": {**simple(), "1": node("EmptyImage", width=0)}},
    "value_bigger_than_max": {"prompt": {**simple(), "1": node("EmptyImage", width=10**9)}},
    "value_not_in_list": {
        "prompt": {
            **simple(),
            "2": node("ImageScale", image=["1", 0], upscale_method="nope", width=8, height=8),
        }
    },
    "custom_validation_failed": {"prompt": {**simple(), "1": node("LoadImage", image="no.png")}},
}
BETTER = {"exception_message"}
"""Fields of the recording that told of Python, and are left out here."""


@pytest.mark.parametrize("name", BROKEN)
def test_a_refusal_has_the_recorded_types_and_fields(server: Server, name: str) -> None:
    expected = CAPTURE["refusals"][name]
    status, answer = post(server, "/prompt", BROKEN[name])
    assert status == 400
    assert answer["error"].keys() == {"type", "message", "details", "extra_info"}
    assert answer["error"]["type"] == expected["error"]
    for place, errors in expected["nodes"].items():
        told = answer["node_errors"][place]
        assert told["dependent_outputs"] == ["3"]
        assert told["class_type"] == BROKEN[name]["prompt"][place]["class_type"]
        assert [error["type"] for error in told["errors"]] == [e["type"] for e in errors]
        for error, was in zip(told["errors"], errors, strict=True):
            assert set(was["extra_info"]) - BETTER <= error["extra_info"].keys()
            assert error["message"]


@pytest.mark.parametrize("link", [["1", -1], ["1", 99], ["1", 0.5], ["99", 0], ["1", True], []])
def test_a_wire_to_nowhere_is_told(server: Server, link: list[Any]) -> None:
    status, answer = post(
        server, "/prompt", {"prompt": {**simple(), "2": node("ImageInvert", image=link)}}
    )
    assert status == 400
    (error,) = answer["node_errors"]["2"]["errors"]
    assert (error["type"], error["details"]) == ("bad_linked_input", "image")
    assert error["extra_info"]["received_value"] == link


def test_a_circle_is_told_by_its_nodes(server: Server) -> None:
    prompt = {
        "a:1": node("ImageInvert", image=["b:2", 0]),
        "b:2": node("ImageInvert", image=["a:1", 0]),
        "out": node("PreviewImage", images=["b:2", 0]),
    }
    status, answer = post(server, "/prompt", {"prompt": prompt})
    assert status == 400
    assert answer["node_errors"].keys() == {"a:1", "b:2"}
    assert all(
        errors["errors"][0]["type"] == "dependency_cycle" and errors["dependent_outputs"] == ["out"]
        for errors in answer["node_errors"].values()
    )
    assert "a:1 → b:2 → a:1" in answer["error"]["details"]


def test_every_problem_is_told_at_once(server: Server) -> None:
    wrong = node("EmptyImage", width="abc", height=0, batch_size=10**6, color=16.9)
    _, answer = post(server, "/prompt", {"prompt": {**simple(), "1": wrong}})
    assert [error["type"] for error in answer["node_errors"]["1"]["errors"]] == [
        "invalid_input_type",
        "value_smaller_than_min",
        "value_bigger_than_max",
        "invalid_input_type",
    ]


def test_the_good_outputs_run_and_the_bad_are_told(server: Server) -> None:
    prompt = {**simple(0x818181), "4": node("PreviewImage"), "9": node("NoSuchNode")}
    heard = run(server, prompt)
    assert heard.answer["node_errors"].keys() == {"4"}
    assert heard.answer["node_errors"]["4"]["dependent_outputs"] == ["4"]
    entry = get(server, f"/history/{heard.id}")[1][heard.id]
    assert entry["prompt"][4] == list(entry["outputs"]) == ["3"]


def test_only_the_outputs_that_are_asked_for_run(server: Server) -> None:
    prompt = {**simple(0x919191), "4": node("PreviewImage", images=["1", 0])}
    heard = run(server, prompt, partial_execution_targets=["4"])
    assert list(get(server, f"/history/{heard.id}")[1][heard.id]["outputs"]) == ["4"]
    for targets in ([], ["1"], ["nobody"]):
        body = {"prompt": prompt, "partial_execution_targets": targets}
        status, answer = post(server, "/prompt", body)
        assert (status, answer["error"]["type"]) == (400, "prompt_no_outputs")


def test_values_are_turned_into_their_types_where_nothing_is_lost(server: Server) -> None:
    first = node("EmptyImage", width="16", height=16.0, batch_size=True, color=0, gone=[1, 2, 3])
    heard = run(server, {**simple(), "1": first, "2": node("ImageInvert", image=["1", 0.0])})
    nodes = server.ask("GET", f"/api/v1/jobs/{heard.id}").body["workflow"]["nodes"]
    assert nodes["1"]["inputs"] == {"width": 16, "height": 16, "batch_size": 1, "color": 0}


def test_inputs_that_grow_or_stand_in_groups_are_read(server: Server) -> None:
    prompt = {
        "1": node("EmptyImage", width=16, height=8),
        "2": node("BatchImagesNode", **{"images.image0": ["1", 0], "images.image1": ["1", 0]}),
        "3": node(
            "ResizeImageMaskNode",
            **{
                "input": ["2", 0],
                "resize_type": "scale dimensions",
                "resize_type.width": 24,
                "resize_type.height": 12,
                "resize_type.crop": "disabled",
                "scale_method": "area",
            },
        ),
        "4": node("PreviewAny", source=["3", 0]),
    }
    heard = run(server, prompt)
    (told,) = heard.of("executed")
    assert told["output"]["text"] == ["Image(pixels: 2 × 3 × 12 × 24 numbers)"]
    _, history = get(server, f"/history/{heard.id}")
    assert history[heard.id]["outputs"]["4"]["text"] == told["output"]["text"]


def test_a_list_is_wrapped_to_be_a_value(server: Server) -> None:
    prompt = simple()
    prompt["3"]["inputs"]["images"] = {"__value__": ["2", 0]}
    status, answer = post(server, "/prompt", {"prompt": prompt})
    assert status == 400
    assert answer["node_errors"]["3"]["errors"][0]["type"] == "bad_linked_input"


@pytest.mark.parametrize(
    "extra",
    [
        {"client_id": 5},
        {"client_id": ""},
        {"client_id": "x" * 201},
        {"prompt_id": ["a"]},
        {"prompt_id": "a\n"},
        {"number": "1"},
        {"number": True},
        {"extra_data": [1]},
        {"extra_data": {"extra_pnginfo": []}},
        {"extra_data": {"extra_pnginfo": {"": 1}}},
        {"extra_data": {"extra_pnginfo": {"x" * 80: 1}}},
        {"extra_data": {"extra_pnginfo": {"a\u0000b": 1}}},
        {"partial_execution_targets": "3"},
    ],
)
def test_what_comes_along_is_looked_at(server: Server, extra: dict[str, Any]) -> None:
    status, answer = post(server, "/prompt", {"prompt": simple(), **extra})
    assert (status, answer["error"]["type"]) == (400, "invalid_prompt")
    assert next(iter(extra)) in answer["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"prompt": NaN}',
        b'{"prompt": {"1": {}, "1": {}}}',
        b'{"prompt": ' + b'{"a":' * 300 + b"1" + b"}" * 301,
        b'{"prompt": {"1": {"class_type": "EmptyImage", "inputs": {"width": 1e999}}}}',
        b'{"prompt": "\\ud800"}',
    ],
)
def test_what_is_no_json_is_told_and_never_a_failure(server: Server, body: bytes) -> None:
    status, answer = send(server, "POST", "/prompt", body)
    assert status == 400
    assert answer["error"]["message"]


def test_a_browser_has_to_call_json_by_its_name(server: Server) -> None:
    body = json.dumps({"prompt": simple()}).encode()
    here = f"http://127.0.0.1:{server.port}"
    for headers, expected in (
        ({}, 200),
        ({"Content-Type": "text/plain"}, 200),
        ({"Content-Type": "text/plain", "Origin": here}, 415),
        ({"Content-Type": "application/json", "Origin": here}, 200),
        ({"Content-Type": "application/json", "Origin": "http://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
    ):
        assert send(server, "POST", "/prompt", body, headers)[0] == expected, headers


NAMES = st.sampled_from(["1", "2", "3", "5:1", "", "ä"])
KINDS = st.sampled_from(["EmptyImage", "ImageInvert", "PreviewImage", "NoSuchNode", "SaveImage"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
LINKS = st.tuples(NAMES, st.integers(-2, 3) | st.floats(-1, 2)).map(list)
VALUES = st.recursive(
    SCALARS | LINKS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
INPUTS = st.dictionaries(
    st.sampled_from(["image", "images", "width", "color", "filename_prefix", "x"]), VALUES
)
NODES = st.fixed_dictionaries({"class_type": KINDS, "inputs": INPUTS}) | VALUES
PROMPTS = st.dictionaries(NAMES, NODES, max_size=5) | VALUES


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(PROMPTS)
def test_no_prompt_whatever_makes_the_server_fail(server: Server, prompt: Any) -> None:
    # Huge integers are refused by JSON itself; these arrive at the graph.
    status, answer = post(server, "/prompt", {"prompt": prompt})
    assert status in (200, 400), answer
    assert "error" in answer or answer["prompt_id"]


def test_a_chain_is_looked_at_in_time_proportional_to_it(server: Server) -> None:
    prompt: Prompt = {"0": node("EmptyImage", width="wrong")}
    for number in range(1, 3000):
        prompt[str(number)] = node("ImageInvert", image=[str(number - 1), 0])
    prompt["out"] = node("PreviewImage", images=["2999", 0])
    status, answer = post(server, "/prompt", {"prompt": prompt})
    assert status == 400
    assert answer["node_errors"]["0"]["dependent_outputs"] == ["out"]
