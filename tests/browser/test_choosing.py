"""Choosing by looks and by key: pictures, templates, workflows, nodes of the outline, wires."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.editor import Editor, image_workflow, workflow
from tests.browser.weft_server import WeftServer


def saving(title: str) -> dict[str, object]:
    content = image_workflow(title, 0x22AA66)
    content["nodes"]["show"] = {
        "type": "SaveImage",
        "version": 1,
        "inputs": {"images": {"link": ["paper", "image"]}, "filename_prefix": title},
    }
    return content


def test_what_a_run_saved_is_chosen_as_the_picture_of_another_workflow(editor: Editor) -> None:
    editor.load(saving("Green"))
    editor.run()
    editor.expect_picture("show")
    editor.load(
        workflow(
            {
                "load": {"type": "LoadImage", "inputs": {"image": "weft-example.png"}},
                "show": {"type": "PreviewImage", "inputs": {"images": {"link": ["load", "image"]}}},
            },
            "Uses it",
        )
    )
    editor.key("i")
    editor.node("load").locator(".node__title").click()
    inspector = editor.page.get_by_role("region", name="Inspector")
    inspector.get_by_role("button", name="Choose from the gallery").click()
    picker = editor.page.get_by_role("dialog", name="Choose a picture")
    expect(picker.get_by_role("button", name="weft-example.png")).to_have_attribute(
        "aria-pressed", "true"
    )
    picker.get_by_text("Saved by runs").click()
    picker.get_by_role("button", name="Green").first.click()
    expect(picker).to_have_count(0)
    chosen = editor.exported()["nodes"]["load"]["inputs"]["image"]
    assert chosen.startswith("Green")
    assert chosen.endswith("[output]")
    editor.run()
    editor.expect_picture("show")


def test_a_saved_workflow_is_listed_with_the_picture_of_its_run(editor: Editor) -> None:
    editor.load(saving("With a face"))
    editor.run()
    editor.expect_picture("show")
    editor.key("Control+Shift+s")
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("faces/green")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_be_hidden()
    library = editor.panel("Library")
    picture = library.get_by_role("button", name="With a face").first.locator("img")
    expect(picture).to_be_visible()
    editor.wait_for(
        "() => [...document.querySelectorAll('.file-item img')].some((i) => i.naturalWidth > 0)"
    )


def test_what_was_opened_last_stands_first_among_many_saved_workflows(
    editor: Editor, server: WeftServer
) -> None:
    names = [f"many/number {place}" for place in range(7)]
    for name in names:
        server.send("PUT", f"/api/v1/workflows/{quote(name, safe='')}", image_workflow(name))
    library = editor.panel("Library")
    items = library.locator(".file-item .ellipsis:first-child")
    expect(items.filter(has_text="number 6")).to_be_visible()
    expect(library.get_by_role("heading", name="Recent")).to_have_count(0)
    for name in ("many/number 5", "many/number 2", "many/number 5", "many/number 0"):
        library.locator(".file-item > .list__item", has_text=name).last.click()
        expect(editor.page.locator(".tab[data-active]")).to_contain_text(name)
    editor.page.reload()
    editor.ready()
    library = editor.panel("Library")
    expect(library.get_by_role("heading", name="Recent")).to_be_visible()
    recent = library.locator(".list").first.locator(".file-item .ellipsis:first-child")
    expect(recent).to_have_text(["many/number 0", "many/number 5", "many/number 2"])
    library.get_by_role("searchbox").fill("number 3")
    expect(items).to_have_text(["many/number 3"])
    for name in names:
        server.send("DELETE", f"/api/v1/workflows/{quote(name, safe='')}")


def test_templates_are_found_by_word_and_by_tag(editor: Editor) -> None:
    templates = editor.panel("Templates")
    expect(templates.locator(".template").first).to_be_visible()
    everything = templates.locator(".template").count()
    templates.get_by_role("searchbox").fill("masked")
    expect(templates.locator(".template")).to_have_count(1)
    templates.get_by_role("searchbox").fill("")
    expect(templates.locator(".template")).to_have_count(everything)
    templates.get_by_role("group").get_by_role("button", name="upscale").click()
    expect(templates.locator(".template")).not_to_have_count(everything)
    templates.locator(".template").first.click()
    expect(editor.page.locator(".tab")).to_have_count(2)


def test_a_workflow_is_wired_valued_and_emptied_by_keys_alone_in_the_outline(
    editor: Editor,
) -> None:
    editor.key("Control+k")
    editor.page.keyboard.type("new")
    editor.key("Enter")
    for name in ("preview image", "empty image"):
        editor.key("Control+k")
        editor.page.keyboard.type(name)
        expect(editor.page.get_by_role("option").first).to_be_visible()
        editor.key("Enter")
    expect(editor.nodes()).to_have_count(2)
    editor.key("o")
    outline = editor.page.get_by_role("region", name="Outline")
    rows = outline.locator(".outline button")
    expect(rows).to_have_count(2)
    rows.first.focus()
    editor.key("End")
    editor.key("Home")
    expect(rows.first).to_be_focused()
    expect(rows.first).to_contain_text("Preview")
    editor.key("w")
    wires = editor.page.get_by_role("dialog")
    expect(wires).to_be_visible()
    editor.page.keyboard.type("images")
    editor.key("Enter")
    expect(wires.get_by_role("option", selected=True)).to_be_visible()
    editor.key("Enter")
    # At once: what a key does is done when it has been pressed.
    assert editor.exported()["nodes"]["preview_image"]["inputs"]["images"] == {
        "link": ["empty_image", "image"]
    }
    expect(wires).to_have_count(0)
    expect(outline.locator("[data-row=preview_image]")).to_be_focused()
    outline.locator("[data-row=empty_image]").focus()
    editor.key("Enter")
    inspector = editor.page.get_by_role("region", name="Inspector")
    expect(inspector.locator("input").first).to_be_focused()
    outline.locator("[data-row=preview_image]").focus()
    editor.key("Delete")
    expect(rows).to_have_count(1)


def test_the_focus_goes_back_to_where_it_was_before_a_dialog(editor: Editor) -> None:
    editor.load(image_workflow("Focus"))
    outline = editor.panel("Outline")
    row = outline.locator("[data-row=show]")
    row.focus()
    for chord in ("w", "Control+k", "Control+,", "Control+Shift+s"):
        editor.key(chord)
        expect(editor.page.get_by_role("dialog")).to_be_visible()
        # In one breath: a key that follows at once has to act where it is meant to.
        back = editor.page.evaluate("""() => {
            const escape = new KeyboardEvent("keydown", { key: "Escape", bubbles: true })
            document.activeElement.dispatchEvent(escape)
            return document.activeElement.dataset.row
        }""")
        assert back == "show", chord


def test_a_node_is_named_while_it_is_out_of_sight(editor: Editor) -> None:
    editor.load(image_workflow("Far off"))
    outline = editor.panel("Outline")
    editor.click_ground()
    for _ in range(12):
        editor.key("-")
    expect(editor.nodes()).to_have_count(0)
    outline.locator("[data-row=show]").focus()
    editor.key("F2")
    editor.page.keyboard.type("Last")
    editor.key("Enter")
    assert editor.exported()["nodes"]["show"]["title"] == "Last"


@pytest.fixture
def adapter(models: Path) -> Iterator[str]:
    """A LoRA of SDXL, as far as its header goes, among others of no known kind."""
    folder = models / "loras"
    folder.mkdir(exist_ok=True)
    for name, width in (("fox", 2048), ("owl", 3), ("elk", 768)):
        shapes = {"unet.attn2.to_k.lora_A.weight": {"dtype": "F16", "shape": [8, width]}}
        header = json.dumps(shapes).encode()
        content = len(header).to_bytes(8, "little") + header
        (folder / f"{name}.safetensors").write_bytes(content)
    yield "fox.safetensors"
    shutil.rmtree(folder)


def test_a_model_is_found_by_the_family_that_it_is_for(editor: Editor, adapter: str) -> None:
    editor.load(workflow({"lora": {"type": "LoraLoader"}}, "Picks"))
    editor.key("i")
    editor.node("lora").locator(".node__title").click()
    inspector = editor.page.get_by_role("region", name="Inspector")
    inspector.get_by_role("button", name="lora name:").click()
    options = editor.page.get_by_role("option")
    expect(options.filter(has_text="fox")).to_contain_text(re.compile(r"SDXL · \d+ B"))
    expect(options.filter(has_text="owl")).to_contain_text(re.compile(r"^owl\S+\d+ B"))
    editor.page.keyboard.type("sdxl")
    expect(options).to_have_count(1)
    editor.key("Enter")
    assert editor.exported()["nodes"]["lora"]["inputs"]["lora_name"] == adapter
