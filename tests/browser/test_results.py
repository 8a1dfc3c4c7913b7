"""Results that are no still pictures: texts, what moves, other files; and lists that keep up."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import TINY
from tests.browser.editor import RUN_PATIENCE, Editor, workflow
from tests.browser.weft_server import WeftServer


def made(title: str, **inputs: Any) -> dict[str, Any]:
    return workflow({"make": {"type": "MakeFile", "inputs": inputs}}, title)


def shown_text(editor: Editor, node: str) -> Locator:
    text = editor.node(node).locator("pre")
    expect(text).to_be_visible(timeout=RUN_PATIENCE)
    return text


def test_a_text_is_shown_on_its_node_whole_and_in_the_gallery(editor: Editor) -> None:
    words = "A red star,\nand below it the sea. Çà, 星."
    editor.load(
        workflow(
            {
                "words": {"type": "PrimitiveStringMultiline", "inputs": {"value": words}},
                "show": {
                    "type": "PreviewAny",
                    "inputs": {"source": {"link": ["words", "string"]}},
                },
            },
            "Words",
        )
    )
    expect(editor.node("show")).to_contain_text("Text appears here after a run")
    editor.run()
    expect(shown_text(editor, "show")).to_have_text(words)
    editor.node("show").get_by_role("button", name="text_").click()
    dialog = editor.page.get_by_role("dialog")
    expect(dialog.locator("pre")).to_have_text(words)
    expect(dialog.get_by_role("button", name="Actual size")).to_have_count(0)
    editor.key("Escape")
    gallery = editor.panel("Gallery")
    gallery.get_by_text("Previews").click()
    expect(gallery.get_by_title("Words").first).to_contain_text("A red star")


def test_the_text_of_a_result_is_copied(editor: Editor) -> None:
    editor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    editor.load(made("Copied", text="take this"))
    editor.run()
    shown_text(editor, "make")
    editor.node("make").get_by_role("button", name="Copy the text").click()
    expect(editor.page.get_by_text("Copied.", exact=True)).to_be_visible()
    assert editor.page.evaluate("navigator.clipboard.readText()") == "take this"


def test_of_a_long_text_the_beginning_is_shown_and_said_so(editor: Editor) -> None:
    editor.load(made("Long", text="0123456789", times=20_000))
    editor.run()
    expect(shown_text(editor, "make")).to_have_text(re.compile("^[0-9]{65536}$"))
    editor.node("make").get_by_role("button", name="made_").click()
    expect(editor.page.get_by_role("dialog")).to_contain_text("The first 65.5 kB of 200 kB")


def test_json_is_set_out_with_its_large_numbers_as_they_are(editor: Editor) -> None:
    content = '{"seed":18446744073709551615,"sizes":[64,128]}'
    editor.load(made("Data", text=content, suffix=".json", mime="application/json"))
    editor.run()
    expect(shown_text(editor, "make")).to_have_text(
        '{\n  "seed": 18446744073709551615,\n  "sizes": [\n    64,\n    128\n  ]\n}'
    )


def test_any_other_file_is_named_to_be_opened_and_downloaded(editor: Editor) -> None:
    editor.load(made("Weights", text="....", suffix=".bin", mime="application/octet-stream"))
    editor.run()
    node = editor.node("make")
    name = node.get_by_role("button", name="made_")
    expect(name).to_be_visible(timeout=RUN_PATIENCE)
    with editor.page.expect_download() as download:
        node.get_by_role("link", name="Download the file").click()
    assert Path(download.value.path()).read_text("utf-8") == "...."
    name.click()
    expect(editor.page.get_by_role("dialog")).to_contain_text("4 B")
    editor.key("Escape")
    expect(editor.panel("Gallery")).to_contain_text(name.text_content() or "no name")


def test_a_picture_that_moves_moves_on_its_node(editor: Editor) -> None:
    paper = {"width": 32, "height": 32, "batch_size": 3, "color": 0x22AA44}
    editor.load(
        workflow(
            {
                "paper": {"type": "EmptyImage", "inputs": paper},
                "save": {
                    "type": "SaveAnimatedWEBP",
                    "inputs": {"images": {"link": ["paper", "image"]}},
                },
            },
            "Moves",
        )
    )
    editor.run()
    editor.expect_picture("save")
    expect(editor.picture("save")).to_have_attribute("src", re.compile("/content$"))
    expect(editor.panel("Gallery").get_by_title("Moves", exact=True).first).to_be_visible()


@pytest.fixture
def newcomer(models: Path) -> Iterator[Path]:
    """A place for a model that is not there yet."""
    path = models / "checkpoints" / "newcomer.safetensors"
    yield path
    path.unlink(missing_ok=True)


def test_a_model_that_is_added_is_offered_and_no_longer_missed(
    editor: Editor, newcomer: Path
) -> None:
    loader = {"type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": newcomer.name}}
    content = workflow(
        {
            "loader": loader,
            "show": {"type": "PreviewAny", "inputs": {"source": {"link": ["loader", "model"]}}},
        },
        "Waits for a model",
    )
    editor.load(content)
    expect(editor.node("loader")).to_have_attribute("data-problem", "error")
    shutil.copyfile(newcomer.with_name(TINY), newcomer)
    expect(editor.node("loader")).not_to_have_attribute("data-problem", "error")
    editor.key("i")
    editor.node("loader").locator(".node__title").click()
    inspector = editor.page.get_by_role("region", name="Inspector")
    choice = inspector.get_by_role("button", name=newcomer.name)
    expect(choice).to_have_attribute("aria-invalid", "false")
    newcomer.unlink()
    expect(choice).to_have_attribute("aria-invalid", "true")


def test_a_workflow_that_is_saved_elsewhere_appears_in_the_library(
    editor: Editor, server: WeftServer
) -> None:
    library = editor.panel("Library")
    expect(library.get_by_text("From elsewhere")).to_have_count(0)
    server.send("PUT", "/api/v1/workflows/elsewhere", workflow({}, "From elsewhere"))
    expect(library.get_by_text("From elsewhere")).to_be_visible()
    server.send("DELETE", "/api/v1/workflows/elsewhere")
    expect(library.get_by_text("From elsewhere")).to_have_count(0)
