"""Workflow files of ComfyUI's page become ours, every value under its name."""

from __future__ import annotations

from typing import Any

import pytest

from server.formats.comfy_widgets import positional
from server.formats.comfy_workflow import from_workflow, is_workflow
from server.formats.imported import plain_ids
from server.formats.interfaces import Interfaces

JSON = Any


def declared(
    kind: str, inputs: list[dict[str, JSON]], outputs: list[tuple[str, str]]
) -> dict[str, JSON]:
    return {
        "id": kind,
        "inputs": inputs,
        "outputs": [{"name": name, "type": wire} for name, wire in outputs],
    }


def socket(name: str, wire: str) -> dict[str, JSON]:
    return {"name": name, "type": wire, "socket": True}


def widget(name: str, wire: str, **about: JSON) -> dict[str, JSON]:
    return {"name": name, "type": wire, "socket": False, "widget": about}


CATALOGUE: dict[str, JSON] = {
    "types": {
        "Latent": {"comfy": "LATENT"},
        "Model": {"comfy": "MODEL"},
        "Image": {"comfy": "IMAGE"},
    },
    "nodes": {
        "Loader": declared(
            "Loader",
            [widget("name", "String", kind="file", folder="checkpoints")],
            [("model", "Model")],
        ),
        "Sampler": declared(
            "Sampler",
            [
                socket("model", "Model"),
                socket("latent_image", "Latent"),
                widget("seed", "Int", kind="seed"),
                widget("steps", "Int", kind="range"),
            ],
            [("latent", "Latent")],
        ),
        "Picture": declared(
            "Picture",
            [widget("image", "String", kind="file", folder="input", upload=True)],
            [("image", "Image")],
        ),
        "Show": declared("Show", [socket("images", "Image")], []),
        "Batch": declared("Batch", [{**socket("images", "Image"), "list": True}], []),
        "Formula": declared("Formula", [socket("a", "*"), widget("text", "String")], []),
        "ResizeImageMaskNode": declared(
            "ResizeImageMaskNode",
            [
                socket("input", "Image"),
                widget("resize_type", "String"),
                widget("width", "Int"),
                widget("height", "Int"),
                widget("crop", "String"),
                widget("longer_size", "Int"),
                widget("scale_method", "String"),
            ],
            [],
        ),
    },
}


@pytest.fixture
def interfaces() -> Interfaces:
    return Interfaces(CATALOGUE)


def raw(number: int, kind: str, **more: JSON) -> dict[str, JSON]:
    return {"id": number, "type": kind, "pos": [number * 100, 0], "size": [200, 90], **more}


def port(name: str, wire: str, link: int | None) -> dict[str, JSON]:
    return {"name": name, "type": wire, "link": link}


def file(nodes: list[JSON], links: list[JSON], **more: JSON) -> dict[str, JSON]:
    return {"version": 0.4, "nodes": nodes, "links": links, **more}


def test_values_and_wires_get_their_names(interfaces: Interfaces) -> None:
    data = file(
        [
            raw(1, "Loader", widgets_values=["SDXL\\base.safetensors"]),
            raw(
                2,
                "Sampler",
                widgets_values=[42, "randomize", 20],
                inputs=[port("model", "MODEL", 7)],
            ),
        ],
        [[7, 1, 0, 2, 0, "MODEL"]],
    )
    assert is_workflow(data)
    found = from_workflow(data, interfaces)
    assert found.problems == ()
    assert found.workflow["nodes"] == {
        "1": {"type": "Loader", "version": 1, "inputs": {"name": "SDXL/base.safetensors"}},
        "2": {
            "type": "Sampler",
            "version": 1,
            "inputs": {"seed": 42, "steps": 20, "model": {"link": ["1", "model"]}},
        },
    }
    assert found.workflow["view"]["2"] == {"x": 200, "y": 0, "width": 200}


