"""Whole files of ComfyUI's page, good, odd and damaged, through the same door as the server's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.api.catalogue import Catalogue, load
from server.engine.effective import effective
from server.engine.graph import Graph
from server.engine.problems import Invalid, errors
from server.engine.validate import validate
from server.formats.comfy_prompt import from_prompt, to_prompt
from server.formats.interfaces import Interfaces
from server.opening import opened

JSON = Any
BOUNDED = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(("nodes",), ())


def raw(number: JSON, kind: str, **more: JSON) -> dict[str, JSON]:
    return {"id": number, "type": kind, "pos": [0, 0], "size": [200, 90], "mode": 0, **more}


def port(name: str, wire: str, link: int | None, widget: bool = False) -> dict[str, JSON]:
    found: dict[str, JSON] = {"name": name, "type": wire, "link": link}
    return {**found, "widget": {"name": name}} if widget else found


def file(nodes: list[JSON], links: list[JSON], **more: JSON) -> dict[str, JSON]:
    return {"version": 0.4, "nodes": nodes, "links": links, **more}


DRAWING = file(
    [
        raw(4, "CheckpointLoaderSimple", widgets_values=["weft-mini.safetensors"]),
        raw(5, "EmptyLatentImage", widgets_values=[64, 64, 1]),
        raw(6, "CLIPTextEncode", inputs=[port("clip", "CLIP", 3)], widgets_values=["a red star"]),
        raw(7, "CLIPTextEncode", inputs=[port("clip", "CLIP", 4)], widgets_values=[""]),
        raw(
            3,
            "KSampler",
            inputs=[
                port("model", "MODEL", 1),
                port("positive", "CONDITIONING", 5),
                port("negative", "CONDITIONING", 6),
                port("latent_image", "LATENT", 2),
                port("steps", "INT", 10, widget=True),
            ],
            widgets_values=[2**63 + 1, "randomize", 20, 8, "dpmpp_2m", "karras", 1],
        ),
        raw(8, "VAEDecode", inputs=[port("samples", "LATENT", 7), port("vae", "VAE", 8)]),
        raw(9, "SaveImage", inputs=[port("images", "IMAGE", 9)], widgets_values=["ComfyUI"]),
        raw(10, "PrimitiveNode", widgets_values=[12, "fixed"]),
        raw(11, "Note", widgets_values=["hello"]),
    ],
    [
        [1, 4, 0, 3, 0, "MODEL"],
        [2, 5, 0, 3, 3, "LATENT"],
        [3, 4, 1, 6, 0, "CLIP"],
        [4, 4, 1, 7, 0, "CLIP"],
        [5, 6, 0, 3, 1, "CONDITIONING"],
        [6, 7, 0, 3, 2, "CONDITIONING"],
        [7, 3, 0, 8, 0, "LATENT"],
        [8, 4, 2, 8, 1, "VAE"],
        [9, 8, 0, 9, 0, "IMAGE"],
        [10, 10, 0, 3, 4, "INT"],
    ],
)


def test_the_usual_workflow_can_run_as_it_is(catalogue: Catalogue) -> None:
    found = opened(DRAWING, catalogue)
    assert found.problems == ()
    graph = Graph.from_json(found.workflow)
    assert errors(validate(graph, catalogue)) == []
    sampler = found.workflow["nodes"]["3"]["inputs"]
    assert (sampler["seed"], sampler["steps"]) == (2**63 + 1, 12)
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("dpmpp_2m", "karras")
    assert sampler["latent_image"] == {"link": ["5", "latent"]}


def test_names_of_inputs_may_have_dots(catalogue: Catalogue) -> None:
    merge = raw(
        3,
        "ModelMergeSDXL",
        inputs=[
            port("model1", "MODEL", 1),
            port("model2", "MODEL", 2),
            port("input_blocks.1", "FLOAT", 3, widget=True),
        ],
        widgets_values=[0.5, *[1] * 22, 0.25],
    )
    loaders = [
        raw(n, "CheckpointLoaderSimple", widgets_values=["weft.safetensors"]) for n in (1, 2)
    ]
    number = raw(4, "PrimitiveFloat", widgets_values=[0.75])
    links = [[1, 1, 0, 3, 0, "MODEL"], [2, 2, 0, 3, 1, "MODEL"], [3, 4, 0, 3, 2, "FLOAT"]]
    links.append([4, 3, 0, 5, 0, "MODEL"])
    save = raw(5, "ModelSave", inputs=[port("model", "MODEL", 4)], widgets_values=["made"])
    workflow = opened(file([*loaders, merge, number, save], links), catalogue).workflow
    given = workflow["nodes"]["3"]["inputs"]
    assert (given["time_embed."], given["input_blocks.0"], given["out."]) == (0.5, 1, 0.25)
    assert given["input_blocks.1"] == {"link": ["4", "float"]}
    assert errors(validate(Graph.from_json(workflow), catalogue)) == []
    interfaces = Interfaces(catalogue.to_json())
    prompt = to_prompt(workflow["nodes"], interfaces)
    assert prompt["3"]["inputs"]["input_blocks.1"] == ["4", 0]
    assert from_prompt(prompt, interfaces).workflow["nodes"]["3"]["inputs"] == given


def test_widgets_that_are_lines_of_an_input_are_read_and_written(catalogue: Catalogue) -> None:
    combo = raw(1, "CustomCombo", widgets_values=["Turbo", 2, "Quality", "Default", "Turbo", ""])
    show = raw(2, "PreviewAny", inputs=[port("source", "*", 1)])
    data = file([combo, show], [[1, 1, 1, 2, 0, "INT"]])
    found = opened(data, catalogue)
    assert found.problems == ()
    given = {"choice": "Turbo", "index": 2, "options": "Quality\nDefault\nTurbo"}
    assert found.workflow["nodes"]["1"]["inputs"] == given
    assert found.workflow["nodes"]["2"]["inputs"]["source"] == {"link": ["1", "place"]}
    interfaces = Interfaces(catalogue.to_json())
    prompt = to_prompt(found.workflow["nodes"], interfaces)
    lines = {"option1": "Quality", "option2": "Default", "option3": "Turbo"}
    assert prompt["1"]["inputs"] == {"choice": "Turbo", "index": 2, **lines}
    prompt["1"]["inputs"]["option4"] = ""
    again = from_prompt(prompt, interfaces).workflow["nodes"]["1"]["inputs"]
    assert again == given


def test_an_object_of_several_inputs_is_parted_and_put_together(catalogue: Catalogue) -> None:
    box = {"x": 3, "y": 2, "width": 20, "height": 5}
    numbers = [
        raw(n, "ImageCropV2", widgets_values=[box, *more]) for n, more in ((1, ()), (2, (9,) * 4))
    ]
    interfaces = Interfaces(catalogue.to_json())
    for node in opened(file(numbers, []), catalogue).workflow["nodes"].values():
        assert node["inputs"] == box
        prompt = to_prompt({"1": node}, interfaces)
        assert prompt["1"]["inputs"] == {"crop_region": box}
        assert from_prompt(prompt, interfaces).workflow["nodes"]["1"]["inputs"] == box
    region = raw(3, "PrimitiveBoundingBox", widgets_values=[1, 2, 3, 4])
    crop = {**numbers[0], "inputs": [port("crop_region", "BOUNDING_BOX", 1, widget=True)]}
    wired = opened(file([region, crop], [[1, 3, 0, 1, 0, "BOUNDING_BOX"]]), catalogue).workflow
    link = {"crop_region": {"link": ["3", "bounding_box"]}}
    assert wired["nodes"]["1"]["inputs"] == {**box, **link}
    assert to_prompt(wired["nodes"], interfaces)["1"]["inputs"] == {"crop_region": ["3", 0]}


def test_a_bypassed_node_is_passed_through_and_a_muted_one_is_missed(catalogue: Catalogue) -> None:
    nodes = [
        raw(1, "EmptyImage", widgets_values=[8, 8, 1, 0]),
        raw(2, "ImageInvert", inputs=[port("image", "IMAGE", 1)]),
        raw(3, "SaveImage", inputs=[port("images", "IMAGE", 2)], widgets_values=["x"]),
    ]
    links = [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]]
    for mode, expected in ((4, {"link": ["1", "image"]}), (2, None)):
        data = file([nodes[0], {**nodes[1], "mode": mode}, nodes[2]], links)
        graph = Graph.from_json(opened(data, catalogue).workflow)
        flat = effective(graph, catalogue).to_json()["nodes"]
        assert flat["3"]["inputs"].get("images") == expected
        assert bool(errors(validate(graph, catalogue))) == (mode == 2)


def test_what_is_only_wired_has_no_value_among_those_of_the_widgets(catalogue: Catalogue) -> None:
    data = file([raw(1, "SaveText", widgets_values=["notes/day", "md"])], [])
    inputs = opened(data, catalogue).workflow["nodes"]["1"]["inputs"]
    assert inputs == {"filename_prefix": "notes/day", "format": "md"}


def test_what_enters_a_bypassed_node_by_a_name_leaves_by_it(catalogue: Catalogue) -> None:
    both = {
        "positive": {"link": ["a", "conditioning"]},
        "negative": {"link": ["b", "conditioning"]},
    }
    nodes = {
        "a": {"type": "ConditioningZeroOut", "version": 1, "inputs": {}},
        "b": {"type": "ConditioningZeroOut", "version": 1, "inputs": {}},
        "c": {"type": "ControlNetApplyAdvanced", "version": 1, "inputs": both, "mode": "bypass"},
        "k": {
            "type": "KSampler",
            "version": 1,
            "inputs": {side: {"link": ["c", side]} for side in both},
        },
    }
    flat = effective(Graph.from_json({"format": 1, "nodes": nodes}), catalogue).to_json()["nodes"]
    assert flat["k"]["inputs"] == both
    del both["negative"]
    flat = effective(Graph.from_json({"format": 1, "nodes": nodes}), catalogue).to_json()["nodes"]
    assert flat["k"]["inputs"] == both


def test_a_bypassed_node_that_takes_anything_hands_it_on(catalogue: Catalogue) -> None:
    text = {"link": ["t", "string"]}
    nodes = {
        "t": {"type": "PrimitiveString", "version": 1, "inputs": {"value": "a cat"}},
        "p": {"type": "PreviewAny", "version": 1, "inputs": {"source": text}, "mode": "bypass"},
        "e": {
            "type": "CLIPTextEncode",
            "version": 1,
            "inputs": {"text": {"link": ["p", "string"]}},
        },
    }
    flat = effective(Graph.from_json({"format": 1, "nodes": nodes}), catalogue).to_json()["nodes"]
    assert flat["e"]["inputs"]["text"] == text


def test_a_bypassed_node_that_is_not_installed_is_passed_through(catalogue: Catalogue) -> None:
    nodes = [
        raw(1, "EmptyImage", widgets_values=[8, 8, 1, 0]),
        {
            **raw(2, "SomeonesDetailer", inputs=[port("image", "IMAGE", 1)], widgets_values=[5]),
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}],
            "mode": 4,
        },
        raw(3, "SaveImage", inputs=[port("images", "IMAGE", 2)], widgets_values=["x"]),
    ]
    data = file(nodes, [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]])
    graph = Graph.from_json(opened(data, catalogue).workflow)
    assert errors(validate(graph, catalogue)) == []
    flat = effective(graph, catalogue).to_json()["nodes"]
    assert flat["3"]["inputs"]["images"] == {"link": ["1", "image"]}
    for junk in (None, 5, {"SomeonesDetailer": {"outputs": [1, {}]}}):
        told = Graph.from_json({**graph.to_json(), "signatures": junk})
        assert errors(validate(told, catalogue))


def test_a_bypassed_node_hands_on_what_stands_beside_an_output_of_another_name(
    catalogue: Catalogue,
) -> None:
    port = {"type": "Image"}
    pair = {
        "title": "Pair",
        "inputs": [{"name": "one", **port}, {"name": "two", **port}],
        "outputs": [{"name": side, **port, "from": ["i", "image"]} for side in ("left", "right")],
        "nodes": {
            "i": {"type": "ImageInvert", "version": 1, "inputs": {"image": {"input": "one"}}}
        },
    }
    image = {"type": "EmptyImage", "version": 1, "inputs": {}}

    def saved(given: dict[str, JSON], output: str) -> JSON:
        wire = {"images": {"link": ["p", output]}}
        nodes = {
            "a": image,
            "b": image,
            "p": {"type": "subgraph:pair", "version": 1, "inputs": given, "mode": "bypass"},
            "s": {"type": "SaveImage", "version": 1, "inputs": wire},
        }
        data = {"format": 1, "nodes": nodes, "subgraphs": {"pair": pair}}
        flat = effective(Graph.from_json(data), catalogue).to_json()["nodes"]
        return flat["s"]["inputs"]["images"]

    first, second = ({"link": [name, "image"]} for name in "ab")
    assert saved({"one": first, "two": second}, "left") == first
    assert saved({"one": first, "two": second}, "right") == second
    assert saved({"one": first}, "right") == first


def test_a_seed_may_be_followed_by_a_small_number(catalogue: Catalogue) -> None:
    old = raw(1, "KSampler", widgets_values=[42, 1, 8, "euler", "normal", 1])
    inputs = opened(file([old], []), catalogue).workflow["nodes"]["1"]["inputs"]
    assert (inputs["seed"], inputs["steps"], inputs["denoise"]) == (42, 1, 1)


def test_an_unknown_nodes_values_are_named_by_its_own_ports(catalogue: Catalogue) -> None:
    ghost = raw(
        1,
        "Mystery Node+",
        inputs=[
            port("image", "IMAGE", None),
            port("seed", "INT", None, widget=True),
            port("amount", "FLOAT", None, widget=True),
        ],
        outputs=[{"name": "IMAGE", "type": "IMAGE", "links": []}],
        widgets_values=[7, "fixed", 0.5],
    )
    found = opened(file([ghost], []), catalogue)
    assert found.workflow["nodes"]["1"]["inputs"] == {"seed": 7, "amount": 0.5}
    assert found.workflow["signatures"]["Mystery Node+"]["outputs"] == [
        {"name": "image", "type": "IMAGE"}
    ]
    assert found.problems == ()


def subgraph(**more: JSON) -> dict[str, JSON]:
    """A definition that makes an inverted picture; its width is an input."""
    return {
        "id": "11111111-2222",
        "name": "Inverted",
        "inputs": [{"name": "width", "type": "INT", "linkIds": [1]}],
        "outputs": [{"name": "IMAGE", "type": "IMAGE", "linkIds": [3]}],
        "nodes": [
            raw(
                1,
                "EmptyImage",
                inputs=[port("width", "INT", 1, widget=True)],
                widgets_values=[24, 16, 1, 5],
            ),
            raw(2, "ImageInvert", inputs=[port("image", "IMAGE", 2)]),
        ],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0},
            {"id": 2, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 0},
            {"id": 3, "origin_id": 2, "origin_slot": 0, "target_id": -20, "target_slot": 0},
        ],
        **more,
    }


@pytest.mark.parametrize(
    ("about", "width", "height"),
    [
        ({}, 24, 16),
        ({"inputs": [port("width", "INT", None, widget=True)], "widgets_values": [40]}, 40, 16),
        ({"properties": {"proxyWidgets": [["1", "height"]]}, "widgets_values": [9]}, 24, 9),
        (
            {
                "properties": {
                    "proxyWidgets": [
                        ["-1", "width"],
                        ["1", "control_after_generate"],
                        ["1", "$$canvas-image-preview"],
                        ["77", "gone"],
                        ["1", "height"],
                    ]
                },
                "widgets_values": [41, "fixed", None, 3, 10],
            },
            41,
            10,
        ),
    ],
)
def test_an_instance_gives_its_values_to_what_is_inside(
    catalogue: Catalogue, about: dict[str, JSON], width: int, height: int
) -> None:
    data = file(
        [
            raw(5, "11111111-2222", **about),
            raw(6, "SaveImage", inputs=[port("images", "IMAGE", 1)], widgets_values=["x"]),
        ],
        [[1, 5, 0, 6, 0, "IMAGE"]],
        definitions={"subgraphs": [subgraph()]},
    )
    graph = Graph.from_json(opened(data, catalogue).workflow)
    assert errors(validate(graph, catalogue)) == []
    flat = effective(graph, catalogue).nodes
    made = {name: item.to_json() for name, item in flat["5:1"].inputs.items()}
    assert (made["width"], made["height"], made["color"]) == (width, height, 5)


def test_subgraphs_within_subgraphs_are_read_however_deep(catalogue: Catalogue) -> None:
    deep = [
        {"id": f"s{n}", "name": "", "nodes": [raw(1, f"s{n + 1}")], "links": []}
        for n in range(2000)
    ]
    data = file([raw(1, "s0")], [], definitions={"subgraphs": [*deep, subgraph(id="s2000")]})
    assert len(opened(data, catalogue).workflow["subgraphs"]) == 2001


def test_many_readers_of_many_reroutes_take_no_longer_than_their_number(
    catalogue: Catalogue,
) -> None:
    count = 3000
    chain = [raw(n, "Reroute", inputs=[port("", "*", n)]) for n in range(1, count)]
    readers = [
        raw(count + n, "SaveImage", inputs=[port("images", "IMAGE", count + n)])
        for n in range(count)
    ]
    links = [[n, n - 1, 0, n, 0, "*"] for n in range(1, count)]
    links += [[count + n, count - 1, 0, count + n, 0, "*"] for n in range(count)]
    data = file([raw(0, "EmptyImage"), *chain, *readers], links)
    nodes = opened(data, catalogue).workflow["nodes"]
    assert len(nodes) == count + 1
    assert nodes[str(count)]["inputs"] == {"images": {"link": ["0", "image"]}}


SCALARS = st.none() | st.booleans() | st.integers(-2, 12) | st.floats(-3, 3) | st.text(max_size=4)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
KINDS = st.sampled_from(["KSampler", "EmptyImage", "SaveImage", "Reroute", "PrimitiveNode", "x"])
PORTS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(["image", "images", "steps"]), "link": SCALARS})
    | ANYTHING,
    max_size=3,
)
NODES = st.lists(
    st.fixed_dictionaries(
        {"id": SCALARS, "type": KINDS | ANYTHING},
        optional={
            "inputs": PORTS | ANYTHING,
            "outputs": PORTS | ANYTHING,
            "widgets_values": ANYTHING,
            "mode": SCALARS,
            "pos": ANYTHING,
            "size": ANYTHING,
            "properties": ANYTHING,
        },
    )
    | ANYTHING,
    max_size=5,
)
LINKS = st.lists(st.lists(SCALARS, min_size=6, max_size=6) | ANYTHING, max_size=5) | ANYTHING
GRAPHS = {"nodes": NODES, "links": LINKS, "inputs": PORTS, "outputs": PORTS}
DEFINITIONS = st.lists(
    st.fixed_dictionaries({"id": st.just("x") | ANYTHING, **GRAPHS}) | ANYTHING, max_size=2
)
FILES = st.fixed_dictionaries(
    {"nodes": NODES, "links": LINKS},
    optional={
        "groups": ANYTHING | st.lists(st.fixed_dictionaries({"bounding": ANYTHING}), max_size=2),
        "models": ANYTHING,
        "definitions": ANYTHING | st.fixed_dictionaries({"subgraphs": DEFINITIONS}),
    },
)


@BOUNDED
@given(FILES)
def test_a_damaged_file_is_read_or_refused_and_never_a_failure(
    catalogue: Catalogue, data: dict[str, JSON]
) -> None:
    try:
        found = opened(data, catalogue)
    except Invalid:
        # Refused in words: what has no type, say, can be nothing here.
        return
    validate(Graph.from_json(found.workflow), catalogue)


VALUES = st.integers(0, 100) | st.booleans() | st.text(max_size=5) | st.lists(st.integers())


@BOUNDED
@given(st.data())
def test_a_prompt_comes_back_as_it_was(catalogue: Catalogue, data: st.DataObject) -> None:
    interfaces = Interfaces(catalogue.to_json())
    prompt: dict[str, JSON] = {}
    for number in range(data.draw(st.integers(1, 6))):
        sources = [["wire", name, 0] for name in prompt]
        given = data.draw(st.dictionaries(st.sampled_from(["image", "width", "x"]), VALUES))
        inputs: dict[str, JSON] = {
            name: {"__value__": value} if isinstance(value, list) else value
            for name, value in given.items()
        }
        if sources:
            _, source, slot = data.draw(st.sampled_from(sources))
            inputs["more"] = [source, slot]
        prompt[str(number)] = {"class_type": "ImageInvert", "inputs": inputs}
    found = from_prompt(prompt, interfaces)
    assert found.problems == ()
    assert to_prompt(found.workflow["nodes"], interfaces) == prompt
