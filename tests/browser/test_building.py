"""Building a workflow by hand: search, wires, values, undo, copies."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import TINY
from tests.browser.editor import Editor, image_workflow, workflow


def inputs_of(editor: Editor, node: str) -> dict[str, object]:
    inputs: dict[str, object] = editor.exported()["nodes"][node]["inputs"]
    return inputs


def test_text_to_image_is_built_by_search_and_wires_and_draws_a_picture(editor: Editor) -> None:
    editor.key("Alt+n")
    places = {
        "load checkpoint": (90, 100),
        "clip text encode": (330, 100),
        "empty latent": (330, 560),
        "KSampler": (620, 100),
        "vae decode": (900, 100),
        "preview image": (900, 300),
    }
    for query, (x, y) in places.items():
        editor.add(query, x, y)
    expect(editor.nodes()).to_have_count(6)
    names = {
        "loader": "checkpoint_loader_simple",
        "prompt": "clip_text_encode",
        "latent": "empty_latent_image",
        "sampler": "k_sampler",
        "decode": "vae_decode",
        "show": "preview_image",
    }
    wires = [
        ("loader.clip", "prompt.clip"),
        ("loader.model", "sampler.model"),
        ("prompt.conditioning", "sampler.positive"),
        ("prompt.conditioning", "sampler.negative"),
        ("latent.latent", "sampler.latent_image"),
        ("sampler.latent", "decode.samples"),
        ("loader.vae", "decode.vae"),
        ("decode.image", "show.images"),
    ]
    for source, target in wires:
        from_node, output = source.split(".")
        to_node, name = target.split(".")
        editor.wire(f"{names[from_node]}.{output}", f"{names[to_node]}.{name}")
    nodes = editor.exported()["nodes"]
    for source, target in wires:
        from_node, output = source.split(".")
        to_node, name = target.split(".")
        assert nodes[names[to_node]]["inputs"][name] == {"link": [names[from_node], output]}
    inspect_checkpoint(editor, names["loader"])
    editor.run()
    editor.expect_picture(names["show"])


def inspect_checkpoint(editor: Editor, loader: str) -> None:
    """Choose the small checkpoint in the loader's picker."""
    editor.key("i")
    editor.node(loader).locator(".node__title").click()
    inspector = editor.page.get_by_role("region", name="Inspector")
    inspector.get_by_role("button", name="ckpt name:").click()
    editor.page.get_by_role("option", name="tiny").click()


def test_a_new_loader_starts_with_the_first_file(editor: Editor) -> None:
    editor.key("Alt+n")
    with editor.page.expect_response("**/files/checkpoints"):
        editor.page.mouse.dblclick(90, 100)
    editor.page.wait_for_timeout(200)
    editor.page.keyboard.type("load checkpoint")
    editor.key("Enter")
    assert inputs_of(editor, "checkpoint_loader_simple") == {"ckpt_name": TINY}


def test_a_wire_that_does_not_fit_is_refused_and_says_why(editor: Editor) -> None:
    editor.load(
        workflow(
            {
                "paper": {"type": "EmptyImage"},
                "decode": {"type": "VAEDecode"},
            }
        )
    )
    source = editor.port("paper", "out", "image").bounding_box()
    target = editor.port("decode", "in", "samples").bounding_box()
    assert source is not None
    assert target is not None
    editor.page.mouse.move(source["x"] + 4, source["y"] + 4)
    editor.page.mouse.down()
    editor.page.mouse.move(target["x"] + 4, target["y"] + 4, steps=8)
    expect(editor.page.get_by_text("takes a Latent, but this is an Image")).to_be_visible()
    editor.page.mouse.up()
    assert "samples" not in inputs_of(editor, "decode")


def test_undo_and_redo_take_back_each_thing_done_in_turn(editor: Editor) -> None:
    editor.load(image_workflow())
    editor.node("show").focus()
    editor.node("show").locator(".node__title").click()
    editor.key("m")
    editor.key("Delete")
    expect(editor.node("show")).to_have_count(0)
    editor.key("Control+z")
    expect(editor.node("show")).to_have_attribute("data-mode", "mute")
    assert inputs_of(editor, "show") == {"images": {"link": ["paper", "image"]}}
    editor.key("Control+z")
    expect(editor.node("show")).not_to_have_attribute("data-mode", re.compile(".*"))
    editor.key("Control+Shift+z")
    editor.key("Control+y")
    expect(editor.node("show")).to_have_count(0)


def test_copies_keep_the_wires_among_them(editor: Editor) -> None:
    editor.load(image_workflow())
    editor.click_ground()
    editor.key("Control+a")
    editor.key("Control+c")
    editor.key("Control+v")
    expect(editor.nodes()).to_have_count(4)
    assert inputs_of(editor, "show_2") == {"images": {"link": ["paper_2", "image"]}}
    editor.key("Control+z")
    expect(editor.nodes()).to_have_count(2)


def test_copies_go_from_one_tab_to_another(editor: Editor) -> None:
    editor.load(image_workflow())
    editor.click_ground()
    editor.key("Control+a")
    editor.key("Control+c")
    editor.key("Alt+n")
    expect(editor.nodes()).to_have_count(0)
    editor.key("Control+v")
    expect(editor.nodes()).to_have_count(2)


def test_deleting_a_node_heals_the_wire_through_it(editor: Editor) -> None:
    content = image_workflow()
    content["nodes"]["invert"] = {
        "type": "ImageInvert",
        "version": 1,
        "inputs": {"image": {"link": ["paper", "image"]}},
    }
    content["nodes"]["show"]["inputs"]["images"] = {"link": ["invert", "image"]}
    content["view"]["invert"] = {"x": 140, "y": 300}
    editor.load(content)
    editor.node("invert").locator(".node__title").click()
    editor.key("Delete")
    assert inputs_of(editor, "show") == {"images": {"link": ["paper", "image"]}}


def test_several_nodes_take_one_value_at_once(editor: Editor) -> None:
    content = image_workflow()
    content["nodes"]["other"] = {**content["nodes"]["paper"]}
    content["view"]["other"] = {"x": 0, "y": 320}
    editor.load(content)
    editor.key("i")
    editor.node("paper").locator(".node__title").click()
    editor.node("other").locator(".node__title").click(modifiers=["Shift"])
    inspector = editor.page.get_by_role("region", name="Inspector")
    expect(inspector).to_contain_text("2 nodes")
    field = inspector.get_by_label("width").first
    field.click()
    editor.page.keyboard.press("Control+a")
    editor.page.keyboard.type("96")
    editor.page.keyboard.press("Enter")
    nodes = editor.exported()["nodes"]
    assert nodes["paper"]["inputs"]["width"] == nodes["other"]["inputs"]["width"] == 96


def test_a_workflow_of_this_machine_opens_by_the_file_menu(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(image_workflow("From my disk")), "utf-8")
    # Asked for early: the browser is told of it aside from the key that is pressed then.
    editor.page.on("filechooser", lambda chooser: chooser.set_files(path))
    editor.click_ground()
    editor.key("Control+o")
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("From my disk")