def test_a_file_from_before_seed_controls_still_reads(interfaces: Interfaces) -> None:
    sampler = interfaces.find("Sampler")
    assert sampler is not None
    assert positional([42, 20], sampler) == ({"seed": 42, "steps": 20}, [])
    assert positional([42, False, 20], sampler) == ({"seed": 42, "steps": 20}, [])


def test_the_upload_button_is_no_value(interfaces: Interfaces) -> None:
    picture = interfaces.find("Picture")
    assert picture is not None
    assert positional(["a.png", "image"], picture) == ({"image": "a.png"}, [])


def test_what_the_page_knows_of_an_upload_button_is_no_value(interfaces: Interfaces) -> None:
    picture = interfaces.find("Picture")
    assert picture is not None
    button = {"name": "upload", "options": {"serialize": False}}
    assert positional(["a.png", button], picture) == ({"image": "a.png"}, [])


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (
            ["scale dimensions", 640, 360, "center", "area"],
            {"width": 640, "height": 360, "crop": "center", "scale_method": "area"},
        ),
        (["scale longer dimension", 1024, "area"], {"longer_size": 1024, "scale_method": "area"}),
    ],
)
def test_a_choice_decides_which_widgets_follow(
    values: list[JSON], named: dict[str, JSON], interfaces: Interfaces
) -> None:
    resize = interfaces.find("ResizeImageMaskNode")
    assert resize is not None
    assert positional(values, resize) == ({"resize_type": values[0], **named}, [])


def test_inputs_that_grow_become_wires_of_one_input(interfaces: Interfaces) -> None:
    grown = [port(f"images.image{at}", "IMAGE", link) for at, link in enumerate([1, None, 2])]
    data = file(
        [raw(1, "Picture"), raw(2, "Picture"), raw(3, "Batch", inputs=grown)],
        [[1, 1, 0, 3, 0, "IMAGE"], [2, 2, 0, 3, 2, "IMAGE"]],
    )
    found = from_workflow(data, interfaces)
    assert found.problems == ()
    wires = {"links": [["1", "image"], ["2", "image"]]}
    assert found.workflow["nodes"]["3"]["inputs"] == {"images": wires}


def test_an_input_of_a_group_is_known_by_its_own_name(interfaces: Interfaces) -> None:
    inputs = [port("values.a", "FLOAT,INT", 1)]
    data = file(
        [raw(1, "Picture"), raw(2, "Formula", inputs=inputs, widgets_values=["a * 2"])],
        [[1, 1, 0, 2, 0, "*"]],
    )
    nodes = from_workflow(data, interfaces).workflow["nodes"]
    assert nodes["2"]["inputs"] == {"text": "a * 2", "a": {"link": ["1", "image"]}}


