"""Frames, rows and columns, folding and the map; finding by a wire; running a part, or often."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.editor import Editor, image_workflow, workflow
from tests.browser.test_gestures import dragged, middle


def scattered() -> dict[str, Any]:
    content = workflow({name: {"type": "EmptyImage"} for name in ("a", "b", "c")}, "Scattered")
    places = {"a": (0, 0), "b": (310, 37), "c": (800, 90)}
    content["view"] = {name: {"x": x, "y": y} for name, (x, y) in places.items()}
    return content


def places(editor: Editor) -> dict[str, tuple[float, float]]:
    view = editor.exported()["view"]
    return {name: (at["x"], at["y"]) for name, at in view.items()}


def test_nodes_are_lined_up_spread_and_tidied_each_as_one_step(editor: Editor) -> None:
    editor.load(scattered())
    before = places(editor)
    editor.click_ground()
    editor.key("Control+a")
    editor.key("Alt+Shift+ArrowUp")
    assert {y for _, y in places(editor).values()} == {0}
    editor.key("Alt+Shift+h")
    (a, _), (b, _), (c, _) = places(editor).values()
    assert b - a == c - b
    editor.key("l")
    editor.read_until(lambda: places(editor), lambda now: now["b"][0] != b)
    for _ in range(3):
        editor.key("Control+z")
    assert places(editor) == before


def test_a_frame_moves_mutes_and_bypasses_what_stands_in_it(editor: Editor) -> None:
    content = image_workflow("Framed")
    content["frames"] = {"f": {"title": "Group", "x": -20, "y": -60, "width": 620, "height": 500}}
    editor.load(content)
    frame = editor.page.get_by_role("button", name="Group")
    start = middle(frame)
    dragged(editor, start, (start[0] + 60, start[1] + 30))
    moved = places(editor)
    assert moved["paper"][0] > 0
    assert moved["show"][0] - moved["paper"][0] == 280
    for entry, mode in (("Mute what is in it", "mute"), ("Bypass what is in it", "bypass")):
        frame.click(button="right")
        editor.page.get_by_role("menuitem", name=entry).click()
        nodes = editor.exported()["nodes"]
        assert [nodes[name].get("mode") for name in ("paper", "show")] == [mode, mode]


def test_a_folded_node_keeps_its_wires_and_unfolds_again(editor: Editor) -> None:
    editor.load(image_workflow("Folded"))
    whole = editor.node("paper").bounding_box()
    editor.node("paper").locator(".node__title").click()
    editor.key("c")
    assert whole is not None
    height = whole["height"]
    editor.read_until(
        lambda: editor.node("paper").bounding_box(),
        lambda box: box is not None and box["height"] < height / 2,
    )
    assert editor.exported()["nodes"]["show"]["inputs"]["images"] == {"link": ["paper", "image"]}
    editor.key("c")
    editor.read_until(lambda: editor.node("paper").bounding_box(), lambda box: box == whole)


def test_the_map_brings_a_part_of_the_graph_into_sight(editor: Editor) -> None:
    content = scattered()
    content["view"]["c"] = {"x": 9000, "y": 6000}
    editor.load(content)
    editor.key("1")
    expect(editor.nodes()).to_have_count(0)
    area = editor.page.get_by_role("img", name="Map").bounding_box()
    assert area is not None
    editor.page.mouse.click(area["x"] + area["width"] - 12, area["y"] + area["height"] - 12)
    expect(editor.node("c")).to_be_visible()
    editor.page.mouse.click(area["x"] + 12, area["y"] + 12)
    expect(editor.node("a")).to_be_visible()


def test_a_run_of_one_node_leaves_the_others_alone(editor: Editor) -> None:
    content = image_workflow("In part", 0x203040)
    content["nodes"]["other"] = {
        "type": "PreviewImage",
        "version": 1,
        "inputs": {"images": {"link": ["paper", "image"]}},
    }
    content["view"]["other"] = {"x": 280, "y": 320}
    editor.load(content)
    editor.node("other").locator(".node__title").click()
    editor.key("Shift+R")
    editor.expect_picture("other")
    expect(editor.picture("show")).to_have_count(0)


def test_a_workflow_runs_as_often_as_the_menu_says(editor: Editor) -> None:
    editor.load(image_workflow("Twice over", 0x504030))
    editor.page.get_by_role("button", name="More ways to run").click()
    editor.page.get_by_role("menuitem", name="Run 2 times").click()
    queue = editor.panel("Queue")
    expect(queue.get_by_text("Twice over")).to_have_count(2)


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_that_is_brought_becomes_a_node_that_loads_it(editor: Editor, way: str) -> None:
    editor.key("Alt+n")
    expect(editor.nodes()).to_have_count(0)
    held = io.BytesIO()
    Image.new("RGB", (40, 30), (10, 200, 90)).save(held, "PNG")
    editor.drop(held.getvalue(), "leaf.png", way)
    expect(editor.page.locator('[data-node="load_image"]')).to_be_visible()
    (node,) = editor.exported()["nodes"].values()
    assert node["type"] == "LoadImage"
    assert node["inputs"]["image"].startswith("leaf")


def test_a_wire_that_is_let_go_offers_what_fits_the_everyday_first(editor: Editor) -> None:
    editor.load(workflow({"loader": {"type": "CheckpointLoaderSimple"}}, "Loose"))
    start = middle(editor.port("loader", "out", "clip"))
    dragged(editor, start, (start[0] + 200, start[1] + 80))
    finder = editor.page.get_by_role("dialog")
    expect(finder.get_by_role("option").first).to_contain_text("CLIP text encode (prompt)")
    expect(finder.get_by_role("option").filter(has_text="VAE decode")).to_have_count(0)
    editor.key("Enter")
    nodes = editor.exported()["nodes"]
    assert nodes["clip_text_encode"]["inputs"]["clip"] == {"link": ["loader", "clip"]}
    editor.load(workflow({"paper": {"type": "EmptyImage"}}, "Painted"))
    start = middle(editor.port("paper", "out", "image"))
    dragged(editor, start, (start[0] + 200, start[1] + 80))
    expect(finder.get_by_role("option").first).to_contain_text("Preview image")


@pytest.mark.parametrize(
    ("query", "kind"),
    [("ksmp", "KSampler"), ("checkpoint", "CheckpointLoaderSimple"), ("preview", "PreviewImage")],
)
def test_a_node_is_found_by_some_of_its_letters_the_everyday_first(
    editor: Editor, query: str, kind: str
) -> None:
    editor.key("Alt+n")
    editor.add(query, 640, 400)
    assert [node["type"] for node in editor.exported()["nodes"].values()] == [kind]
