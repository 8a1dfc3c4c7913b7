"""Values by hand: numbers that are reckoned, prompts that are weighted, masks that are painted."""

from __future__ import annotations

import io
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from playwright.sync_api import expect
from safetensors.torch import save_file

from tests.browser.axe import findings
from tests.browser.editor import Editor, workflow
from tests.browser.weft_server import WeftServer


def inspected(editor: Editor, node: str) -> None:
    editor.key("i")
    editor.node(node).locator(".node__title").click()


def test_a_number_is_reckoned_stepped_and_scrubbed(editor: Editor) -> None:
    editor.load(workflow({"paper": {"type": "EmptyImage", "inputs": {"width": 64}}}))
    inspected(editor, "paper")
    width = editor.page.get_by_role("region", name="Inspector").get_by_role(
        "spinbutton", name="width"
    )
    width.focus()
    editor.page.keyboard.type("2*(40+8)")
    editor.key("Enter")
    expect(width).to_have_attribute("aria-valuenow", "96")
    editor.key("ArrowUp")
    expect(width).not_to_have_attribute("aria-valuenow", "96")
    box = width.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = editor.exported()["nodes"]["paper"]["inputs"]["width"]
    editor.page.mouse.move(*middle)
    editor.page.mouse.down()
    editor.page.mouse.move(middle[0] + 60, middle[1], steps=6)
    editor.page.mouse.up()
    assert editor.exported()["nodes"]["paper"]["inputs"]["width"] > before
    editor.key("Control+z")
    assert editor.exported()["nodes"]["paper"]["inputs"]["width"] == before


def test_a_word_of_a_prompt_is_weighted_by_key(editor: Editor) -> None:
    editor.load(workflow({"prompt": {"type": "CLIPTextEncode", "inputs": {"text": "a red star"}}}))
    inspected(editor, "prompt")
    field = editor.page.get_by_role("region", name="Inspector").locator("textarea")
    field.focus()
    editor.key("End")
    editor.key("Control+Shift+ArrowLeft")
    editor.key("Control+ArrowUp")
    editor.key("Control+ArrowUp")
    expect(field).to_have_value("a red (star:1.1)")
    editor.key("Control+ArrowDown")
    expect(field).to_have_value("a red (star:1.05)")


@pytest.fixture
def embeddings(models: Path) -> Iterator[None]:
    folder = models / "embeddings"
    folder.mkdir(exist_ok=True)
    for name in ("fox-fur", "fog"):
        save_file({"emb_params": torch.zeros(1, 8)}, folder / f"{name}.safetensors")
    yield
    shutil.rmtree(folder)


def test_the_name_of_an_embedding_is_completed_in_the_prompt(
    editor: Editor, embeddings: None
) -> None:
    editor.load(workflow({"text": {"type": "CLIPTextEncode", "inputs": {"text": ""}}}, "Completes"))
    inspected(editor, "text")
    field = editor.page.get_by_role("region", name="Inspector").get_by_role("textbox", name="text")
    field.press_sequentially("a star, embedding:fo")
    options = editor.page.get_by_role("option")
    expect(options).to_have_text(["fog", "fox-fur"])
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert findings(editor) == []
    editor.key("ArrowDown")
    editor.key("Enter")
    expect(field).to_have_value("a star, embedding:fox-fur")
    expect(options).to_have_count(0)


def test_the_size_of_a_picture_is_told_before_anything_runs(editor: Editor) -> None:
    content = {"paper": {"type": "EmptyImage", "inputs": {"width": 320, "height": 96}}}
    editor.load(workflow(content, "Sized"))
    inspected(editor, "paper")
    inspector = editor.page.get_by_role("region", name="Inspector")
    expect(inspector.get_by_title("The size that this will have")).to_have_text("1×3×96×320")


def test_a_mask_is_painted_and_is_what_the_run_sees(editor: Editor, server: WeftServer) -> None:
    editor.load(
        workflow(
            {
                "load": {"type": "LoadImage", "inputs": {"image": "weft-example.png"}},
                "white": {
                    "type": "MaskToImage",
                    "inputs": {"mask": {"link": ["load", "mask"]}},
                },
                "save": {"type": "SaveImage", "inputs": {"images": {"link": ["white", "image"]}}},
            },
            "Masked",
        )
    )
    inspected(editor, "load")
    inspector = editor.page.get_by_role("region", name="Inspector")
    inspector.get_by_role("button", name="Paint a mask").click()
    dialog = editor.page.get_by_role("dialog", name="Paint a mask")
    paper = dialog.locator(".mask-editor__mask")
    expect(paper).to_be_visible()
    box = paper.bounding_box()
    assert box is not None
    across = [box["x"] + box["width"] * share for share in (0.35, 0.65)]
    down = box["y"] + box["height"] / 2
    editor.page.mouse.move(across[0], down)
    editor.page.mouse.down()
    editor.page.mouse.move(across[1], down, steps=8)
    editor.page.mouse.up()
    dialog.get_by_role("button", name="Invert").click()
    dialog.get_by_role("button", name="Undo").click()
    dialog.get_by_role("button", name="Use this mask").click()
    expect(dialog).to_have_count(0)
    assert editor.exported()["nodes"]["load"]["inputs"]["image"] != "weft-example.png"
    editor.run()
    editor.expect_picture("save")
    newest = server.get("/api/v1/artifacts?limit=1")["items"][0]
    with urllib.request.urlopen(f"{server.url}/api/v1/artifacts/{newest['id']}/content") as answer:
        mask = Image.open(io.BytesIO(answer.read())).convert("L")
    assert mask.getpixel((mask.width // 2, mask.height // 2)) == 255
    assert mask.getpixel((2, 2)) == 0