def test_a_node_that_shows_passes_on_what_it_is_given(interfaces: Interfaces) -> None:
    def show(number: int, link: int) -> dict[str, JSON]:
        outputs = [{"name": "images", "type": "IMAGE", "links": []}]
        return raw(number, "Show", inputs=[port("images", "IMAGE", link)], outputs=outputs)

    data = file(
        [raw(1, "Picture"), show(2, 1), show(3, 2), show(4, 3)],
        [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"], [3, 3, 0, 4, 0, "IMAGE"]],
    )
    nodes = from_workflow(data, interfaces).workflow["nodes"]
    assert all(nodes[name]["inputs"] == {"images": {"link": ["1", "image"]}} for name in "234")


def test_what_the_page_keeps_for_its_own_display_is_not_told(interfaces: Interfaces) -> None:
    shown = raw(1, "Show", widgets_values=["width: 3", False])
    empty = raw(2, "Loader", widgets_values=["a.safetensors", None, None])
    assert from_workflow(file([shown, empty], []), interfaces).problems == ()


def test_values_without_a_place_are_told(interfaces: Interfaces) -> None:
    data = file([raw(1, "Loader", widgets_values=["a.safetensors", 5])], [])
    (problem,) = from_workflow(data, interfaces).problems
    assert problem.code == "import.values"
    assert problem.node == "1"
    assert problem.severity == "warning"


def test_reroutes_and_primitives_dissolve(interfaces: Interfaces) -> None:
    data = file(
        [
            raw(1, "Loader", widgets_values=["a.safetensors"]),
            raw(2, "Reroute", inputs=[port("", "*", 1)]),
            raw(3, "PrimitiveNode", widgets_values=[33, "fixed"]),
            raw(
                4,
                "Sampler",
                widgets_values=[1, "fixed", 20],
                inputs=[
                    port("model", "MODEL", 2),
                    {**port("steps", "INT", 3), "widget": {"name": "steps"}},
                ],
            ),
        ],
        [[1, 1, 0, 2, 0, "*"], [2, 2, 0, 4, 0, "MODEL"], [3, 3, 0, 4, 1, "INT"]],
    )
    nodes = from_workflow(data, interfaces).workflow["nodes"]
    assert set(nodes) == {"1", "4"}
    assert nodes["4"]["inputs"] == {"seed": 1, "steps": 33, "model": {"link": ["1", "model"]}}


def test_a_ring_of_reroutes_ends(interfaces: Interfaces) -> None:
    data = file(
        [
            raw(1, "Reroute", inputs=[port("", "*", 2)]),
            raw(2, "Reroute", inputs=[port("", "*", 1)]),
            raw(3, "Sampler", inputs=[port("model", "MODEL", 3)]),
        ],
        [[1, 1, 0, 2, 0, "*"], [2, 2, 0, 1, 0, "*"], [3, 1, 0, 3, 0, "MODEL"]],
    )
    assert from_workflow(data, interfaces).workflow["nodes"]["3"]["inputs"] == {}


def test_muted_and_bypassed_nodes_groups_and_notes_come_along(interfaces: Interfaces) -> None:
    data = file(
        [
            raw(1, "Loader", mode=2, title="Mine", widgets_values=["a"]),
            raw(2, "Loader", mode=4, widgets_values=["a"], flags={"collapsed": True}),
            raw(3, "MarkdownNote", widgets_values=["# Read me"]),
        ],
        [],
        groups=[{"title": "All", "bounding": [0, 1, 2, 3], "color": "#333"}],
    )
    workflow = from_workflow(data, interfaces).workflow
    assert workflow["nodes"]["1"]["mode"] == "mute"
    assert workflow["nodes"]["1"]["title"] == "Mine"
    assert workflow["nodes"]["2"]["mode"] == "bypass"
    assert workflow["view"]["2"]["collapsed"] is True
    assert workflow["notes"]["note_3"]["text"] == "# Read me"
    (frame,) = workflow["frames"].values()
    assert frame == {"title": "All", "x": 0, "y": 1, "width": 2, "height": 3, "color": "#333"}


def test_an_unknown_node_keeps_its_ports_and_wires(interfaces: Interfaces) -> None:
    data = file(
        [
            raw(1, "Mystery", outputs=[{"name": "MODEL out", "type": "MODEL", "links": [1]}]),
            raw(2, "Sampler", widgets_values=[1, "fixed", 20], inputs=[port("model", "MODEL", 1)]),
        ],
        [[1, 1, 0, 2, 0, "MODEL"]],
    )
    workflow = from_workflow(data, interfaces).workflow
    assert workflow["nodes"]["2"]["inputs"]["model"] == {"link": ["1", "model_out"]}
    assert workflow["signatures"]["Mystery"]["outputs"] == [{"name": "model_out", "type": "MODEL"}]


def test_a_node_of_the_field_that_is_not_here_keeps_its_values_by_name(
    interfaces: Interfaces,
) -> None:
    data = file([raw(1, "EmptyLatentImage", widgets_values=[512, 768, 2])], [])
    workflow = from_workflow(data, interfaces).workflow
    assert workflow["nodes"]["1"]["inputs"] == {"width": 512, "height": 768, "batch_size": 2}
    assert "EmptyLatentImage" in workflow["signatures"]


def test_a_subgraph_becomes_a_subgraph_with_the_instances_values(interfaces: Interfaces) -> None:
    definition = {
        "id": "aaaa-bbbb",
        "name": "Draw",
        "inputs": [{"name": "model", "type": "MODEL", "linkIds": [1]}],
        "outputs": [{"name": "LATENT", "type": "LATENT", "linkIds": [2]}],
        "nodes": [
            raw(5, "Sampler", widgets_values=[9, "fixed", 12], inputs=[port("model", "MODEL", 1)])
        ],
        "links": [
            {
                "id": 1,
                "origin_id": -10,
                "origin_slot": 0,
                "target_id": 5,
                "target_slot": 0,
                "type": "MODEL",
            },
            {
                "id": 2,
                "origin_id": 5,
                "origin_slot": 0,
                "target_id": -20,
                "target_slot": 0,
                "type": "LATENT",
            },
        ],
    }
    data = file(
        [
            raw(1, "Loader", widgets_values=["a"]),
            raw(
                2,
                "aaaa-bbbb",
                inputs=[port("model", "MODEL", 4)],
                properties={"proxyWidgets": [["5", "steps"]]},
                widgets_values=[30],
            ),
        ],
        [[4, 1, 0, 2, 0, "MODEL"]],
        definitions={"subgraphs": [definition]},
    )
    workflow = from_workflow(data, interfaces).workflow
    assert workflow["nodes"]["2"] == {
        "type": "subgraph:aaaa-bbbb",
        "version": 1,
        "inputs": {"steps": 30, "model": {"link": ["1", "model"]}},
    }
    subgraph = workflow["subgraphs"]["aaaa-bbbb"]
    assert subgraph["inputs"] == [
        {"name": "model", "type": "Model"},
        {"name": "steps", "type": "Int", "default": 12},
    ]
    assert subgraph["outputs"] == [{"name": "LATENT", "type": "Latent", "from": ["5", "latent"]}]
    assert subgraph["nodes"]["5"]["inputs"] == {
        "seed": 9,
        "steps": {"input": "steps"},
        "model": {"input": "model"},
    }


def led(number: int, slot: int, target: int, target_slot: int) -> dict[str, JSON]:
    """Wire one of a subgraph's own inputs to an inner node."""
    ends = {"origin_id": -10, "origin_slot": slot, "target_id": target, "target_slot": target_slot}
    return {"id": number, "type": "*", **ends}


def widget_port(name: str, wire: str, link: int | None) -> dict[str, JSON]:
    return {**port(name, wire, link), "widget": {"name": name}}


def instance_of_two_widgets(**more: JSON) -> dict[str, JSON]:
    """Write a file with a subgraph whose own inputs lead to a sampler's steps and seed."""
    inner = [widget_port("seed", "INT", 2), widget_port("steps", "INT", 1)]
    definition = {
        "id": "aaaa",
        "name": "Draw",
        "inputs": [
            {"name": "steps", "type": "INT", "linkIds": [1]},
            {"name": "seed", "type": "INT", "linkIds": [2]},
        ],
        "nodes": [raw(5, "Sampler", widgets_values=[9, "fixed", 12], inputs=inner)],
        "links": [led(1, 0, 5, 1), led(2, 1, 5, 0)],
    }
    inputs = [widget_port("seed", "INT", None)]
    return file(
        [raw(2, "aaaa", inputs=inputs, **more)], [], definitions={"subgraphs": [definition]}
    )


def test_what_a_subgraph_shows_keeps_the_values_of_its_inner_nodes(interfaces: Interfaces) -> None:
    shown = [["5", "steps"], ["5", "seed"], ["5", "control_after_generate"]]
    data = instance_of_two_widgets(properties={"proxyWidgets": shown}, widgets_values=[])
    workflow = from_workflow(data, interfaces).workflow
    assert workflow["nodes"]["2"]["inputs"] == {}
    assert workflow["subgraphs"]["aaaa"]["inputs"] == [
        {"name": "steps", "type": "Int", "default": 12},
        {"name": "seed", "type": "Int", "default": 9},
    ]
    inner = {"steps": {"input": "steps"}, "seed": {"input": "seed"}}
    assert workflow["subgraphs"]["aaaa"]["nodes"]["5"]["inputs"] == inner


def test_values_of_an_instance_stand_in_the_order_of_its_subgraphs_inputs(
    interfaces: Interfaces,
) -> None:
    data = instance_of_two_widgets(properties={}, widgets_values=[30, 4])
    workflow = from_workflow(data, interfaces).workflow
    assert workflow["nodes"]["2"]["inputs"] == {"steps": 30, "seed": 4}


def test_a_subgraphs_own_input_goes_by_a_node_where_only_a_nodes_wire_can(
    interfaces: Interfaces,
) -> None:
    twice = [port("images.image0", "IMAGE", 1), port("images.image1", "IMAGE", 2)]
    out = {"origin_id": -10, "origin_slot": 0, "target_id": -20, "target_slot": 0}
    definition = {
        "id": "aaaa",
        "inputs": [{"name": "image", "type": "IMAGE", "linkIds": [1, 2, 3]}],
        "outputs": [{"name": "image", "type": "IMAGE", "linkIds": [3]}],
        "nodes": [raw(5, "Batch", inputs=twice)],
        "links": [led(1, 0, 5, 0), led(2, 0, 5, 1), {"id": 3, "type": "*", **out}],
    }
    data = file([raw(2, "aaaa")], [], definitions={"subgraphs": [definition]})
    found = from_workflow(data, interfaces)
    assert not found.problems
    subgraph = found.workflow["subgraphs"]["aaaa"]
    through = ["passed_on", "value"]
    assert subgraph["nodes"]["5"]["inputs"] == {"images": {"links": [through, through]}}
    inputs = {"switch": True, "on_true": {"input": "image"}}
    assert subgraph["nodes"]["passed_on"]["inputs"] == inputs
    assert [port["from"] for port in subgraph["outputs"]] == [through]
    assert subgraph["view"].keys() == subgraph["nodes"].keys()


def test_a_wire_into_an_input_without_a_name_arrives(interfaces: Interfaces) -> None:
    definition = {
        "id": "aaaa",
        "inputs": [{"name": "", "type": "MODEL", "linkIds": [1]}],
        "nodes": [raw(5, "Sampler", inputs=[port("model", "MODEL", 1)])],
        "links": [led(1, 0, 5, 0)],
    }
    data = file(
        [raw(1, "Loader"), raw(2, "aaaa", inputs=[port("", "MODEL", 4)])],
        [[4, 1, 0, 2, 0, "MODEL"]],
        definitions={"subgraphs": [definition]},
    )
    workflow = from_workflow(data, interfaces).workflow
    assert workflow["nodes"]["2"]["inputs"] == {"value": {"link": ["1", "model"]}}
    inner = workflow["subgraphs"]["aaaa"]["nodes"]["5"]
    assert inner["inputs"] == {"model": {"input": "value"}}


@pytest.mark.parametrize(
    "broken",
    [
        {"nodes": [], "links": []},
        {"nodes": [5, None, {"id": None}], "links": [[1], None, {"id": "x"}]},
        {
            "nodes": [{"id": 1, "type": "Sampler", "inputs": [{"link": 99}], "pos": "?"}],
            "links": {},
        },
        {"nodes": [{"id": 1, "type": "Sampler", "widgets_values": 7}], "links": [], "groups": [{}]},
        {
            "nodes": [],
            "links": [],
            "definitions": {"subgraphs": [{"id": "x", "nodes": [{"id": 1, "type": "x"}]}]},
        },
    ],
)
def test_a_damaged_file_is_read_as_far_as_it_goes(broken: JSON, interfaces: Interfaces) -> None:
    assert from_workflow(broken, interfaces).workflow["format"] == 1


def test_ids_stay_apart_when_made_plain() -> None:
    ours = plain_ids(["5:12", "5_12", "", "ä" * 100])
    assert len(set(ours.values())) == 4
    assert all(name and len(name) <= 64 for name in ours.values())
