"""Subgraphs: made of a selection, opened, changed inside, run, and unpacked again."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.editor import Editor, workflow
from tests.browser.weft_server import WeftServer


def chain() -> dict[str, Any]:
    return workflow(
        {
            "paper": {
                "type": "EmptyImage",
                "inputs": {"width": 32, "height": 32, "batch_size": 1, "color": 0x336699},
            },
            "invert": {"type": "ImageInvert", "inputs": {"image": {"link": ["paper", "image"]}}},
            "scale": {
                "type": "ImageScaleBy",
                "inputs": {"image": {"link": ["invert", "image"]}, "scale_by": 2.0},
            },
            "show": {"type": "PreviewImage", "inputs": {"images": {"link": ["scale", "image"]}}},
        },
        "Chain",
    )


def make(editor: Editor, *nodes: str) -> None:
    for place, node in enumerate(nodes):
        editor.node(node).locator(".node__title").click(modifiers=["Shift"] if place else [])
    editor.key("Control+g")
    editor.page.keyboard.type("Larger negative")
    editor.key("Enter")


def test_a_selection_becomes_one_node_that_runs_and_is_unpacked_as_it_was(editor: Editor) -> None:
    editor.load(chain())
    before = editor.exported()
    make(editor, "invert", "scale")
    expect(editor.nodes()).to_have_count(3)
    expect(editor.node("subgraph")).to_contain_text("Larger negative")
    editor.run()
    editor.expect_picture("show")
    editor.node("subgraph").locator(".node__title").click()
    editor.key("Control+Shift+g")
    expect(editor.nodes()).to_have_count(4)
    after = editor.exported()
    assert after["nodes"] == before["nodes"]
    assert "subgraphs" not in after
    for _ in range(3):
        editor.key("Control+z")
    assert editor.exported()["nodes"] == before["nodes"]


def test_the_inside_is_opened_and_offers_another_input(editor: Editor) -> None:
    editor.load(chain())
    make(editor, "invert", "scale")
    editor.key("i")
    editor.key("Enter")
    expect(editor.node("scale")).to_be_visible()
    editor.node("scale").locator(".node__title").click()
    inspector = editor.page.get_by_role("region", name="Inspector")
    inspector.get_by_role("button", name="Make scale by an input of the subgraph").click()
    editor.key("Escape")
    name = inspector.get_by_label("Name of scale_by")
    name.fill("factor")
    name.press("Enter")
    expect(inspector.get_by_label("Name of factor")).to_be_visible()
    editor.page.get_by_role("navigation", name="Chain").get_by_text("Chain").click()
    expect(editor.node("subgraph")).to_contain_text("factor")
    file = editor.exported()
    (inside,) = file["subgraphs"].values()
    assert inside["nodes"]["scale"]["inputs"]["scale_by"] == {"input": "factor"}
    assert {"name": "factor", "type": "Float", "default": 2} in inside["inputs"]


def test_a_selection_that_would_feed_itself_is_refused_with_the_node_in_between(
    editor: Editor,
) -> None:
    editor.load(chain())
    make(editor, "paper", "scale")
    expect(editor.page.get_by_text("Select what stands between, too.")).to_be_visible()
    expect(editor.nodes()).to_have_count(4)


def test_a_copy_in_another_tab_brings_its_inside_along(editor: Editor) -> None:
    editor.load(chain())
    make(editor, "invert", "scale")
    editor.key("Control+c")
    editor.key("Alt+n")
    editor.key("Control+v")
    expect(editor.nodes()).to_have_count(1)
    assert set(editor.exported()["subgraphs"]["subgraph"]["nodes"]) == {"invert", "scale"}


def test_frames_and_notes_are_copied_with_what_they_hold(editor: Editor) -> None:
    content = chain()
    content["frames"] = {
        "frame": {"title": "All of it", "x": -40, "y": -60, "width": 1400, "height": 700}
    }
    content["notes"] = {"note": {"text": "Mind this", "x": 0, "y": 400, "width": 200, "height": 90}}
    editor.load(content)
    frame = editor.page.get_by_role("button", name="All of it")
    for mode in ("Mute", "Bypass"):
        frame.click(button="right")
        editor.page.get_by_role("menuitem", name=f"{mode} what is in it").click()
        expect(editor.page.locator(f"[data-mode={mode.lower()}]")).to_have_count(4)
        editor.key("Control+z")
    frame.click(button="right")
    editor.page.get_by_role("menuitem", name="Duplicate").click()
    expect(editor.nodes()).to_have_count(8)
    file = editor.exported()
    assert [frame["title"] for frame in file["frames"].values()] == ["All of it", "All of it"]
    assert [note["text"] for note in file["notes"].values()] == ["Mind this", "Mind this"]
    editor.key("Control+z")
    editor.page.get_by_role("button", name="Mind this").click(button="right")
    editor.page.get_by_role("menuitem", name="Copy").click()
    editor.key("Alt+n")
    editor.key("Control+v")
    expect(editor.page.get_by_role("button", name="Mind this")).to_be_visible()


def test_the_search_finds_a_subgraph_of_the_document_but_not_inside_itself(
    editor: Editor,
) -> None:
    editor.load(chain())
    make(editor, "invert", "scale")
    editor.add("larger negative", 500, 650)
    expect(editor.nodes()).to_have_count(4)
    instances = [
        node for node in editor.exported()["nodes"].values() if node["type"] == "subgraph:subgraph"
    ]
    assert len(instances) == 2
    editor.node("subgraph").locator(".node__title").click()
    editor.key("Enter")
    expect(editor.node("scale")).to_be_visible()
    editor.page.mouse.dblclick(500, 650)
    field = editor.page.get_by_role("combobox", name="Search nodes")
    field.fill("larger negative")
    expect(editor.page.get_by_role("option", name="Larger negative")).to_have_count(0)


def test_a_subgraph_of_the_library_is_found_wired_and_run_in_another_workflow(
    editor: Editor, server: WeftServer
) -> None:
    editor.load(chain())
    make(editor, "invert", "scale")
    server.send("PUT", "/api/v1/workflows/blueprints%2Fnegative", editor.exported())
    content = chain()
    paper = content["nodes"]["paper"]
    editor.load(workflow({"paper": paper}, "Takes it over"))
    panel = editor.panel("Nodes")
    panel.get_by_role("searchbox").fill("larger negative")
    expect(panel.get_by_role("button", name="Larger negative")).to_be_visible()
    editor.port("paper", "out", "image").hover()
    editor.page.mouse.down()
    editor.page.mouse.move(900, 600, steps=6)
    editor.page.mouse.up()
    field = editor.page.get_by_role("combobox", name="Nodes that fit image")
    field.fill("larger negative")
    field.press("Enter")
    expect(editor.node("subgraph")).to_be_visible()
    file = editor.exported()
    assert file["nodes"]["subgraph"]["inputs"]["image"] == {"link": ["paper", "image"]}
    assert set(file["subgraphs"]["subgraph"]["nodes"]) == {"invert", "scale"}
    editor.key("Control+z")
    file = editor.exported()
    assert set(file["nodes"]) == {"paper"}
    assert "subgraphs" not in file
    server.send("DELETE", "/api/v1/workflows/blueprints%2Fnegative")
    expect(panel.get_by_role("button", name="Larger negative")).to_have_count(0)
